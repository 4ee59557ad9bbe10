#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tocsin {

/// A mail server on loopback that answers as a test says, on the test's own thread: step() does
/// what can be done without waiting.
class SmtpServer {
 public:
  struct Peer {
    int fd = -1;
    std::string in;
    std::string mail;
    bool in_mail = false;
    std::size_t number = 0;  ///< of the connection, from 0
  };
  /// The answer to a command, without its CRLF; "" for none, "close" ends the connection.
  using Answers = std::function<std::string(const Peer&, std::string_view command)>;

  SmtpServer() {
    listening_ = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    ::bind(listening_, reinterpret_cast<sockaddr*>(&address), sizeof(address));
    ::listen(listening_, 64);
    socklen_t size = sizeof(address);
    ::getsockname(listening_, reinterpret_cast<sockaddr*>(&address), &size);
    port = ntohs(address.sin_port);
  }
  ~SmtpServer() {
    for (const auto& peer : peers_) ::close(peer->fd);
    ::close(listening_);
  }
  SmtpServer(const SmtpServer&) = delete;
  SmtpServer& operator=(const SmtpServer&) = delete;

  void step() {
    for (int fd = 0; (fd = ::accept4(listening_, nullptr, nullptr, SOCK_NONBLOCK)) >= 0;) {
      peers_.push_back(std::make_unique<Peer>());
      peers_.back()->fd = fd;
      peers_.back()->number = connections++;
      say(*peers_.back(), "220 mail.test ESMTP");
    }
    for (std::size_t i = 0; i < peers_.size();) {
      if (serve(*peers_[i])) {
        ++i;
      } else {
        ::close(peers_[i]->fd);
        peers_.erase(peers_.begin() + static_cast<std::ptrdiff_t>(i));
      }
    }
  }
  std::size_t open() const { return peers_.size(); }
  /// Ends each connection, as a server does that they rested on for too long.
  void hang_up() {
    for (const auto& peer : peers_) ::close(peer->fd);
    peers_.clear();
  }

  unsigned port = 0;
  std::size_t connections = 0;
  std::vector<std::string> commands;  ///< of all connections, as they came
  std::vector<std::string> mails;     ///< as they came, with doubled dots
  std::string ehlo = "250-mail.test\r\n250-PIPELINING\r\n250 SIZE 1000000";
  Answers answers;  ///< asked first; what it leaves open is answered with success

 private:
  static void say(const Peer& peer, const std::string& text) {
    const std::string line = text + "\r\n";
    static_cast<void>(::send(peer.fd, line.data(), line.size(), MSG_NOSIGNAL));
  }

  bool serve(Peer& peer) {
    char buffer[4096];
    bool ended = false;
    while (!ended) {
      const ssize_t size = ::recv(peer.fd, buffer, sizeof(buffer), 0);
      if (size < 0) break;
      ended = size == 0;
      peer.in.append(buffer, static_cast<std::size_t>(size));
    }
    std::size_t end = 0;
    while ((end = peer.in.find("\r\n")) != std::string::npos) {
      const std::string line = peer.in.substr(0, end);
      peer.in.erase(0, end + 2);
      if (!on_line(peer, line)) return false;
    }
    return !ended;
  }

  bool on_line(Peer& peer, const std::string& line) {
    if (peer.in_mail && line != ".") {
      peer.mail += line + "\r\n";
      return true;
    }
    if (peer.in_mail) mails.push_back(std::exchange(peer.mail, {}));
    peer.in_mail = false;
    commands.push_back(line);
    std::string answer = answers ? answers(peer, line) : std::string();
    if (answer == "close") return false;
    if (answer == "none") return true;
    if (answer.empty()) answer = usual(line);
    say(peer, answer);
    peer.in_mail = answer.starts_with("354");
    return !answer.starts_with("421") && !answer.starts_with("221");
  }

  std::string usual(const std::string& line) const {
    if (line.starts_with("EHLO")) return ehlo;
    if (line == "DATA") return "354 Go on";
    if (line == "QUIT") return "221 2.0.0 Bye";
    if (line == ".") return "250 2.0.0 Ok: queued as 4F1C";
    return "250 2.1.0 Ok";
  }

  int listening_ = -1;
  std::vector<std::unique_ptr<Peer>> peers_;
};

}  // namespace tocsin
