#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "gateway/base/arena.h"
#include "gateway/event/loop.h"
#include "gateway/event/stream.h"
#include "gateway/event/timer_wheel.h"
#include "gateway/http/client_exchange.h"
#include "gateway/http/response_parser.h"

namespace tocsin::http {

class ClientPool;

/// The client's side of one connection:
///
///   begin() -> request written, response read -> finish -> idle -> begin() ...
///      '---------------- any doubt, any fault ------------'--> gone
///
/// Belongs to its pool, which destroys it at the end of a tick only, so its callbacks may outlive
/// its usefulness: gone_ says so.
class ClientConnection final : public event::Deferred,
                               private event::Stream::Events,
                               private event::TickEnd,
                               private ResponseParser::Events {
 public:
  ClientConnection(ClientPool& pool, std::unique_ptr<event::Stream> stream);
  ~ClientConnection() override;

  /// Sends the request on this idle connection.
  void begin(ClientExchange& exchange);
  /// Nobody uses it for now: it watches for the server's close and its own idle timeout.
  void rest();
  /// Closes the stream. For the pool.
  void shut();
  /// The exchange is given up in the middle; the connection goes with it.
  void abandon();
  bool too_old() const;

  bool send_data(std::string_view bytes);
  void send_end(const HeaderMap* trailers);
  void pause();
  void resume();
  /// False: certainly no byte of the current request has left this host.
  bool may_have_left() const;

  std::size_t index_ = 0;  ///< the pool's: where in its list this connection stands

 private:
  // Stream events
  void on_data(std::string_view bytes) override;
  void on_end() override;
  void on_broken(const Error& why) override;
  void on_writable() override;

  // Parser events
  void on_informational(const ResponseHead& head) override;
  void on_head(ResponseHead& head, bool end) override;
  void on_body(std::string_view bytes) override;
  void on_complete() override {}

  void on_tick_end() override;

  void advance(std::string_view bytes);
  void finish(std::string_view unread);
  void hand_over(std::string_view unread);
  bool reusable(std::string_view unread) const;
  void ended_early(const Error& why);
  bool may_retry() const;
  void retry();
  void fail(ClientError::Kind kind, Error why);
  ClientExchange& detach();

  ClientPool& pool_;
  event::Loop& loop_;
  std::unique_ptr<event::Stream> stream_;
  const MonoTime born_;
  event::Timer idle_timer_;
  ClientExchange* exchange_ = nullptr;
  ResponseParser parser_;
  const std::shared_ptr<BlockPool> blocks_;
  Arena arena_;
  ResponseHead head_;
  std::string held_;         // read, and not delivered because the call is paused
  std::size_t written_ = 0;  // bytes of the current request
  std::uint64_t served_ = 0;
  bool trailers_told_ = false;
  bool resume_due_ = false;
  bool writable_due_ = false;
  bool gone_ = false;
};

}  // namespace tocsin::http
