// An output whose provider calls back: for tests of what such a call changes.
//
//   POST /accepted/ID  /delivered/ID  /bounced/ID   with the provider's id in X-Provider-Id; the
//                                                   body is the reason of a bounce
//   POST /suppress/ADDRESS  /lift/ADDRESS           the body is the reason
//   GET, PUT /records/KEY                           with If-Match: its version
//
// Each is answered when the gateway has said what came of it: 204 when it is kept.

#include <array>
#include <charconv>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "tocsin/plugin.hpp"

namespace {

namespace sdk = tocsin::sdk;

constexpr sdk::Option kOptions[] = {
    {.key = "verdict",
     .type = sdk::kChoice,
     .doc = "What each attempt comes to.",
     .default_text = "delivered",
     .choices = "delivered|ambiguous|retry"},
};

std::uint32_t http_status(std::uint32_t status) {
  switch (status) {
    case TOCSIN_OK:
      return 204;
    case TOCSIN_NOT_FOUND:
      return 404;
    case TOCSIN_EXISTS:
      return 409;
    case TOCSIN_INVALID:
      return 400;
    default:
      return 503;
  }
}

/// One call: its path is "/VERB/OBJECT".
class Call final : public sdk::Request {
 public:
  Call(sdk::Host host, const sdk::RequestHead& head)
      : host_(host), token_(head.token()), reads_(head.method() == "GET") {
    const std::string_view path = head.path().substr(1);
    const std::size_t slash = path.find('/');
    verb_ = path.substr(0, slash);
    if (slash != path.npos) object_ = path.substr(slash + 1);
    provider_id_ = head.header("x-provider-id");
    const std::string_view match = head.header("if-match");
    std::from_chars(match.data(), match.data() + match.size(), version_);
    if (reads_) read();
  }

  std::uint64_t body_bytes_max() const override { return reads_ ? 0 : 4096; }
  void on_body(std::string_view body) override {
    const auto told = [host = host_, token = token_](std::uint32_t status) {
      host.respond(token, {.status = http_status(status)});
    };
    const std::uint32_t asked = ask(body, told);
    if (asked != TOCSIN_OK) told(asked);
  }

 private:
  std::uint32_t ask(std::string_view body, sdk::Replies::Told told) {
    constexpr std::array<std::string_view, 3> kStates = {"accepted", "delivered", "bounced"};
    for (std::uint32_t state = 0; state < kStates.size(); ++state) {
      if (verb_ == kStates.at(state)) {
        return host_.report({state, object_, provider_id_, body}, std::move(told));
      }
    }
    if (verb_ == "suppress") return host_.suppress(object_, body, {}, std::move(told));
    if (verb_ == "lift") return host_.lift(object_, std::move(told));
    if (verb_ == "records") {
      return host_.records().put(object_, body, version_, {}, std::move(told));
    }
    return TOCSIN_NOT_FOUND;
  }

  void read() {
    const auto told = [host = host_, token = token_](const sdk::RecordAnswer& answer) {
      const std::string version = std::to_string(answer.version());
      const tocsin_header etag = {sdk::to_c("x-version"), sdk::to_c(version)};
      host.respond(token, {.status = answer.found() ? 200 : http_status(answer.status()),
                           .body = answer.value(),
                           .headers = &etag,
                           .header_count = 1});
    };
    const std::uint32_t asked = host_.records().get(object_, told);
    if (asked != TOCSIN_OK) host_.respond(token_, {.status = http_status(asked)});
  }

  sdk::Host host_;
  tocsin_token token_;
  bool reads_;
  std::string verb_;
  std::string object_;
  std::string provider_id_;
  std::uint64_t version_ = 0;
};

class CalledBack final : public sdk::Output, public sdk::Handler {
 public:
  struct Settings {
    std::string verdict;
    bool load(const sdk::Setup& setup, sdk::Fault&) {
      verdict = setup.settings["verdict"].text();
      return true;
    }
  };
  static constexpr sdk::About kAbout = {"called_back", "0.0.1", "Is told later what became of it.",
                                        kOptions};
  static sdk::OutputTraits traits(const Settings&) { return {.address_kind = "sms"}; }

  CalledBack(const Settings& settings, sdk::Host host) : settings_(settings), host_(host) {}

  void deliver(const sdk::Attempt& attempt) override {
    host_.complete(attempt.token(), verdict_of(attempt));
  }
  sdk::RequestPtr on_request(const sdk::RequestHead& head) override {
    return std::make_unique<Call>(host_, head);
  }

 private:
  sdk::Verdict verdict_of(const sdk::Attempt& attempt) const {
    if (settings_.verdict == "ambiguous") return sdk::Verdict::ambiguous("the line went dead");
    if (settings_.verdict == "retry") return sdk::Verdict::retry("busy", std::chrono::hours(1));
    return sdk::Verdict::delivered("p-" + std::string(attempt.delivery_id()));
  }

  const Settings& settings_;
  sdk::Host host_;
};

}  // namespace

TOCSIN_PLUGIN(CalledBack)
