#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/admin/admin_api.h"
#include "gateway/admin/endpoint.h"
#include "gateway/admin/query_text.h"
#include "gateway/base/function.h"
#include "gateway/http/exchange.h"

namespace tocsin::admin {

/// A request the API refuses or could not serve: becomes a problem document (RFC 9457).
struct Problem {
  int status = 400;
  std::string detail;
  std::optional<std::string> pointer = {};  ///< where in the body (RFC 6901); "": the whole
  Duration retry_after = Duration::zero();  ///< Retry-After, in whole seconds; 0: none
};

/// What a failed operation of the ledger is for the caller. `doing` is what was to be done: "read
/// the store".
Problem problem_of(const Error& error, std::string_view doing);

/// One request to the admin API, from its head to its answer. Checks what every endpoint needs
/// checked (the token, the role, the query, the body's type) before it serves. It lives until the
/// exchange is over and nobody keeps it; an answer that comes after the client has left goes
/// nowhere, but is audited. Control loop.
class ApiCall final : public http::Responder, public std::enable_shared_from_this<ApiCall> {
 public:
  static constexpr std::size_t kBodyBytesMax = 1024 * 1024;

  ApiCall(std::shared_ptr<AdminApi> api, const Endpoint& endpoint, http::Exchange& exchange,
          std::string_view argument);

  /// Refuses, or takes the exchange and serves once the body is there.
  void begin(const http::RequestHead& head);

  AdminApi& api() { return *api_; }
  const Caller& caller() const { return caller_; }
  const std::string& argument() const { return argument_; }
  const std::string& body() const { return body_; }
  /// The Idempotency-Key field; empty: none.
  const std::string& idempotency_key() const { return idempotency_key_; }
  /// A parameter of the query, or null.
  const std::string* parameter(std::string_view name) const;
  event::Loop& loop() { return loop_; }

  /// What the audit says it was about (the argument, unless told otherwise), and what came of it.
  void set_target(std::string target) { target_ = std::move(target); }
  void set_detail(std::string detail) { detail_ = std::move(detail); }

  /// Called once, if the client leaves before the answer; replaces what was set before. An answer
  /// lets go of it.
  void on_gone(Function<void()> callback) { gone_ = std::move(callback); }
  /// The client has left; only the audit hears the answer.
  bool abandoned() const { return exchange_ == nullptr; }

  /// Exactly one of these, once. `json` is a whole document; a line end is added.
  void answer_json(int status, std::string json);
  void answer(int status, std::string_view content_type, std::string_view body);
  void answer(const Problem& problem);

 private:
  void on_body(std::string_view bytes, bool end) override;
  void on_trailers(const http::HeaderMap&) override { serve(); }
  void on_done(http::DoneFlags) override;

  std::optional<Problem> check(const http::RequestHead& head);
  void serve();
  void finish(int status, std::string_view content_type, std::string_view body,
              Duration retry_after);
  void audit(int status);

  const std::shared_ptr<AdminApi> api_;
  const Endpoint& endpoint_;
  event::Loop& loop_;
  http::Exchange* exchange_;
  std::shared_ptr<ApiCall> self_;  // until the exchange is over
  Caller caller_;
  std::vector<Parameter> parameters_;
  const std::string argument_;
  std::string idempotency_key_;
  std::string body_;
  const std::string peer_;
  const std::string request_id_;
  std::string target_;
  std::string detail_;
  Function<void()> gone_;
  bool served_ = false;
  bool answered_ = false;
};

}  // namespace tocsin::admin
