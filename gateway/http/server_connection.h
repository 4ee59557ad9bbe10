#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "gateway/event/loop.h"
#include "gateway/event/stream.h"
#include "gateway/http/codec.h"
#include "gateway/http/exchange.h"
#include "gateway/http/head_writer.h"
#include "gateway/http/request_parser.h"
#include "gateway/http/server.h"

namespace tocsin::http {

/// The HTTP/1.1 codec of one downstream connection. Requests are parsed one at a time; bytes behind
/// the current request wait in early_ until its answer is complete, so pipelined requests are
/// answered in order.
///
///   idle -> reading head -> reading body -> (answer being made) -> idle ...
///                 \______________\______________\-> lingering -> gone
///
/// Lingering: our last byte and FIN are on their way, and what the client still sends is dropped,
/// so that no reset overtakes the answer.
class ServerConnection final : public event::Deferred,
                               private event::Stream::Events,
                               private event::TickEnd,
                               private event::Alarm,
                               private Codec,
                               private RequestParser::Events {
 public:
  ServerConnection(Server& server, std::unique_ptr<event::Stream> stream);
  ~ServerConnection() override;

  void begin();
  /// Closes soon when idle, else after the current exchange.
  void drain();
  /// Closes now, whatever is going on.
  void cut();
  const event::Address& peer() const { return peer_; }
  /// Its request was planned with that source.
  bool serves_with(const RouteSource& source) const {
    return exchange_ != nullptr && exchange_->planned_with(source);
  }

  std::size_t index_ = 0;  ///< the server's: where in its list this connection stands

 private:
  /// Unparsed bytes kept before reading stops, while an answer is awaited or the client does not
  /// take those it has been given.
  static constexpr std::size_t kEarlyMax = 64 * 1024;
  /// What a lingering client may still send within its time: many clients look for the answer only
  /// once they have sent all, and a reset would take it from them.
  static constexpr std::size_t kLingerBytesMax = 64 * 1024 * 1024;
  /// How long an idle connection stays when the server drains: a request may have been sent.
  static constexpr Duration kLastLook = std::chrono::milliseconds(10);
  /// How often a lingering connection looks whether its output has left.
  static constexpr Duration kOutputLook = std::chrono::seconds(1);

  // Stream events
  void on_data(std::string_view bytes) override;
  void on_end() override;
  void on_broken(const Error& why) override;
  void on_writable() override;

  // Parser events
  void on_head(bool end) override;
  void on_body(std::string_view bytes) override;
  void on_complete() override;

  // Codec
  void send_head(const ResponseHead& head, bool end) override;
  bool send_data(std::string_view bytes, bool end) override;
  void send_trailers(const HeaderMap& trailers) override;
  void send_informational(int status, const HeaderMap& headers) override;
  void hold_body() override;
  void release_body() override;
  void abort_answer() override;

  void on_tick_end() override;
  void on_due() override;

  event::Loop& loop() const { return server_.loop_; }
  bool can_parse() const;
  bool parser_waits_for_us() const { return exchange_ != nullptr && request_->parser.stalled(); }
  std::size_t parse(std::string_view bytes);
  void parse_early();
  void keep_early(std::string_view bytes);
  void begin_exchange();
  void refuse(int status, std::string_view detail, DoneFlags flags);
  HeadFraming frame(const ResponseHead& head, bool end);
  void move_on();
  void look_at_output();
  void after_output();
  void finish_exchange(DoneFlags flags);
  void close_exchange(DoneFlags flags);
  void release_request();
  void close_after_peer();
  void hand_over();
  void linger();
  void vanish(DoneFlags flags);
  void set_deadline();
  MonoTime due_at() const;
  void handle_deadline();

  Server& server_;
  std::unique_ptr<event::Stream> stream_;
  const event::Address peer_;
  // Lent by the server for one request each; an idle connection has neither. Never an exchange
  // without the other.
  std::unique_ptr<RequestReading> request_;
  std::unique_ptr<Exchange> exchange_;
  std::string early_;  // unparsed bytes, from early_used_ on
  std::size_t early_used_ = 0;

  MonoTime phase_began_;   // idle, head or lingering since
  MonoTime written_at_{};  // the last time the client took something
  MonoTime drained_at_{};
  std::size_t buffered_then_ = 0;
  std::size_t requests_ = 0;
  std::size_t lingered_ = 0;
  bool parsing_ = false;  // parse() is on the stack
  bool body_held_ = false;
  bool continue_wanted_ = false;  // Expect: 100-continue, not yet told to go on
  bool body_suppressed_ = false;  // answer to HEAD
  bool close_after_ = false;
  bool drained_ = false;
  bool peer_ended_ = false;
  bool lingering_ = false;
  bool upgrading_ = false;
  bool aborting_ = false;
  bool gone_ = false;
};

}  // namespace tocsin::http
