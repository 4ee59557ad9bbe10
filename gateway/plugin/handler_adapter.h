#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/event/timer_wheel.h"
#include "gateway/http/exchange.h"
#include "gateway/http/filter.h"
#include "gateway/plugin/instance.h"
#include "gateway/plugin/token_table.h"
#include "gateway/plugin/worker.h"

namespace tocsin::plugin {

/// A plugin that answers HTTP requests, on one loop: a handler, or an input that is one too. Bodies
/// are collected for it up to what it asked for.
class HandlerAdapter final : private Completions::Answers, private AfterCallback {
 public:
  /// From the request's last byte, or its head when no body is wanted, to the answer.
  static constexpr Duration kAnswerMax = std::chrono::seconds(60);
  static constexpr std::size_t kRequestsMax = 65536;        ///< at once; more are answered 503
  static constexpr std::size_t kBodyKeptBytes = 64 * 1024;  ///< of a buffer, for the next request

  /// `worker` has started and outlives the adapter.
  explicit HandlerAdapter(Worker& worker);
  /// Every exchange it was given is over.
  ~HandlerAdapter();
  HandlerAdapter(const HandlerAdapter&) = delete;
  HandlerAdapter& operator=(const HandlerAdapter&) = delete;

  /// Gives the plugin a request of a route with that prefix ("/v1/").
  void serve(http::Exchange& exchange, const http::RequestHead& head, std::string_view prefix);
  /// At the drain's deadline: requests without an answer get 503. Their exchanges end when their
  /// clients have taken that. Not inside a callback.
  void cut();

 private:
  class Request;

  void show_head(const Request& request, const http::RequestHead& head, std::string_view prefix,
                 tocsin_http_head& out);
  void give_body(Request& request);
  void over(Request& request);
  void end(Request& request);
  std::uint32_t respond(tocsin_token token, const tocsin_http_answer& answer) override;
  std::uint32_t resume(tocsin_token token) override;
  std::size_t under_way() const override { return requests_.size(); }
  void after_callback() override;

  Worker& worker_;
  TokenTable<Request> requests_;
  std::vector<tocsin_header> headers_;
  std::vector<Request*> over_;
  std::vector<Request*> ending_;
};

/// The end of one route: a handler plugin seen from below the route's prefix.
class HandlerRoute final : public http::Handler {
 public:
  HandlerRoute(HandlerAdapter& adapter, std::string prefix)
      : adapter_(adapter), prefix_(std::move(prefix)) {}
  void on_request(http::Exchange& exchange, http::RequestHead& head) override {
    adapter_.serve(exchange, head, prefix_);
  }

 private:
  HandlerAdapter& adapter_;
  const std::string prefix_;
};

/// "/v1/items" below "/v1/" or "/v1" is "/items"; below "/" itself.
std::string_view path_below(std::string_view path, std::string_view prefix);

}  // namespace tocsin::plugin
