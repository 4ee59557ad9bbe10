// What a table cannot know, because it takes two settings to be wrong.

#include "gateway/app/gateway_check.h"

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <span>
#include <utility>
#include <vector>

#include "gateway/admin/guard.h"
#include "gateway/app/admin_server.h"
#include "gateway/app/listen_address.h"
#include "gateway/base/address.h"
#include "gateway/base/arena.h"
#include "gateway/base/text.h"
#include "gateway/config/key_advice.h"
#include "gateway/http/target.h"

namespace tocsin::app {

namespace {

using config::path_of_item;
using config::path_of_key;

bool is_token_char(char c) {
  constexpr std::string_view kMarks = "!#$%&'*+-.^_`|~";  // RFC 9110, 5.6.2
  const char lower = to_lower(c);
  return (lower >= 'a' && lower <= 'z') || (c >= '0' && c <= '9') || kMarks.find(c) != kMarks.npos;
}

bool is_token(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), is_token_char);
}

bool holds_control(std::string_view text) {
  return std::any_of(text.begin(), text.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return (byte < 0x20 && c != '\t') || byte == 0x7F;
  });
}

bool is_one_of(std::span<const std::string_view> names, std::string_view name) {
  return std::any_of(names.begin(), names.end(),
                     [&](std::string_view one) { return equals_ignoring_case(one, name); });
}

bool is_framing_header(std::string_view name) {
  constexpr std::array<std::string_view, 7> kOurs = {
      "connection", "content-length",    "date",   "keep-alive",
      "trailer",    "transfer-encoding", "upgrade"};
  return is_one_of(kOurs, name);
}

// Headers with a meaning of their own, which an id in their place would take from them.
bool has_other_meaning(std::string_view name) {
  constexpr std::array<std::string_view, 15> kOthers = {
      "accept", "allow",    "authorization", "cache-control", "content-encoding",
      "cookie", "expect",   "content-type",  "host",          "idempotency-key",
      "origin", "location", "retry-after",   "set-cookie",    "te"};
  return is_one_of(kOthers, name);
}

// What names a caller or a listener in log lines, records and metrics.
bool is_plain_name(std::string_view name) {
  return !name.empty() && name.size() <= 64 && std::all_of(name.begin(), name.end(), [](char c) {
    const char lower = to_lower(c);
    return (lower >= 'a' && lower <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
           c == '_';
  });
}

// b64token of RFC 6750, 2.1: what can stand behind "Bearer".
bool is_bearer_token(std::string_view token) {
  constexpr std::string_view kMarks = "-._~+/";
  const std::size_t end = token.find_last_not_of('=');
  if (end == token.npos) return false;
  token = token.substr(0, end + 1);
  return std::all_of(token.begin(), token.end(), [&](char c) {
    const char lower = to_lower(c);
    return (lower >= 'a' && lower <= 'z') || (c >= '0' && c <= '9') ||
           kMarks.find(c) != kMarks.npos;
  });
}

// As clients send it: whatever is not ASCII as its percent-encoding.
std::string ascii_only(std::string_view path) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  std::string out;
  for (const char c : path) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x80) {
      out += c;
    } else {
      out.append("%").append(1, kDigits[byte >> 4U]).append(1, kDigits[byte & 15U]);
    }
  }
  return out;
}

constexpr std::size_t kPathArenaBytes = 64 * 1024;

class GatewayChecker {
 public:
  config::Diagnostics run(const Value& root) {
    admin(root.at("admin"));
    for (const Value::Entry& entry : root.at("listeners").as<Value::Map>()) listener(entry);
    for (config::Diagnostic& fault : faults_) {
      fault.hide_source = fault.hide_source || secret_lines_.contains(line_of(fault.place));
    }
    config::sort_by_place(faults_);
    return std::move(faults_);
  }

 private:
  struct Claim {  // an address that is taken
    ListenAddress address;
    std::string text;
    Place place;
  };
  using Line = std::pair<std::string, std::uint32_t>;
  static Line line_of(const Place& place) {
    return {place.file ? *place.file : std::string(), place.line};
  }

  void blame(const Place& place, std::string path, std::string message, std::string hint) {
    faults_.push_back({place, std::move(path), std::move(message), std::move(hint)});
  }

  void admin(const Value& admin) {
    const Value& address = admin.at("address");
    const auto& tokens = admin.at("tokens").as<Value::Map>();
    const Result<Address> parsed = parse_address(address.as<std::string>());
    if (parsed && !is_loopback(parsed->host) && tokens.empty()) {
      blame(address.place(), "admin.address",
            "the admin address can be reached from the network, and no token guards it",
            "give callers a token under admin.tokens, or use a loopback address such as "
            "127.0.0.1:9900");
    }
    claim(address, "admin.address");
    std::map<std::string, Place> secrets;
    for (const Value::Entry& entry : tokens) admin_token(entry, secrets);
  }

  void admin_token(const Value::Entry& entry, std::map<std::string, Place>& secrets) {
    const std::string path = path_of_key("admin.tokens", entry.key);
    if (entry.key == admin::Guard::kLocal) {
      blame(entry.key_place, path,
            "the audit calls whoever needs no token \"local\"; a token cannot have that name",
            "choose another name");
    } else if (!is_plain_name(entry.key)) {
      blame(entry.key_place, path, "a caller's name has letters, digits, dashes, dots and _ alone",
            "choose another name");
    }
    const Value& token = entry.value.at("token");
    secret_lines_.insert(line_of(token.place()));
    if (!is_bearer_token(token.as<std::string>())) {
      const bool lines = token.as<std::string>().find_first_of("\r\n") != std::string::npos;
      blame(token.place(), path + ".token",
            "a token has letters, digits and -._~+/ alone, and may end in =",
            lines ? "this one is more than a line: a file may end in one line break, not in two"
                  : "make one with: openssl rand -hex 24");
    }
    const auto [first, is_new] = secrets.emplace(token.as<std::string>(), token.place());
    if (is_new) return;
    blame(token.place(), path + ".token", "another caller has the same token",
          "the other is at " + first->second.text() + "; give each caller one of its own");
  }

  // Every address once, however it is written.
  void claim(const Value& address, const std::string& path) {
    const auto& text = address.as<std::string>();
    const Result<ListenAddress> parsed = ListenAddress::parse(text);
    if (!parsed) {
      return blame(address.place(), path, "the gateway cannot listen on " + text,
                   parsed.error().what);
    }
    const auto taken = std::ranges::find_if(
        claims_, [&](const Claim& claim) { return claim.address.overlaps(*parsed); });
    if (taken == claims_.end()) return claims_.push_back({*parsed, text, address.place()});
    const bool at_default = taken->place.file == nullptr;
    std::string hint =
        at_default ? "admin.address has it by default" : "it is given at " + taken->place.text();
    if (taken->text != text) hint += " as " + taken->text;
    blame(address.place().file ? address.place() : taken->place, path,
          "the address " + text + " is taken already", hint + ": choose another port");
  }

  void listener(const Value::Entry& entry) {
    const std::string path = path_of_key("listeners", entry.key);
    const Value& listener = entry.value;
    if (entry.key == AdminServer::kName) {
      blame(entry.key_place, path,
            "the admin address is called \"admin\" in metrics; a listener cannot have that name",
            "choose another name");
    } else if (!entry.key.empty() && !is_plain_name(entry.key)) {
      blame(entry.key_place, path,
            "a listener's name has at most 64 letters, digits, dashes, dots and _",
            "choose another name");
    }
    claim(listener.at("address"), path + ".address");
    filters(listener.at("filters"), path + ".filters");
    const auto& routes = listener.at("routes").as<Value::List>();
    std::map<std::string, Place> taken;
    for (std::size_t i = 0; i < routes.size(); ++i) {
      route(routes[i], path_of_item(path + ".routes", i), taken);
    }
  }

  void filters(const Value& filters, const std::string& path) {
    const auto& list = filters.as<Value::List>();
    std::map<std::string_view, const Value*> seen;
    for (std::size_t i = 0; i < list.size(); ++i) {
      const std::string& type = list[i].string("type");
      const std::string below = path_of_item(path, i);
      if (const Value* header = list[i].find("header")) id_header(*header, below + ".header");
      const Value* id = list[i].find("id");
      const std::string& name = id == nullptr ? type : id->as<std::string>();
      const auto [first, is_new] = seen.emplace(name, &list[i]);
      if (is_new) continue;
      blame(list[i].place(), below, "the filter " + name + " is in this list twice",
            "it is at " + first->second->place().text() +
                " already; give one of them an id: of its own if both are meant");
    }
  }

  void id_header(const Value& header, const std::string& path) {
    const auto& name = header.as<std::string>();
    if (!is_token(name)) {
      blame(header.place(), path, "\"" + name + "\" is not the name of a header",
            "use letters, digits and dashes, as in X-Request-Id");
    } else if (is_framing_header(name) || has_other_meaning(name)) {
      blame(header.place(), path, "the header " + name + " has a meaning of its own",
            "use one of your own, as X-Request-Id");
    }
  }

  void route(const Value& route, const std::string& path, std::map<std::string, Place>& taken) {
    const bool exact = route.find("path") != nullptr;
    const Value& target = route.at(exact ? "path" : "prefix");
    route_target(target, path + (exact ? ".path" : ".prefix"));
    route_host(route, path);
    filters(route.at("filters"), path + ".filters");
    if (const Value* answer = route.find("respond")) respond(*answer, path + ".respond");
    if (const Value* target_of = route.find("redirect"))
      redirect(*target_of, exact, path + ".redirect");
    for (const std::string& key : claims_of(route, target, exact)) {
      const auto [first, is_new] = taken.emplace(key, target.place());
      if (is_new) continue;
      blame(target.place(), path,
            "this route can never be reached: an earlier one takes its requests",
            "the earlier one is at " + first->second.text());
      break;
    }
  }

  // What a route takes, as text to compare: one claim per method, or one for all of them.
  static std::vector<std::string> claims_of(const Value& route, const Value& target, bool exact) {
    std::string base = exact ? "= " : "^ ";
    base += target.as<std::string>() + " ";
    if (const Value* host = route.find("host")) {
      for (const char c : host->as<std::string>()) base += to_lower(c);
    }
    const Value* methods = route.find("methods");
    if (methods == nullptr) return {base};
    std::vector<std::string> claims;
    for (const Value& method : methods->as<Value::List>()) {
      claims.push_back(base + " " + method.as<std::string>());
    }
    return claims;
  }

  void route_target(const Value& target, const std::string& path) {
    const auto& text = target.as<std::string>();
    if (!text.starts_with('/')) {
      return blame(target.place(), path, "a path begins with a slash, got \"" + text + "\"",
                   "write \"/" + text + "\"");
    }
    if (text.find_first_of("?#") != std::string::npos) {
      return blame(target.place(), path, "a path has no query and no fragment",
                   "leave out everything from the ? or # on");
    }
    if (text.find(' ') != std::string::npos || holds_control(text)) {
      return blame(target.place(), path, "a path has no spaces", "");
    }
    BlockPool blocks;
    Arena arena(blocks, kPathArenaBytes);
    const std::string encoded = ascii_only(text);
    const char* error = nullptr;
    const std::string_view normal = http::normalise_path(encoded, arena, error);
    if (error != nullptr) {
      std::string why(error);
      why.front() = to_lower(why.front());
      if (why.ends_with('.')) why.pop_back();
      blame(target.place(), path, why, "requests for such a path are answered 400");
    } else if (normal != text) {
      blame(target.place(), path, "no request ever has this path: paths are normalised first",
            "write \"" + std::string(normal) + "\"");
    }
  }

  void route_host(const Value& route, const std::string& path) {
    const Value* host = route.find("host");
    if (host == nullptr) return;
    const auto& text = host->as<std::string>();
    const bool name = std::all_of(text.begin(), text.end(), [](char c) {
      const char lower = to_lower(c);
      return (lower >= 'a' && lower <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
             c == '_';
    });
    if (name || is_ip_literal(text)) return;
    const bool wild = text.find('*') != std::string::npos;
    blame(host->place(), path + ".host", "\"" + text + "\" is not a host name",
          wild ? "write one full name; patterns are not supported"
               : "write the name alone, without scheme, port or path");
  }

  void respond(const Value& respond, const std::string& path) {
    const std::int64_t status = respond.integer("status");
    const Value* body = respond.find("body");
    if (body != nullptr && (status == 204 || status == 205 || status == 304)) {
      blame(body->place(), path + ".body",
            "an answer with status " + std::to_string(status) + " has no body",
            "remove the body, or use another status");
    }
    header_value(respond.at("content_type"), path + ".content_type");
    for (const Value::Entry& header : respond.at("headers").as<Value::Map>()) {
      const std::string below = path_of_key(path + ".headers", header.key);
      if (!is_token(header.key)) {
        blame(header.key_place, below, "\"" + header.key + "\" is not the name of a header",
              "use letters, digits and dashes, as in Cache-Control");
      } else if (is_framing_header(header.key)) {
        blame(header.key_place, below, "the gateway writes this header itself", "remove it");
      } else if (equals_ignoring_case(header.key, "content-type")) {
        blame(header.key_place, below, "the content type has a key of its own", "use content_type");
      }
      header_value(header.value, below);
    }
  }

  void header_value(const Value& value, const std::string& path) {
    if (!holds_control(value.as<std::string>())) return;
    blame(value.place(), path, "a header's value is one line without control characters",
          "remove the line break; |- and >- write none at the end");
  }

  void redirect(const Value& redirect, bool exact, const std::string& path) {
    const Value& to = redirect.at("to");
    const auto& text = to.as<std::string>();
    const bool local = text.starts_with('/') && !text.starts_with("//");
    const bool url = text.starts_with("https://") || text.starts_with("http://");
    const std::size_t host = text.find("//") + 2;
    if (url && std::min(text.find_first_of("/?#\\", host), text.size()) == host) {
      blame(to.place(), path + ".to", "\"" + text + "\" names no host",
            "write it in full, as in https://example.com/");
    } else if (!local && !url) {
      blame(to.place(), path + ".to", "expected a path or an http(s) URL, got \"" + text + "\"",
            "write \"/new/\" or \"https://example.com/\"");
    } else if (holds_control(text) || text.find_first_of(" \\") != text.npos) {
      blame(to.place(), path + ".to",
            "a location has no spaces, no backslashes and no control characters",
            "write a space as %20 and a backslash as %5C");
    }
    if (!redirect.boolean("append_path")) return;
    if (text.find_first_of("?#") != text.npos) {
      blame(to.place(), path + ".to",
            "append_path appends to a path, and this location goes on with a query or a fragment",
            "leave out everything from the ? or # on; the request's query is appended");
    }
    if (exact) {
      blame(redirect.at("append_path").place(), path + ".append_path",
            "a route for one path has nothing to append", "use prefix: instead of path:");
    }
  }

  config::Diagnostics faults_;
  std::vector<Claim> claims_;
  std::set<Line> secret_lines_;  // never shown
};

}  // namespace

config::Diagnostics check_gateway(const Value& root) { return GatewayChecker().run(root); }

}  // namespace tocsin::app
