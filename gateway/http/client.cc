// Who owns what: a handle owns its exchange; a pool owns its connections; an exchange on a
// connection and that connection point at each other. Everything that calls a user back first
// brings this web into its next state, because the user may send, cancel, or pause from inside.
#include "gateway/http/client.h"

#include <array>
#include <charconv>
#include <cstring>
#include <utility>

#include "gateway/http/client_connection.h"
#include "gateway/http/client_exchange.h"
#include "gateway/http/client_metrics.h"
#include "gateway/http/client_pool.h"
#include "gateway/http/request_writer.h"
#include "gateway/http/transport.h"

namespace tocsin::http {

namespace {

using Phase = ClientExchange::Phase;

/// The longest name DNS knows, or an address.
constexpr std::size_t kHostBytesMax = 254;

// "scheme port transport host" in the caller's buffer, so that finding a pool allocates nothing.
using KeyBuffer = std::array<char, 8 + 8 + 21 + kHostBytesMax>;

std::string_view pool_key(const Endpoint& endpoint, KeyBuffer& buffer) {
  char* at = buffer.data();
  std::memcpy(at, endpoint.scheme.data(), endpoint.scheme.size());
  at += endpoint.scheme.size();
  *at++ = ' ';
  at = std::to_chars(at, at + 5, endpoint.port).ptr;
  *at++ = ' ';
  if (endpoint.transport != nullptr) at = std::to_chars(at, at + 20, endpoint.transport->id).ptr;
  *at++ = ' ';
  for (const char c : endpoint.host) *at++ = to_lower(c);
  return {buffer.data(), static_cast<std::size_t>(at - buffer.data())};
}

}  // namespace

HttpClient::HttpClient(event::Loop& loop, Connector& connector, const ClientOptions& options)
    : loop_(loop),
      connector_(connector),
      options_(options),
      blocks_(std::make_shared<BlockPool>()) {}

HttpClient::~HttpClient() { TOCSIN_ASSERT(calls_ == 0, "a client was destroyed before its calls"); }

Result<ClientCall> HttpClient::send(const ClientRequest& request, ClientEvents& events) {
  loop_.assert_owner();
  TOCSIN_TRY(check_request(request));
  const Endpoint endpoint{request.scheme, request.host, request.port, request.transport.get()};
  if (request.host.empty() || request.host.size() > kHostBytesMax || request.scheme.size() > 8) {
    return tocsin::fail(Code::kInvalid, "the request names no host");
  }
  TOCSIN_TRY(connector_.check(endpoint));
  ClientPool* pool = find_pool(endpoint, request);
  if (pool == nullptr) return tocsin::fail(Code::kFull, "too many hosts are in use");
  if (!pool->accepts()) return tocsin::fail(Code::kFull, "too many requests wait for the host");

  ClientExchange& exchange = take_exchange();
  exchange.request = request;
  exchange.events = &events;
  exchange.connection = nullptr;
  exchange.body_left = request.body.kind == ClientBody::Kind::kLength ? request.body.length : 0;
  exchange.retried = exchange.left_before = exchange.paused = false;
  exchange.body_asked = exchange.body_ended = false;
  if (options_.metrics != nullptr) options_.metrics->requests.add();
  if (request.deadline != MonoTime::max()) exchange.deadline.arm_at(request.deadline);
  pool->submit(exchange);
  return ClientCall(exchange);
}

ClientPool* HttpClient::find_pool(const Endpoint& endpoint, const ClientRequest& request) {
  KeyBuffer buffer;
  const std::string_view key = pool_key(endpoint, buffer);
  if (const auto found = pools_.find(key); found != pools_.end()) return found->second.get();
  if (pools_.size() >= options_.hosts_max && !make_room_for_host()) return nullptr;
  auto pool = std::make_unique<ClientPool>(*this, endpoint, request.transport);
  return pools_.try_emplace(std::string(key), std::move(pool)).first->second.get();
}

// Pools stay when they empty: the next request to the same host finds its own. A pool may be on the
// stack below, so it dies at the tick's end.
bool HttpClient::make_room_for_host() {
  bool made = false;
  for (auto pool = pools_.begin(); pool != pools_.end();) {
    if (!pool->second->empty()) {
      ++pool;
      continue;
    }
    loop_.destroy_later(std::move(pool->second));
    pool = pools_.erase(pool);
    made = true;
  }
  return made;
}

ClientExchange& HttpClient::take_exchange() {
  ++calls_;
  if (!spare_exchanges_.empty()) {
    ClientExchange& exchange = *spare_exchanges_.back().release();
    spare_exchanges_.pop_back();
    return exchange;
  }
  return *new ClientExchange(*this, loop_.timers());  // owned by the handle
}

void HttpClient::give_exchange(ClientExchange& exchange) {
  --calls_;
  exchange.deadline.cancel();
  exchange.phase = Phase::kOver;
  exchange.request.transport.reset();
  std::unique_ptr<ClientExchange> owned(&exchange);
  if (spare_exchanges_.size() < kExchangesKept) spare_exchanges_.push_back(std::move(owned));
}

void HttpClient::time_is_up(ClientExchange& exchange) {
  bool sent = exchange.left_before;
  if (exchange.phase == Phase::kOnConnection) {
    sent = sent || exchange.connection->may_have_left();
    exchange.connection->abandon();
  } else {
    exchange.pool->give_up(exchange);
  }
  const auto kind =
      sent ? ClientError::Kind::kTimeoutAfterSent : ClientError::Kind::kTimeoutBeforeSent;
  fail(exchange, {kind, Error{Code::kTimeout, "the request's deadline passed", {}}, sent});
}

void HttpClient::conclude(ClientExchange& exchange) {
  exchange.phase = Phase::kOver;
  exchange.deadline.cancel();
}

void HttpClient::fail(ClientExchange& exchange, ClientError error) {
  conclude(exchange);
  if (options_.metrics != nullptr) {
    options_.metrics->errors[static_cast<std::size_t>(error.kind)]->add();
  }
  if (error.error.where.empty()) error.error.where = exchange.request.authority;
  exchange.events->on_error(error);
}

void HttpClient::count_reused() {
  ++counted_.reused;
  if (options_.metrics != nullptr) options_.metrics->reused.add();
}

void HttpClient::count_retried() {
  ++counted_.retried;
  if (options_.metrics != nullptr) options_.metrics->retried.add();
}

void HttpClient::close_idle() {
  for (auto& [key, pool] : pools_) pool->close_idle();
}

ClientStats HttpClient::stats() const {
  ClientStats stats = counted_;
  for (const auto& [key, pool] : pools_) pool->count_into(stats);
  return stats;
}

// --- the handle --------------------------------------------------------------------------------

void ClientCall::cancel() {
  if (exchange_ == nullptr) return;
  ClientExchange& exchange = *std::exchange(exchange_, nullptr);
  if (exchange.phase == Phase::kWaiting) {
    exchange.pool->give_up(exchange);
  } else if (exchange.phase == Phase::kOnConnection) {
    exchange.connection->abandon();
  }
  exchange.client.give_exchange(exchange);
}

bool ClientCall::send_data(std::string_view bytes) {
  if (exchange_->phase == Phase::kOver) return true;
  TOCSIN_ASSERT(exchange_->phase == Phase::kOnConnection, "a body was sent before on_writable");
  return exchange_->connection->send_data(bytes);
}

void ClientCall::send_end(const HeaderMap* trailers) {
  if (exchange_->phase == Phase::kOver) return;
  TOCSIN_ASSERT(exchange_->phase == Phase::kOnConnection, "a body was ended before on_writable");
  exchange_->connection->send_end(trailers);
}

void ClientCall::pause() {
  exchange_->paused = true;
  if (exchange_->phase == Phase::kOnConnection) exchange_->connection->pause();
}

void ClientCall::resume() {
  if (!std::exchange(exchange_->paused, false)) return;
  if (exchange_->phase == Phase::kOnConnection) exchange_->connection->resume();
}

}  // namespace tocsin::http
