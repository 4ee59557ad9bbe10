#pragma once

#include <curl/curl.h>

#include <chrono>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "dialogue.h"
#include "settings.h"
#include "tocsin/plugin.hpp"

namespace tocsin::output_smtp {

/// One connection to the server, as libcurl makes it: resolved, connected, greeted, over TLS,
/// authenticated. From then on bytes go both ways and libcurl only carries them: its own way of
/// sending mails waits, inside a call, for the answer to the final dot, which may take minutes, and
/// closes the connection after each refusal.
class Connection {
 public:
  class Owner {
   public:
    /// Mails can be sent.
    virtual void on_open(const Abilities& abilities) = 0;
    virtual void on_bytes(std::string_view bytes) = 0;
    /// It never came to that; the last call.
    virtual void on_unopened(const sdk::Verdict& verdict) = 0;
    /// The server or the network ended it; the last call.
    virtual void on_lost(std::string_view why) = 0;

   protected:
    ~Owner() = default;
  };

  static constexpr std::chrono::seconds kConnectMax{60};  ///< until mails can be sent

  /// The owner outlives it, and does not destroy it in one of its calls: close() is for that.
  Connection(sdk::Host host, Owner& owner);
  ~Connection() { close(); }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  /// Begins; an answer comes later, never inside this call.
  void open(const Route& route);
  /// Sends them now as far as there is room, and the rest when there is. Only while it is open.
  void send(std::string bytes);
  /// Whether all that send() was given has left; what it was last, once it is closed.
  bool all_sent() const { return unsent_.empty(); }
  /// At once, without a word to the owner.
  void close();

 private:
  struct Socket {
    Socket(Connection& connection, curl_socket_t fd);
    curl_socket_t fd;
    sdk::FdWatch watch;
  };

  static int on_socket(CURL*, curl_socket_t fd, int what, void* user, void*);
  static int on_timer(CURLM*, long delay_ms, void* user);
  static std::size_t on_line(char* bytes, std::size_t, std::size_t size, void* user);

  void set_options(const Route& route);
  void drive(curl_socket_t fd, std::uint32_t events);
  void finish_opening(CURLcode code);
  sdk::Verdict failure(CURLcode code) const;
  void on_ready(std::uint32_t events);
  void flush();
  void receive();

  sdk::Host host_;
  Owner& owner_;
  CURLM* multi_ = nullptr;
  CURL* easy_ = nullptr;
  curl_slist* connect_to_ = nullptr;
  bool opening_ = false;  // libcurl's callbacks count
  bool open_ = false;
  bool broken_ = false;   // sending failed; told from the timer
  bool writing_ = false;  // room to write is waited for
  char error_[CURL_ERROR_SIZE] = {};
  std::vector<std::unique_ptr<Socket>> sockets_;  // libcurl's, until it is open
  sdk::Timer timer_;                              // libcurl's, until it is open
  sdk::FdWatch watch_;                            // from then on
  std::deque<std::string> unsent_;
  std::size_t sent_ = 0;  // of the first one

  ReplyReader reader_;  // of what libcurl talks
  bool reply_over_ = true;
  Reply last_;
  Abilities abilities_;
};

}  // namespace tocsin::output_smtp
