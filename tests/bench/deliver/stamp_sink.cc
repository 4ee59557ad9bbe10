// Receives what the deliver bench sends and measures how old it is: post_load stamped each
// notification's external_id with the time of sending.
//
//   stamp_sink PORT
//
// Answers each POST 204. GET tells what came since the last GET, as JSON.
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include "tests/bench/load/latencies.h"
#include "tests/bench/load/message_bytes.h"

namespace tocsin::bench {

namespace {

constexpr std::string_view kField = "\"external_id\":\"";
constexpr std::size_t kStampBytes = 20;

struct Connection {
  int fd;
  std::string bytes;
};

class Sink {
 public:
  explicit Sink(std::uint16_t port)
      : listener_(::socket(AF_INET, SOCK_STREAM, 0)), epoll_(::epoll_create1(0)) {
    const int on = 1;
    ::setsockopt(listener_, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::bind(listener_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
        ::listen(listener_, 1024) != 0) {
      std::perror("stamp_sink");
      std::_Exit(1);
    }
    watch(listener_, nullptr);
  }

  [[noreturn]] void run() {
    for (epoll_event events[256];;) {
      const int count = ::epoll_wait(epoll_, events, 256, -1);
      for (int i = 0; i < count; ++i) {
        auto* connection = static_cast<Connection*>(events[i].data.ptr);
        connection == nullptr ? accept() : read(connection);
      }
    }
  }

 private:
  void watch(int fd, Connection* connection) const {
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.ptr = connection;
    ::epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event);
  }

  void accept() const {
    const int fd = ::accept(listener_, nullptr, nullptr);
    if (fd < 0) return;
    const int on = 1;
    ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    watch(fd, new Connection{fd, {}});
  }

  void read(Connection* connection) {
    char bytes[16 * 1024];
    const ssize_t n = ::read(connection->fd, bytes, sizeof bytes);
    if (n <= 0) {
      ::close(connection->fd);
      delete connection;
      return;
    }
    connection->bytes.append(bytes, static_cast<std::size_t>(n));
    std::size_t body = 0;
    while (const std::size_t length = message_bytes(connection->bytes, body)) {
      const std::string_view message = std::string_view(connection->bytes).substr(0, length);
      message.starts_with("GET") ? report(connection->fd) : take(connection->fd, message);
      connection->bytes.erase(0, length);
    }
  }

  void take(int fd, std::string_view message) {
    const std::size_t at = message.find(kField);
    if (at != std::string_view::npos) {
      const std::string_view digits = message.substr(at + kField.size(), kStampBytes);
      std::uint64_t stamp = 0;
      std::from_chars(digits.data(), digits.data() + digits.size(), stamp);
      latencies_.add(mono_ns() - stamp);
    }
    write(fd, "HTTP/1.1 204 No Content\r\n\r\n");
  }

  void report(int fd) {
    char* text = nullptr;
    std::size_t length = 0;
    std::FILE* out = ::open_memstream(&text, &length);
    std::fprintf(out, R"({"received":%zu,)", latencies_.count());
    latencies_.print(out);
    std::fputs("}\n", out);
    std::fclose(out);
    latencies_.clear();
    write(fd, "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(length) + "\r\n\r\n" + text);
    std::free(text);
  }

  static void write(int fd, std::string_view text) {
    if (::write(fd, text.data(), text.size()) < 0) std::perror("stamp_sink");
  }

  const int listener_;
  const int epoll_;
  Latencies latencies_;
};

}  // namespace

}  // namespace tocsin::bench

int main(int count, char** arguments) {
  if (count != 2) {
    std::fputs("usage: stamp_sink PORT\n", stderr);
    return 2;
  }
  tocsin::bench::Sink(static_cast<std::uint16_t>(std::atoi(arguments[1]))).run();
}
