#pragma once

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gateway/event/fd_watch.h"
#include "gateway/event/loop.h"

namespace tocsin::event {

/// A DNS server of a few names on loopback, UDP and TCP on one port, served by the test's own loop.
/// Messages are written by hand (RFC 1035 4.1):
///
///   | id 2 | flags 2 | counts of questions, answers, authorities, additions: 2 each | question |
///   answers |
class DnsServer {
 public:
  static constexpr std::uint16_t kA = 1, kCname = 5, kAaaa = 28;
  enum Rcode : std::uint8_t { kNoError = 0, kServerFailure = 2, kNoSuchName = 3 };

  struct Record {
    std::string owner;  // empty: the name that was asked
    std::uint16_t type;
    std::uint32_t ttl;
    std::string data;
  };
  struct Zone {
    Rcode rcode = kNoError;
    std::vector<Record> records{};  // sent for every question about the name, whatever its type
    bool truncate_udp = false;
    bool silent = false;  // UDP questions are kept until answer_kept()
    std::string raw{};    // when set: sent instead of a message, behind the right id
  };

  explicit DnsServer(Loop& loop) {
    bind_one_port();
    udp_watch_ = std::make_unique<FdWatch>(loop, udp_, [this](FdWatch::Ready) { serve_udp(); });
    udp_watch_->want(true, false);
    listen_watch_ = std::make_unique<FdWatch>(loop, listening_, [this, &loop](FdWatch::Ready) {
      const int fd = ::accept4(listening_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
      if (fd < 0) return;
      auto& connection = connections_.emplace_back(std::make_unique<Connection>());
      connection->fd = fd;
      connection->watch = std::make_unique<FdWatch>(
          loop, fd, [this, c = connection.get()](FdWatch::Ready) { serve_tcp(*c); });
      connection->watch->want(true, false);
    });
    listen_watch_->want(true, false);
  }
  ~DnsServer() {
    udp_watch_.reset();
    listen_watch_.reset();
    connections_.clear();
    ::close(udp_);
    ::close(listening_);
  }

  std::string address() const { return "127.0.0.1:" + std::to_string(port_); }
  std::map<std::string, Zone>& names() { return names_; }
  /// Questions seen for a name and type.
  int asked(const std::string& name, std::uint16_t type) { return asked_[{name, type}]; }
  int over_tcp() const { return over_tcp_; }
  /// Answers what came while a name was silent by what the zones say now.
  void answer_kept() {
    for (const auto& [from, question] : std::exchange(kept_, {})) reply_udp(from, question);
  }

  static std::string a(const std::string& dotted) {
    std::string bytes;
    std::size_t at = 0;
    for (int i = 0; i < 4; ++i) {
      bytes += static_cast<char>(std::stoi(dotted.substr(at)));
      at = dotted.find('.', at) + 1;
    }
    return bytes;
  }
  static std::string wire_name(std::string_view name) {
    std::string out;
    while (!name.empty()) {
      const std::size_t dot = std::min(name.find('.'), name.size());
      out += static_cast<char>(dot);
      out += name.substr(0, dot);
      name.remove_prefix(std::min(dot + 1, name.size()));
    }
    return out + '\0';
  }

 private:
  struct Connection {
    int fd = -1;
    std::unique_ptr<FdWatch> watch;
    std::string received;
    ~Connection() {
      watch.reset();
      ::close(fd);
    }
  };

  // Both sockets need the same number, so try until a free UDP port is free for TCP as well.
  void bind_one_port() {
    for (int attempt = 0; attempt < 50; ++attempt) {
      udp_ = ::socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
      listening_ = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
      sockaddr_in address{};
      address.sin_family = AF_INET;
      address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
      socklen_t length = sizeof(address);
      auto* raw = reinterpret_cast<sockaddr*>(&address);
      if (::bind(udp_, raw, length) == 0 && ::getsockname(udp_, raw, &length) == 0 &&
          ::bind(listening_, raw, length) == 0 && ::listen(listening_, 8) == 0) {
        port_ = ntohs(address.sin_port);
        return;
      }
      ::close(udp_);
      ::close(listening_);
    }
    TOCSIN_ASSERT(false, "no port is free for both protocols");
  }

  static void append16(std::string& out, unsigned value) {
    out += static_cast<char>(value >> 8);
    out += static_cast<char>(value);
  }

  // Empty: stays silent.
  std::string answer(std::string_view question, bool tcp) {
    if (question.size() < 17) return {};
    std::string name;
    std::size_t at = 12;
    while (at < question.size() && question[at] != 0) {
      const auto length = static_cast<unsigned char>(question[at]);
      if (!name.empty()) name += '.';
      name += question.substr(at + 1, length);
      at += 1 + length;
    }
    const auto type = static_cast<std::uint16_t>(static_cast<unsigned char>(question[at + 1]) << 8 |
                                                 static_cast<unsigned char>(question[at + 2]));
    ++asked_[{name, type}];
    if (tcp) ++over_tcp_;
    const auto found = names_.find(name);
    const Zone zone =
        found == names_.end() ? Zone{kNoSuchName, {}, false, false, {}} : found->second;
    if (zone.silent) return {};
    const std::string id(question.substr(0, 2));
    if (!zone.raw.empty()) return id + zone.raw;
    return id + message(zone, name, type, question.substr(12, at + 5 - 12), tcp);
  }

  static std::string message(const Zone& zone, const std::string& asked, std::uint16_t type,
                             std::string_view question, bool tcp) {
    const bool cut = zone.truncate_udp && !tcp;
    std::string records;
    unsigned count = 0;
    for (const Record& record : zone.records) {
      if (cut || (record.type != type && record.type != kCname)) continue;
      ++count;
      records += wire_name(record.owner.empty() ? asked : record.owner);
      append16(records, record.type);
      append16(records, 1);
      append16(records, record.ttl >> 16);
      append16(records, record.ttl & 0xffff);
      append16(records, static_cast<unsigned>(record.data.size()));
      records += record.data;
    }
    std::string out;
    append16(out, 0x8180U | (cut ? 0x0200U : 0U) | zone.rcode);
    append16(out, 1);
    append16(out, count);
    append16(out, 0);
    append16(out, 0);
    out += question;
    return out + records;
  }

  void serve_udp() {
    char buffer[1500];
    sockaddr_in from{};
    socklen_t length = sizeof(from);
    for (;;) {
      const ssize_t got =
          ::recvfrom(udp_, buffer, sizeof(buffer), 0, reinterpret_cast<sockaddr*>(&from), &length);
      if (got < 0) return;
      reply_udp(from, {buffer, static_cast<std::size_t>(got)});
    }
  }

  void reply_udp(const sockaddr_in& to, const std::string& question) {
    const std::string reply = answer(question, false);
    if (reply.empty()) {
      kept_.emplace_back(to, question);
      return;
    }
    ::sendto(udp_, reply.data(), reply.size(), 0, reinterpret_cast<const sockaddr*>(&to),
             sizeof(to));
  }

  void serve_tcp(Connection& connection) {
    char buffer[1500];
    const ssize_t got = ::recv(connection.fd, buffer, sizeof(buffer), 0);
    if (got <= 0) {
      connection.watch->want(false, false);
      return;
    }
    std::string& in = connection.received;
    in.append(buffer, static_cast<std::size_t>(got));
    while (in.size() >= 2) {
      const std::size_t size = static_cast<std::size_t>(static_cast<unsigned char>(in[0])) << 8 |
                               static_cast<unsigned char>(in[1]);
      if (in.size() < 2 + size) return;
      const std::string reply = answer(std::string_view(in).substr(2, size), true);
      in.erase(0, 2 + size);
      std::string framed;
      append16(framed, static_cast<unsigned>(reply.size()));
      framed += reply;
      ::send(connection.fd, framed.data(), framed.size(), MSG_NOSIGNAL);
    }
  }

  int udp_ = -1;
  int listening_ = -1;
  std::uint16_t port_ = 0;
  std::unique_ptr<FdWatch> udp_watch_, listen_watch_;
  std::vector<std::unique_ptr<Connection>> connections_;
  std::map<std::string, Zone> names_;
  std::map<std::pair<std::string, std::uint16_t>, int> asked_;
  std::vector<std::pair<sockaddr_in, std::string>> kept_;
  int over_tcp_ = 0;
};

}  // namespace tocsin::event
