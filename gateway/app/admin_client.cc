#include "gateway/app/admin_client.h"

#include <array>
#include <utility>

#include "gateway/base/json_reader.h"
#include "gateway/event/loop.h"
#include "gateway/event/resolver.h"
#include "gateway/http/client.h"
#include "gateway/http/tcp_connector.h"

namespace tocsin::app {

namespace {

constexpr std::size_t kAnswerDepthMax = 1024;  // a notification's data may be deep

/// Hears one answer and ends the loop.
class Hearing final : public http::ClientEvents {
 public:
  explicit Hearing(event::Loop& loop) : loop_(loop) {}

  void on_head(const http::ResponseHead& head, bool) override { reply.status = head.status; }
  void on_data(std::string_view bytes) override { reply.body += bytes; }
  void on_end() override { loop_.stop(); }
  void on_error(const http::ClientError& why) override {
    error = why;
    loop_.stop();
  }

  AdminReply reply;
  std::optional<http::ClientError> error;

 private:
  event::Loop& loop_;
};

Error in_words(const http::ClientError& error, const std::string& where) {
  using Kind = http::ClientError::Kind;
  switch (error.kind) {
    case Kind::kConnect:
      return {Code::kUnavailable, "nothing answers at " + where + "; is the gateway running?", {}};
    case Kind::kTimeoutBeforeSent:
    case Kind::kTimeoutAfterSent:
      return {Code::kTimeout, "the gateway at " + where + " did not answer in time", {}};
    default:
      return {Code::kIo,
              "what answers at " + where + " is no gateway, or broke off: " + error.error.what,
              {}};
  }
}

std::string problem_message(int status, const Value& problem) {
  std::string text(text_member(problem, "detail"));
  if (text.empty()) text = "the gateway answered with status " + std::to_string(status);
  const std::string_view pointer = text_member(problem, "pointer");
  if (!pointer.empty()) text = std::string(pointer) + ": " + text;
  if (status == 401) {
    text += "\nShow one with --token-file FILE, or in TOCSIN_ADMIN_TOKEN.";
  }
  return text;
}

}  // namespace

Result<AdminReply> AdminClient::ask(const AdminRequest& request) {
  event::Loop loop({.name = "command"});
  TOCSIN_TRY_SET(resolver, event::Resolver::create(loop, {}));
  http::TcpConnector connector(loop, *resolver);
  http::HttpClient client(loop, connector, {});
  const std::string where = format_address(target_.address);
  const std::string authorization = "Bearer " + target_.token;
  std::vector<http::Header> fields = {{"Accept", "application/json"}};
  if (!target_.token.empty()) fields.push_back({"Authorization", authorization});
  if (!request.body.empty()) fields.push_back({"Content-Type", "application/json"});
  if (!request.idempotency_key.empty()) {
    fields.push_back({"Idempotency-Key", request.idempotency_key});
  }
  http::ClientRequest asked;
  asked.method = request.method;
  asked.host = target_.address.host;
  asked.port = target_.address.port;
  asked.authority = where;
  asked.target = request.target;
  asked.headers = fields;
  asked.body.bytes = request.body;
  asked.deadline = loop.clock().mono() + patience_;
  Hearing hearing(loop);
  TOCSIN_TRY_SET(call, client.send(asked, hearing));
  loop.run();
  if (hearing.error) return tl::unexpected(in_words(*hearing.error, where));
  return std::move(hearing.reply);
}

tl::expected<AdminAnswer, AdminFailure> ask_admin(AdminDoor& door, const AdminRequest& request) {
  Result<AdminReply> reply = door.ask(request);
  if (!reply) return tl::unexpected(AdminFailure{reply.error().text(), {}, 0});
  Result<Value> json = read_json(reply->body, {.depth_max = kAnswerDepthMax});
  const bool object = json && json->is<Value::Map>();
  if (reply->status >= 300) {
    const Value problem = object ? std::move(*json) : Value(Value::Map(), {});
    return tl::unexpected(AdminFailure{problem_message(reply->status, problem),
                                       object ? std::move(reply->body) : "", reply->status});
  }
  if (!object) {
    return tl::unexpected(AdminFailure{"what answers there is no gateway", {}, reply->status});
  }
  return AdminAnswer{std::move(reply->body), std::move(*json)};
}

CommandOutput failed(const AdminFailure& failure, bool json) {
  return {kFaultExit, json ? failure.document : "", "tocsin: " + failure.message + "\n"};
}

CommandOutput wrong_usage(std::string_view message) {
  return {kUsageExit, {}, "tocsin: " + std::string(message) + "\n"};
}

std::string encoded(std::string_view text) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  constexpr std::string_view kPlain = "-._~";
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (letter || kPlain.find(c) != kPlain.npos) {
      out += c;
    } else {
      out += '%';
      out += kDigits[byte >> 4U];
      out += kDigits[byte & 15U];
    }
  }
  return out;
}

std::string_view text_member(const Value& object, std::string_view name) {
  const Value* member = object.is<Value::Map>() ? object.find(name) : nullptr;
  return member != nullptr && member->is<std::string>() ? member->as<std::string>()
                                                        : std::string_view();
}

std::int64_t number_member(const Value& object, std::string_view name) {
  const Value* member = object.is<Value::Map>() ? object.find(name) : nullptr;
  return member != nullptr && member->is<std::int64_t>() ? member->as<std::int64_t>() : 0;
}

}  // namespace tocsin::app
