#include "gateway/http/client_pool.h"

#include <algorithm>
#include <utility>

#include "gateway/http/client_metrics.h"

namespace tocsin::http {

ClientPool::ClientPool(HttpClient& client, const Endpoint& endpoint,
                       std::shared_ptr<const Transport> transport)
    : client_(client),
      scheme_(endpoint.scheme),
      host_(endpoint.host),
      port_(endpoint.port),
      transport_(std::move(transport)) {}

ClientPool::~ClientPool() {
  TOCSIN_ASSERT(waiting_ == 0, "a pool died before its requests");
  if (connections_.empty()) return;  // perhaps after the client
  count_idle(-static_cast<double>(idle_.size()));
  count_open(-static_cast<double>(connections_.size()));
}

void ClientPool::count_idle(double change) {
  if (client_.options_.metrics != nullptr) client_.options_.metrics->idle.add(change);
}

void ClientPool::count_open(double change) {
  if (client_.options_.metrics != nullptr) client_.options_.metrics->connections.add(change);
}

bool ClientPool::accepts() const {
  return !idle_.empty() || waiting_ < client_.options_.waiting_per_host_max;
}

void ClientPool::submit(ClientExchange& exchange) {
  exchange.pool = this;
  exchange.phase = ClientExchange::Phase::kWaiting;
  exchange.next = nullptr;
  exchange.previous = last_;
  (last_ == nullptr ? first_ : last_->next) = &exchange;
  last_ = &exchange;
  ++waiting_;
  serve();
}

void ClientPool::submit_again(ClientExchange& exchange) {
  exchange.phase = ClientExchange::Phase::kWaiting;
  exchange.previous = nullptr;
  exchange.next = first_;
  (first_ == nullptr ? last_ : first_->previous) = &exchange;
  first_ = &exchange;
  ++waiting_;
  serve();
}

void ClientPool::withdraw(ClientExchange& exchange) {
  (exchange.previous == nullptr ? first_ : exchange.previous->next) = exchange.next;
  (exchange.next == nullptr ? last_ : exchange.next->previous) = exchange.previous;
  exchange.next = exchange.previous = nullptr;
  --waiting_;
}

void ClientPool::give_up(ClientExchange& exchange) {
  withdraw(exchange);
  if (attempts_.size() > waiting_) attempts_.erase(attempts_.begin());
}

// A retry waits for a connection that has served nobody; others take any.
ClientExchange* ClientPool::first_waiting(bool fresh) const {
  ClientExchange* exchange = first_;
  while (exchange != nullptr && exchange->retried && !fresh) exchange = exchange->next;
  return exchange;
}

ClientConnection* ClientPool::take_idle() {
  while (!idle_.empty()) {
    ClientConnection* connection = idle_.back();
    if (!connection->too_old()) {
      idle_.pop_back();
      count_idle(-1);
      return connection;
    }
    remove(*connection);
  }
  return nullptr;
}

void ClientPool::serve() {
  while (!idle_.empty()) {
    ClientExchange* exchange = first_waiting(false);
    if (exchange == nullptr) break;
    ClientConnection* connection = take_idle();
    if (connection == nullptr) break;
    withdraw(*exchange);
    connection->begin(*exchange);
  }
  open_attempts();
}

void ClientPool::open_attempts() {
  const std::size_t most = client_.options_.connections_per_host_max;
  while (attempts_.size() < waiting_) {
    if (connections_.size() + attempts_.size() >= most) {
      if (idle_.empty()) return;
      remove(*idle_.front());  // only retries wait, and an idle connection is not what they need
      continue;
    }
    open_attempt();
  }
}

void ClientPool::open_attempt() {
  Attempt* attempt = attempts_.emplace_back(std::make_unique<Attempt>()).get();
  attempt->connecting = client_.connector_.connect(
      {scheme_, host_, port_, transport_.get()}, client_.options_.connect_timeout,
      [this, attempt](Result<std::unique_ptr<event::Stream>> stream) {
        attempt_over(*attempt, std::move(stream));
      });
}

void ClientPool::attempt_over(Attempt& attempt, Result<std::unique_ptr<event::Stream>> stream) {
  const auto place = std::find_if(attempts_.begin(), attempts_.end(),
                                  [&](const auto& other) { return other.get() == &attempt; });
  const std::unique_ptr<Attempt> over = std::move(*place);
  attempts_.erase(place);
  ClientExchange* exchange = first_waiting(true);
  if (!stream) {
    if (exchange == nullptr) return;
    withdraw(*exchange);
    serve();
    client_.fail(*exchange,
                 {ClientError::Kind::kConnect, std::move(stream).error(), exchange->left_before});
    return;
  }
  ++client_.counted_.opened;
  if (client_.options_.metrics != nullptr) client_.options_.metrics->opened.add();
  auto connection = std::make_unique<ClientConnection>(*this, std::move(*stream));
  connection->index_ = connections_.size();
  ClientConnection& fresh = *connections_.emplace_back(std::move(connection));
  count_open(1);
  if (exchange == nullptr) {
    park(fresh);
    return;
  }
  withdraw(*exchange);
  fresh.begin(*exchange);
}

void ClientPool::park(ClientConnection& connection) {
  if (idle_.size() >= client_.options_.idle_per_host_max) {
    remove(connection);
    return;
  }
  idle_.push_back(&connection);
  count_idle(1);
  connection.rest();
}

void ClientPool::remove(ClientConnection& connection) {
  count_idle(-static_cast<double>(std::erase(idle_, &connection)));
  count_open(-1);
  const std::size_t index = connection.index_;
  std::unique_ptr<ClientConnection> removed = std::move(connections_[index]);
  if (index + 1 != connections_.size()) {
    connections_[index] = std::move(connections_.back());
    connections_[index]->index_ = index;
  }
  connections_.pop_back();
  removed->shut();
  client_.loop_.destroy_later(std::move(removed));
}

void ClientPool::close_idle() {
  while (!idle_.empty()) remove(*idle_.back());
}

void ClientPool::count_into(ClientStats& stats) const {
  stats.connections += connections_.size();
  stats.idle += idle_.size();
  stats.connecting += attempts_.size();
  stats.waiting += waiting_;
}

}  // namespace tocsin::http
