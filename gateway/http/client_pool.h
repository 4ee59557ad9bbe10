#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "gateway/event/loop.h"
#include "gateway/http/client.h"
#include "gateway/http/client_connection.h"
#include "gateway/http/client_exchange.h"

namespace tocsin::http {

/// The connections to one host and the requests that wait for one. Hands the first to the second
/// and opens as many attempts as there are waiting requests, within the limit.
class ClientPool final : public event::Deferred {
 public:
  ClientPool(HttpClient& client, const Endpoint& endpoint,
             std::shared_ptr<const Transport> transport);
  ~ClientPool() override;

  /// False: as many wait already as may.
  bool accepts() const;
  /// Queues the request and serves.
  void submit(ClientExchange& exchange);
  /// Puts it first, for a fresh connection.
  void submit_again(ClientExchange& exchange);
  /// Takes it out of the queue, and ends the oldest attempt when that leaves more of them than
  /// wait: one that hangs must not become the next request's.
  void give_up(ClientExchange& exchange);

  /// Gives idle connections to waiting requests and opens what is missing. Calls nobody back.
  void serve();

  /// The connection waits for its next request; serve() follows.
  void park(ClientConnection& connection);
  /// The connection is beyond use: dies at the end of the tick. serve() follows.
  void remove(ClientConnection& connection);
  void close_idle();

  bool empty() const { return connections_.empty() && attempts_.empty() && waiting_ == 0; }
  HttpClient& client() { return client_; }
  void count_into(ClientStats& stats) const;

 private:
  struct Attempt {
    std::unique_ptr<Connector::Attempt> connecting;
  };

  void withdraw(ClientExchange& exchange);
  ClientExchange* first_waiting(bool any) const;
  ClientConnection* take_idle();
  void open_attempts();
  void open_attempt();
  void attempt_over(Attempt& attempt, Result<std::unique_ptr<event::Stream>> stream);

  void count_idle(double change);
  void count_open(double change);

  HttpClient& client_;
  const std::string scheme_;
  const std::string host_;
  const std::uint16_t port_;
  const std::shared_ptr<const Transport> transport_;
  std::vector<std::unique_ptr<ClientConnection>> connections_;
  std::vector<ClientConnection*> idle_;  // the one used last is at the back
  std::vector<std::unique_ptr<Attempt>> attempts_;
  ClientExchange* first_ = nullptr;
  ClientExchange* last_ = nullptr;
  std::size_t waiting_ = 0;
};

}  // namespace tocsin::http
