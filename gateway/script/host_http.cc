// http.request{...} on the loop's client, and what its answer means for a delivery.
//
//   local response, problem = tocsin.http.request{method = "POST", url = "http://...",
//       headers = {["Content-Type"] = "application/json"}, body = "...", timeout_ms = 5000,
//       idempotent = true}
//   response   {status =, headers = {lower-case name = value}, body =}
//   problem    {what =, kind = "connect" | "timeout" | "cut" | "protocol", sent =, idempotent =}

#include <algorithm>
#include <array>
#include <chrono>
#include <utility>
#include <vector>

#include "gateway/base/text.h"
#include "gateway/http/client.h"
#include "gateway/http/head.h"
#include "gateway/http/retry_after.h"
#include "gateway/script/call.h"
#include "gateway/script/host.h"
#include "gateway/script/state.h"
#include "gateway/script/text.h"
#include "gateway/script/verdict_table.h"
#include "gateway/stage/http_verdict.h"

namespace tocsin::script {

namespace {

constexpr std::size_t kHeadersMax = 64;
constexpr std::size_t kBodyBytesMax = std::size_t{1} << 20;    // of a request
constexpr std::size_t kAnswerBytesMax = std::size_t{1} << 20;  // what is beyond is cut
constexpr Duration kPatience = std::chrono::seconds(30);       // without timeout_ms
constexpr lua_Integer kTimeoutMaxMs = 600'000;

const char* kind_of(http::ClientError::Kind kind) {
  using Kind = http::ClientError::Kind;
  switch (kind) {
    case Kind::kConnect:
      return "connect";
    case Kind::kTimeoutBeforeSent:
    case Kind::kTimeoutAfterSent:
      return "timeout";
    case Kind::kClosedBeforeResponse:
    case Kind::kCut:
      return "cut";
    case Kind::kFraming:
    case Kind::kTooLarge:
      break;
  }
  return "protocol";
}

// RFC 9110 9.2.2; the client assumes the same.
bool is_idempotent(std::string_view method) {
  constexpr std::array<std::string_view, 6> kMethods = {"GET",   "HEAD", "OPTIONS",
                                                        "TRACE", "PUT",  "DELETE"};
  return std::find(kMethods.begin(), kMethods.end(), method) != kMethods.end();
}

/// A request with copies of all it needs, and what came back.
class Request final : public Wait, public http::ClientEvents {
 public:
  explicit Request(Call& call) : call_(call) {}

  // The table at 1. Raises for what is no request.
  void read(lua_State* lua, MonoTime now, MonoTime latest) {
    luaL_checktype(lua, 1, LUA_TTABLE);
    Result<http::Url> url = http::parse_url(field(lua, "url", ""));
    if (!url) {
      push_text(lua, url.error().what);
      lua_error(lua);
    }
    url_ = std::move(*url);
    method_ = field(lua, "method", "GET");
    body_ = field(lua, "body", "");
    if (body_.size() > kBodyBytesMax) luaL_error(lua, "the request's body is larger than 1 MiB");
    read_headers(lua);
    lua_getfield(lua, 1, "idempotent");
    is_idempotent_ = lua_toboolean(lua, -1) != 0 || is_idempotent(method_);
    lua_pop(lua, 1);
    Duration patience = kPatience;
    if (lua_getfield(lua, 1, "timeout_ms") != LUA_TNIL) {
      patience = std::chrono::milliseconds(
          std::clamp<lua_Integer>(luaL_checkinteger(lua, -1), 1, kTimeoutMaxMs));
    }
    lua_pop(lua, 1);
    deadline_ = std::min(now + patience, latest);
  }

  Result<void> send(http::HttpClient& client) {
    std::vector<http::Header> headers;
    for (const auto& [name, value] : headers_) headers.push_back({name, value});
    sent_headers_ = std::move(headers);
    http::ClientRequest request;
    request.method = method_;
    request.set_url(url_);
    request.headers = sent_headers_;
    request.body.bytes = body_;
    request.idempotent = is_idempotent_;
    request.deadline = deadline_;
    TOCSIN_TRY_SET(handle, client.send(request, *this));
    handle_ = std::move(handle);
    return {};
  }

  int push_result(lua_State* lua) override {
    State::of(lua).charge(lua, 500 + static_cast<std::int64_t>(answer_.size() / 16));
    if (!error_) return push_response(lua), 1;
    lua_pushnil(lua);
    push_problem(lua, error_->error.text(), kind_of(error_->kind), error_->sent);
    return 2;
  }

  void push_problem(lua_State* lua, std::string_view what, const char* kind, bool sent) const {
    lua_createtable(lua, 0, 4);
    push_text(lua, what);
    lua_setfield(lua, -2, "what");
    lua_pushstring(lua, kind);
    lua_setfield(lua, -2, "kind");
    lua_pushboolean(lua, sent ? 1 : 0);
    lua_setfield(lua, -2, "sent");
    lua_pushboolean(lua, is_idempotent_ ? 1 : 0);
    lua_setfield(lua, -2, "idempotent");
  }

 private:
  static std::string field(lua_State* lua, const char* name, const char* otherwise) {
    std::string text = otherwise;
    const int type = lua_getfield(lua, 1, name);
    if (type == LUA_TSTRING || type == LUA_TNUMBER) {
      text = text_at(lua, -1);
    } else if (type != LUA_TNIL) {
      luaL_error(lua, "the request's %s must be a text", name);
    }
    lua_pop(lua, 1);
    return text;
  }

  void read_headers(lua_State* lua) {
    const int type = lua_getfield(lua, 1, "headers");
    if (type == LUA_TTABLE) {
      for (lua_pushnil(lua); lua_next(lua, -2) != 0; lua_pop(lua, 1)) {
        if (lua_type(lua, -2) != LUA_TSTRING || lua_isstring(lua, -1) == 0) {
          luaL_error(lua, "headers must be texts by name");
        }
        if (headers_.size() == kHeadersMax) luaL_error(lua, "the request has too many headers");
        headers_.emplace_back(text_at(lua, -2), checked_text(lua, -1));
      }
    } else if (type != LUA_TNIL) {
      luaL_error(lua, "headers must be a table");
    }
    lua_pop(lua, 1);
  }

  void push_response(lua_State* lua) {
    lua_createtable(lua, 0, 3);
    lua_pushinteger(lua, status_);
    lua_setfield(lua, -2, "status");
    push_text(lua, answer_);
    lua_setfield(lua, -2, "body");
    lua_createtable(lua, 0, static_cast<int>(fields_.size()));
    for (const auto& [name, value] : fields_) {
      push_text(lua, name);
      push_text(lua, value);
      lua_rawset(lua, -3);
    }
    lua_setfield(lua, -2, "headers");
  }

  void on_head(const http::ResponseHead& head, bool /*end*/) override {
    status_ = head.status;
    for (const http::Header& field : head.headers.all()) {
      std::string name(field.name);
      std::transform(name.begin(), name.end(), name.begin(), to_lower);
      fields_.emplace_back(std::move(name), std::string(field.value));
    }
  }
  void on_data(std::string_view bytes) override {
    answer_.append(bytes.substr(0, kAnswerBytesMax - answer_.size()));
  }
  void on_end() override { call_.resume(); }
  void on_error(const http::ClientError& error) override {
    error_ = error;
    call_.resume();
  }

  Call& call_;
  http::Url url_;
  std::string method_;
  std::string body_;
  std::vector<std::pair<std::string, std::string>> headers_;
  std::vector<http::Header> sent_headers_;
  bool is_idempotent_ = false;
  MonoTime deadline_{};
  int status_ = 0;
  std::vector<std::pair<std::string, std::string>> fields_;
  std::string answer_;
  std::optional<http::ClientError> error_;
  http::ClientCall handle_;  // dies first: what it borrows stands above
};

int request(lua_State* lua) {
  const Host& host = Host::of(lua);
  Call& call = host.call(lua, "http.request");
  http::HttpClient& client = host.client(lua);
  State::of(lua).charge(lua, 500);
  auto asked = std::make_unique<Request>(call);
  asked->read(lua, host.environment(lua).loop.now(), call.deadline());
  if (const Result<void> sent = asked->send(client); !sent) {
    if (sent.error().code == Code::kInvalid) {
      push_text(lua, sent.error().what);
      return lua_error(lua);
    }
    lua_pushnil(lua);
    asked->push_problem(lua, sent.error().text(), "connect", false);
    return 2;
  }
  return call.wait(lua, std::move(asked));
}

bool flag_of(lua_State* lua, int index, const char* name) {
  lua_getfield(lua, index, name);
  const bool is_set = lua_toboolean(lua, -1) != 0;
  lua_pop(lua, 1);
  return is_set;
}

// http.verdict(response, problem): what http.request returned, as deliver() returns it
int verdict(lua_State* lua) {
  lua_settop(lua, 2);
  stage::HttpOutcome outcome;
  std::string text;
  if (lua_istable(lua, 1)) {
    lua_getfield(lua, 1, "status");
    outcome.status = static_cast<int>(luaL_checkinteger(lua, -1));
    outcome.phrase = http::reason_phrase(outcome.status);
    if (lua_getfield(lua, 1, "headers") == LUA_TTABLE) {
      if (lua_getfield(lua, -1, "retry-after") == LUA_TSTRING) {
        outcome.retry_after =
            http::parse_retry_after(text_at(lua, -1), Host::of(lua).clock().wall());
      }
    }
  } else {
    luaL_checktype(lua, 2, LUA_TTABLE);
    outcome.sent = flag_of(lua, 2, "sent");
    outcome.idempotent = flag_of(lua, 2, "idempotent");
    if (lua_getfield(lua, 2, "what") == LUA_TSTRING) text = text_at(lua, -1);
    outcome.error = text;
  }
  push_verdict(lua, stage::http_verdict(outcome));
  return 2;
}

}  // namespace

void push_http_library(lua_State* lua) {
  constexpr luaL_Reg kFunctions[] = {
      {"request", request}, {"verdict", verdict}, {nullptr, nullptr}};
  luaL_newlib(lua, kFunctions);
}

}  // namespace tocsin::script
