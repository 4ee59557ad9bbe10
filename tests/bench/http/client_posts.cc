// The same POST over kept connections, as fast as the answers come, for some seconds:
//
//   client_posts client|tls|bare PORT IN_FLIGHT SECONDS     prints {"requests", "cpu_us",
//   "connections"}
//
// `client` is the gateway's HTTP client; `tls` the same over TLS, believing any certificate; `bare`
// is the least that does the same work: one epoll loop, one write and one read a request, and
// answers told apart by their Content-Length.

#include <arpa/inet.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "gateway/event/loop.h"
#include "gateway/event/resolver.h"
#include "gateway/http/client.h"
#include "gateway/http/tcp_connector.h"
#include "gateway/http/transport_connector.h"

namespace tocsin::bench {
namespace {

const std::string kBody(486, 'x');
constexpr std::string_view kHost = "127.0.0.1";
constexpr std::string_view kTarget = "/hook";

struct Plan {
  std::uint16_t port = 0;
  std::size_t in_flight = 1;
  double seconds = 1;
  bool tls = false;
};

struct Outcome {
  std::uint64_t requests = 0;
  std::size_t connections = 0;
};

double seconds_of(clockid_t clock) {
  timespec time{};
  clock_gettime(clock, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9;
}

[[noreturn]] void give_up(const char* why) {
  std::fprintf(stderr, "client_posts: %s\n", why);
  std::exit(1);
}

// --- the gateway's client

class Poster final : public http::ClientEvents {
 public:
  Poster(http::HttpClient& client, const Plan& plan, double until)
      : client_(client), until_(until) {
    request_.method = "POST";
    request_.scheme = plan.tls ? "https" : "http";
    request_.host = kHost;
    request_.port = plan.port;
    request_.authority = kHost;
    request_.target = kTarget;
    request_.headers = headers_;
    request_.body.bytes = kBody;
  }

  void post() {
    auto call = client_.send(request_, *this);
    if (!call) give_up(call.error().what.c_str());
    call_ = std::move(*call);
  }
  void on_head(const http::ResponseHead& head, bool) override {
    if (head.status != 200) give_up("the answer is not 200");
  }
  void on_data(std::string_view) override {}
  void on_end() override {
    ++done_;
    if (seconds_of(CLOCK_MONOTONIC) < until_) return post();
    over_ = true;
  }
  void on_error(const http::ClientError& error) override { give_up(error.error.what.c_str()); }

  std::uint64_t done() const { return done_; }
  bool over() const { return over_; }

 private:
  http::HttpClient& client_;
  const double until_;
  const http::Header headers_[1] = {{"Content-Type", "application/json"}};
  http::ClientRequest request_;
  http::ClientCall call_;
  std::uint64_t done_ = 0;
  bool over_ = false;
};

Outcome post_with_client(const Plan& plan, double until) {
  event::Loop loop({.name = "bench"});
  loop.run_ready();  // this thread owns it
  const auto resolver = event::Resolver::create(loop, {}).value();
  http::TcpConnector tcp(loop, *resolver);
  http::TransportConnector connector(loop, tcp,
                                     event::TlsContext::for_client({.verify = false}).value());
  http::ClientOptions options;
  options.connections_per_host_max = options.idle_per_host_max = plan.in_flight;
  http::HttpClient client(loop, connector, options);
  std::vector<std::unique_ptr<Poster>> posters;
  for (std::size_t i = 0; i < plan.in_flight; ++i) {
    posters.push_back(std::make_unique<Poster>(client, plan, until));
    posters.back()->post();
  }
  event::Timer stop(loop.timers(), [&] { loop.stop(); });
  stop.arm_after(std::chrono::duration_cast<Duration>(
      std::chrono::duration<double>(until - seconds_of(CLOCK_MONOTONIC) + 0.05)));
  loop.run();
  Outcome outcome{0, client.stats().opened};
  for (const auto& poster : posters) outcome.requests += poster->done();
  posters.clear();
  return outcome;
}

// --- the bare loop

struct Line {
  int fd = -1;
  std::string got;
};

void send_all(int fd, const std::string& bytes) {
  if (::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(bytes.size())) {
    give_up("a request did not leave in one piece");
  }
}

// Whether what was read is one whole answer.
bool whole(const std::string& got) {
  const std::size_t end = got.find("\r\n\r\n");
  if (end == std::string::npos) return false;
  if (!got.starts_with("HTTP/1.1 200 ")) give_up("the answer is not 200");
  const std::size_t field = got.find("Content-Length: ");
  const std::size_t length = field < end ? std::strtoul(got.c_str() + field + 16, nullptr, 10) : 0;
  return got.size() >= end + 4 + length;
}

int connect_to(std::uint16_t port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0) {
    give_up("cannot connect");
  }
  return fd;
}

Outcome post_bare(const Plan& plan, double until) {
  std::string request = "POST " + std::string(kTarget) + " HTTP/1.1\r\nHost: " + std::string(kHost);
  request += "\r\nContent-Type: application/json\r\nContent-Length: ";
  request += std::to_string(kBody.size()) + "\r\n\r\n" + kBody;
  const int poll = ::epoll_create1(EPOLL_CLOEXEC);
  std::vector<Line> lines(plan.in_flight);
  for (Line& line : lines) {
    line.fd = connect_to(plan.port);
    epoll_event interest{};
    interest.events = EPOLLIN;
    interest.data.ptr = &line;
    ::epoll_ctl(poll, EPOLL_CTL_ADD, line.fd, &interest);
    send_all(line.fd, request);
  }
  Outcome outcome{0, lines.size()};
  epoll_event ready[256];
  char bytes[16 * 1024];
  while (seconds_of(CLOCK_MONOTONIC) < until) {
    const int count = ::epoll_wait(poll, ready, 256, 50);
    for (int i = 0; i < count; ++i) {
      Line& line = *static_cast<Line*>(ready[i].data.ptr);
      const ssize_t taken = ::recv(line.fd, bytes, sizeof(bytes), 0);
      if (taken <= 0) give_up("a connection ended");
      line.got.append(bytes, static_cast<std::size_t>(taken));
      if (!whole(line.got)) continue;
      line.got.clear();
      ++outcome.requests;
      send_all(line.fd, request);
    }
  }
  for (const Line& line : lines) ::close(line.fd);
  ::close(poll);
  return outcome;
}

int run(int argc, char** argv) {
  if (argc != 5) give_up("usage: client_posts client|tls|bare PORT IN_FLIGHT SECONDS");
  const Plan plan{static_cast<std::uint16_t>(std::atoi(argv[2])),
                  static_cast<std::size_t>(std::atoi(argv[3])), std::atof(argv[4]),
                  std::strcmp(argv[1], "tls") == 0};
  const double until = seconds_of(CLOCK_MONOTONIC) + plan.seconds;
  const double before = seconds_of(CLOCK_PROCESS_CPUTIME_ID);
  const Outcome outcome =
      std::strcmp(argv[1], "bare") != 0 ? post_with_client(plan, until) : post_bare(plan, until);
  const double cpu = seconds_of(CLOCK_PROCESS_CPUTIME_ID) - before;
  std::printf("{\"requests\": %llu, \"cpu_us\": %.3f, \"connections\": %zu}\n",
              static_cast<unsigned long long>(outcome.requests),
              cpu * 1e6 / static_cast<double>(std::max<std::uint64_t>(outcome.requests, 1)),
              outcome.connections);
  return 0;
}

}  // namespace
}  // namespace tocsin::bench

int main(int argc, char** argv) { return tocsin::bench::run(argc, argv); }
