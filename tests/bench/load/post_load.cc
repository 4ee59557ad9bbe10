// Posts one body over kept connections and measures how long each answer took. The part of wrk that
// the benches need, and three things it lacks: a key of its own for each request, a stamp in each
// body, and a rate.
//
//   closed loop   a connection asks again as soon as it was answered
//   --rate N      N requests a second over idle connections; late when none is idle
//
// It ends after --seconds, or after --count requests. A body may hold STAMP_STAMP_STAMP_20, 20
// bytes that become the time of sending (CLOCK_MONOTONIC in ns) wherever they stand, and
// NUMBER_NUMBER_NO__20, 20 bytes that count the requests from 0. With --keyed the header
// Idempotency-Key differs in each request. Any answer but 202, or --status, ends the run with exit
// code 1.
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "tests/bench/load/latencies.h"
#include "tests/bench/load/message_bytes.h"

namespace tocsin::bench {

namespace {

constexpr std::string_view kStamp = "STAMP_STAMP_STAMP_20";
constexpr std::string_view kNumber = "NUMBER_NUMBER_NO__20";
constexpr std::string_view kKey = "key_key_key_key_key_";
constexpr std::size_t kAnswerBytesMax = 1 << 20;

struct Options {
  std::uint16_t port = 0;
  std::string path = "/v1/notifications";
  std::string type = "application/json";
  std::string body;
  std::size_t connections = 32;
  double seconds = 4;
  std::uint64_t count = UINT64_MAX;
  double rate = 0;
  bool keyed = false;
  std::string status = "202";
};

[[noreturn]] void give_up(const char* what, std::string_view detail = {}) {
  std::fprintf(stderr, "post_load: %s %.*s\n", what, static_cast<int>(detail.size()),
               detail.data());
  std::_Exit(1);
}

struct Connection {
  int fd = -1;
  std::uint64_t sent_at = 0;
  bool waits = false;
  std::string answer;
};

class Load {
 public:
  explicit Load(const Options& options) : options_(options), epoll_(::epoll_create1(0)) {
    request_ = "POST " + options.path +
               " HTTP/1.1\r\nHost: bench\r\nContent-Type: " + options.type +
               "\r\nContent-Length: " + std::to_string(options.body.size()) + "\r\n";
    if (options.keyed) request_.append("Idempotency-Key: ").append(kKey).append("\r\n");
    request_.append("\r\n");
    const std::size_t body = request_.size();
    request_.append(options.body);
    key_at_ = options.keyed ? request_.find(kKey) : std::string::npos;
    for (std::size_t at = request_.find(kStamp, body); at != std::string::npos;
         at = request_.find(kStamp, at + kStamp.size())) {
      stamps_at_.push_back(at);
    }
    answer_begins_ = "HTTP/1.1 " + options.status;
    number_at_ = request_.find(kNumber, body);
    connections_.resize(options.connections);
    for (Connection& one : connections_) open(one);
  }

  void run() {
    begun_ = mono_ns();
    const std::uint64_t end = begun_ + static_cast<std::uint64_t>(options_.seconds * 1e9);
    if (options_.rate == 0) {
      for (Connection& one : connections_) {
        if (sent_ < options_.count) send(one);
      }
    }
    for (std::uint64_t now = begun_; now < end && sent_ < options_.count; now = mono_ns()) {
      if (options_.rate > 0) send_due(now);
      wait();
    }
    ended_ = mono_ns();
    stopping_ = true;
    while (waiting_ > 0) wait();
  }

  void print() {
    const double seconds = static_cast<double>(ended_ - begun_) / 1e9;
    std::printf(R"({"requests":%zu,"per_second":%.1f,)", latencies_.count(),
                static_cast<double>(latencies_.count()) / seconds);
    latencies_.print(stdout);
    std::printf("}\n");
  }

 private:
  void open(Connection& one) const {
    one.fd = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(options_.port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::connect(one.fd, reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0) {
      give_up("cannot connect");
    }
    const int on = 1;
    ::setsockopt(one.fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.ptr = &one;
    ::epoll_ctl(epoll_, EPOLL_CTL_ADD, one.fd, &event);
  }

  // 20 digits over a mark of 20 bytes.
  void put(std::size_t at, std::uint64_t number) {
    if (at == std::string::npos) return;
    char digits[21];
    std::snprintf(digits, sizeof digits, "%020llu", static_cast<unsigned long long>(number));
    std::memcpy(request_.data() + at, digits, 20);
  }

  void send(Connection& one) {
    one.sent_at = mono_ns();
    for (const std::size_t at : stamps_at_) put(at, one.sent_at);
    put(number_at_, sent_++);
    // Told apart over runs too, and in an order that helps nobody.
    if (options_.keyed) put(key_at_, (begun_ + ++keys_) * 0x9E3779B97F4A7C15U);
    std::size_t done = 0;
    while (done < request_.size()) {
      const ssize_t n = ::write(one.fd, request_.data() + done, request_.size() - done);
      if (n <= 0) give_up("cannot write");
      done += static_cast<std::size_t>(n);
    }
    one.waits = true;
    ++waiting_;
  }

  void send_due(std::uint64_t now) {
    const auto due =
        static_cast<std::uint64_t>(static_cast<double>(now - begun_) / 1e9 * options_.rate);
    for (Connection& one : connections_) {
      if (sent_ >= std::min(due, options_.count)) return;
      if (!one.waits) send(one);
    }
  }

  void wait() {
    epoll_event events[256];
    const int count = ::epoll_wait(epoll_, events, 256, options_.rate > 0 && !stopping_ ? 1 : 1000);
    if (count == 0 && stopping_) give_up("no answer");
    for (int i = 0; i < count; ++i) read(*static_cast<Connection*>(events[i].data.ptr));
  }

  void read(Connection& one) {
    char bytes[16 * 1024];
    const ssize_t n = ::read(one.fd, bytes, sizeof bytes);
    if (n <= 0) give_up("the connection was closed");
    one.answer.append(bytes, static_cast<std::size_t>(n));
    std::size_t body = 0;
    if (message_bytes(one.answer, body) == 0) {
      if (one.answer.size() > kAnswerBytesMax) give_up("a long answer");
      return;
    }
    if (!one.answer.starts_with(answer_begins_)) give_up("answered", one.answer);
    latencies_.add(mono_ns() - one.sent_at);
    one.answer.clear();
    one.waits = false;
    --waiting_;
    if (options_.rate == 0 && !stopping_ && sent_ < options_.count) send(one);
  }

  const Options& options_;
  const int epoll_;
  std::string request_;
  std::size_t key_at_ = std::string::npos;
  std::vector<std::size_t> stamps_at_;
  std::string answer_begins_;
  std::size_t number_at_ = std::string::npos;
  std::vector<Connection> connections_;
  std::size_t waiting_ = 0;
  std::uint64_t sent_ = 0;
  std::uint64_t keys_ = 0;
  std::uint64_t begun_ = 0;
  std::uint64_t ended_ = 0;
  bool stopping_ = false;
  Latencies latencies_;
};

bool parse(int count, char** arguments, Options& options) {
  for (int i = 1; i < count; ++i) {
    const std::string name = arguments[i];
    if (name == "--keyed") {
      options.keyed = true;
      continue;
    }
    if (++i == count) return false;
    const char* value = arguments[i];
    if (name == "--port") {
      options.port = static_cast<std::uint16_t>(std::atoi(value));
    } else if (name == "--path") {
      options.path = value;
    } else if (name == "--type") {
      options.type = value;
    } else if (name == "--connections") {
      options.connections = static_cast<std::size_t>(std::atoi(value));
    } else if (name == "--seconds") {
      options.seconds = std::atof(value);
    } else if (name == "--count") {
      options.count = static_cast<std::uint64_t>(std::atoll(value));
    } else if (name == "--rate") {
      options.rate = std::atof(value);
    } else if (name == "--status") {
      options.status = value;
    } else if (name == "--body") {
      std::ifstream file(value);
      options.body.assign(std::istreambuf_iterator<char>(file), {});
    } else {
      return false;
    }
  }
  return options.port != 0 && !options.body.empty();
}

}  // namespace

}  // namespace tocsin::bench

int main(int count, char** arguments) {
  tocsin::bench::Options options;
  if (!tocsin::bench::parse(count, arguments, options)) {
    std::fputs(
        "usage: post_load --port N --body FILE [--path P] [--type MEDIA] [--connections N]\n"
        "                 [--seconds S | --count N] [--rate N] [--keyed] [--status N]\n",
        stderr);
    return 2;
  }
  tocsin::bench::Load load(options);
  load.run();
  load.print();
  return 0;
}
