#include "gateway/http/server.h"

#include <utility>

#include "gateway/http/problem.h"
#include "gateway/http/server_connection.h"

namespace tocsin::http {

namespace {

// What a peer is told before anything it sent was read.
std::string refusal_answer(int status, std::string_view detail, std::string_view date) {
  const std::string body = problem_document(status, detail);
  std::string answer = "HTTP/1.1 " + std::to_string(status) + " ";
  answer.append(reason_phrase(status)).append("\r\nDate: ").append(date);
  answer.append("\r\nContent-Type: ").append(kProblemType);
  answer += "\r\nContent-Length: " + std::to_string(body.size());
  answer += "\r\nRetry-After: 1\r\nConnection: close\r\n\r\n";
  return answer + body;
}

telemetry::Counter& refused(telemetry::Metrics& metrics, std::string_view listener,
                            std::string_view why) {
  return metrics
      .counters("tocsin_http_connections_refused_total",
                "Connections turned away before a request was read.", {"listener", "reason"})
      .with({listener, why});
}

telemetry::Counter& of_listener(telemetry::Metrics& metrics, std::string_view name,
                                std::string_view help, std::string_view listener) {
  return metrics.counters(name, help, {"listener"}).with({listener});
}

}  // namespace

ServerMetrics::ServerMetrics(telemetry::Metrics& metrics, std::string_view listener)
    : connections(
          of_listener(metrics, "tocsin_http_connections_total", "Connections accepted.", listener)),
      refused_total_cap(refused(metrics, listener, "connections_max")),
      refused_per_ip_cap(refused(metrics, listener, "connections_per_ip_max")),
      refused_descriptors(refused(metrics, listener, "descriptors")),
      request_bytes(of_listener(metrics, "tocsin_http_request_body_bytes_total",
                                "Bytes of request bodies received.", listener)),
      response_bytes(of_listener(metrics, "tocsin_http_response_body_bytes_total",
                                 "Bytes of response bodies sent.", listener)),
      duration(metrics
                   .histograms("tocsin_http_request_duration_seconds",
                               "From the first byte of a request to the last byte of its answer.",
                               telemetry::kLatencyBounds, {"listener"})
                   .with({listener})) {
  constexpr std::string_view kClasses[] = {"none", "1xx", "2xx", "3xx", "4xx", "5xx"};
  auto& family = metrics.counters("tocsin_http_requests_total",
                                  "Requests by the class of the answer's status; none: the client "
                                  "went away before an answer began.",
                                  {"listener", "class"});
  for (std::size_t i = 0; i < std::size(kClasses); ++i) {
    requests_by_class[i] = &family.with({listener, kClasses[i]});
  }
}

Server::Server(event::Loop& loop, event::ListeningSocket socket, ServerOptions options,
               ServerShared& shared, BlockPool& pool, std::shared_ptr<const RouteSource> source)
    : loop_(loop),
      options_(options),
      shared_(shared),
      pool_(pool),
      source_(std::move(source)),
      address_(socket.address()) {
  listen(std::move(socket));
}

void Server::listen(event::ListeningSocket socket) {
  event::TcpListener::Events& events = *this;
  listeners_.push_back(std::make_unique<event::TcpListener>(loop_, std::move(socket), events,
                                                            options_.descriptors_kept));
}

std::vector<int> Server::listening() const {
  std::vector<int> descriptors;
  descriptors.reserve(listeners_.size());
  for (const auto& listener : listeners_) descriptors.push_back(listener->fd());
  return descriptors;
}

Server::~Server() {
  listeners_.clear();
  while (!connections_.empty()) connections_.back()->cut();
}

void Server::retire() {
  draining_ = true;
  for (const auto& listener : listeners_) listener->accept_queued();
  listeners_.clear();
}

void Server::drain() {
  retire();
  // Backwards, because a connection that closes is replaced by the last one.
  for (std::size_t i = connections_.size(); i-- > 0;) connections_[i]->drain();
}

void Server::cut(const RouteSource& source) {
  for (std::size_t i = connections_.size(); i-- > 0;) {
    if (connections_[i]->serves_with(source)) connections_[i]->cut();
  }
}

void Server::on_accept(std::unique_ptr<event::Stream> stream) {
  shared_.metrics.connections.add();
  auto connection = std::make_unique<ServerConnection>(*this, std::move(stream));
  connection->index_ = connections_.size();
  connections_.push_back(std::move(connection));
  connections_.back()->begin();
}

std::string_view Server::refusal(const event::Address& peer) {
  switch (shared_.caps.admit(peer.ip_key())) {
    case ConnectionCaps::Verdict::kAdmitted:
      return {};
    case ConnectionCaps::Verdict::kTotalReached:
      shared_.metrics.refused_total_cap.add();
      return server_full();
    case ConnectionCaps::Verdict::kPerIpReached:
      shared_.metrics.refused_per_ip_cap.add();
      refusal_ = refusal_answer(429, "This address has too many connections open.",
                                date_.text(loop_.now(), loop_.clock()));
      return refusal_;
  }
  return server_full();
}

std::string_view Server::server_full() {
  refusal_ = refusal_answer(503, "The gateway has no connection to spare.",
                            date_.text(loop_.now(), loop_.clock()));
  return refusal_;
}

std::string_view Server::on_descriptors_exhausted() {
  shared_.metrics.refused_descriptors.add();
  return server_full();
}

std::unique_ptr<Exchange> Server::take_exchange() {
  if (free_exchanges_.empty()) return std::make_unique<Exchange>(loop_, pool_);
  std::unique_ptr<Exchange> exchange = std::move(free_exchanges_.back());
  free_exchanges_.pop_back();
  return exchange;
}

void Server::give_exchange(std::unique_ptr<Exchange> exchange) {
  if (free_exchanges_.size() < kExchangesKept) free_exchanges_.push_back(std::move(exchange));
}

std::unique_ptr<RequestReading> Server::take_request() {
  if (free_requests_.empty()) return std::make_unique<RequestReading>(options_.request);
  std::unique_ptr<RequestReading> request = std::move(free_requests_.back());
  free_requests_.pop_back();
  return request;
}

void Server::give_request(std::unique_ptr<RequestReading> request) {
  if (free_requests_.size() < kRequestsKept) free_requests_.push_back(std::move(request));
}

void Server::count(const ExchangeFacts& facts) {
  const auto status_class = static_cast<std::size_t>(facts.status / 100);
  shared_.metrics.requests_by_class[status_class < 6 ? status_class : 0]->add();
  if (facts.request_bytes != 0) shared_.metrics.request_bytes.add(facts.request_bytes);
  if (facts.response_bytes != 0) shared_.metrics.response_bytes.add(facts.response_bytes);
  shared_.metrics.duration.observe(loop_.now() - facts.began);
}

void Server::remove(ServerConnection& connection) {
  shared_.caps.release(connection.peer().ip_key());
  const std::size_t index = connection.index_;
  loop_.destroy_later(std::move(connections_[index]));
  if (index + 1 != connections_.size()) {
    connections_[index] = std::move(connections_.back());
    connections_[index]->index_ = index;
  }
  connections_.pop_back();
}

}  // namespace tocsin::http
