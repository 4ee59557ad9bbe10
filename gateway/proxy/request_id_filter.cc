#include "gateway/proxy/request_id_filter.h"

#include <algorithm>
#include <new>

#include "gateway/telemetry/ids.h"

namespace tocsin::proxy {

namespace {

// Ids end up in log lines, headers and shell commands: nothing that any of these would interpret.
bool is_harmless_id(std::string_view id) {
  return !id.empty() && id.size() <= RequestIdFilterFactory::kIdBytesMax &&
         std::all_of(id.begin(), id.end(), [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                  c == '-' || c == '_' || c == '.' || c == '=' || c == '+' || c == '/' || c == ':';
         });
}

std::string_view made_id(Arena& arena) {
  const telemetry::RequestId made = telemetry::IdSource::of_this_thread().request_id();
  return arena.copy(made.view()).value_or("");
}

class RequestIdFilter final : public http::HttpFilter {
 public:
  explicit RequestIdFilter(const RequestIdFilterFactory::Options& options) : options_(options) {}

  http::FilterStatus on_request_head(http::FilterContext& context, http::RequestHead& head,
                                     bool) override {
    const auto incoming =
        options_.trust_incoming ? head.headers.find(options_.header) : std::nullopt;
    if (incoming && is_harmless_id(*incoming)) {
      id_ = *incoming;
    } else {
      id_ = made_id(context.arena());
      (void)head.headers.set(options_.header, id_);
    }
    context.name_request(id_);
    return http::FilterStatus::kContinue;
  }

  http::FilterStatus on_response_head(http::FilterContext&, http::ResponseHead& head,
                                      bool) override {
    (void)head.headers.set(options_.header, id_);
    return http::FilterStatus::kContinue;
  }

 private:
  const RequestIdFilterFactory::Options& options_;
  std::string_view id_;
};

}  // namespace

http::HttpFilter* RequestIdFilterFactory::create(Arena& arena) {
  void* place = arena.allocate(sizeof(RequestIdFilter), alignof(RequestIdFilter));
  return place == nullptr ? nullptr : new (place) RequestIdFilter(options_);
}

// Whatever the request says of itself was not read in full, so its id is not trusted either.
void RequestIdFilterFactory::refusing(http::Exchange& exchange, http::ResponseHead& head) {
  exchange.facts().request_id = made_id(exchange.arena());
  (void)head.headers.set(options_.header, exchange.facts().request_id);
}

}  // namespace tocsin::proxy
