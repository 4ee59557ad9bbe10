// Posts each notification as JSON to a URL. Copy this folder, rename "example", and change what
// deliver() does.

#include <memory>
#include <string>
#include <unordered_map>

#include "tocsin/plugin.hpp"

namespace {

namespace sdk = tocsin::sdk;

// What an operator may write under the output. The same table checks the configuration, fills
// `tocsin plugins show example` and the JSON Schema.
constexpr sdk::Option kOptions[] = {
    {.key = "url",
     .doc = "Where notifications are posted, as in https://hooks.example.com/x.",
     .flags = sdk::kRequired,
     .min = "1"},
    {.key = "token",
     .doc = "Sent as a bearer token; none if it is left out.",
     .flags = sdk::kSecret},
};

class Example final : public sdk::Output {
 public:
  // Made once an instance, on the control thread.
  struct Settings {
    std::string url;
    std::string authorization;

    bool load(const sdk::Setup& setup, sdk::Fault& fault) {
      url = setup.settings["url"].text();
      if (const sdk::Value token = setup.settings["token"])
        authorization = "Bearer " + token.text();
      const bool absolute = url.starts_with("http://") || url.starts_with("https://");
      return absolute || fault.refuse("must begin with http:// or https://", "url");
    }
  };

  static constexpr sdk::About kAbout = {"example", "0.1.0", "Posts notifications to a URL.",
                                        kOptions};
  // The receiver drops a repeated Idempotency-Key: what is in doubt is sent again.
  static sdk::OutputTraits traits(const Settings&) { return {.idempotent = true}; }

  // Made on the loop that delivers; everything below happens there.
  Example(const Settings& settings, sdk::Host host) : settings_(settings), host_(host) {}

  void deliver(const sdk::Attempt& attempt) override {
    const tocsin_token token = attempt.token();
    auto call = std::make_unique<sdk::HttpCall>(host_, [this, token](const sdk::HttpResponse& r) {
      const auto over = calls_.extract(token);
      host_.complete(token, host_.http_verdict(r.c()));
    });
    const tocsin_header headers[] = {
        {sdk::to_c("Content-Type"), sdk::to_c("application/json")},
        {sdk::to_c("Idempotency-Key"), sdk::to_c(attempt.delivery_id())},
        {sdk::to_c("Authorization"), sdk::to_c(settings_.authorization)},
    };
    const std::size_t count = settings_.authorization.empty() ? 2 : 3;
    const bool sent = call->send({.method = "POST",
                                  .url = settings_.url,
                                  .headers = {headers, count},
                                  .body = attempt.payload(),
                                  .idempotent = true,
                                  .deadline = attempt.deadline()});
    if (!sent) {
      host_.complete(token, sdk::Verdict::retry(call->error()));
      return;
    }
    calls_.emplace(token, std::move(call));
  }

  void cancel(tocsin_token attempt) override { calls_.erase(attempt); }

 private:
  const Settings& settings_;
  sdk::Host host_;
  std::unordered_map<tocsin_token, std::unique_ptr<sdk::HttpCall>> calls_;
};

}  // namespace

TOCSIN_PLUGIN(Example)
