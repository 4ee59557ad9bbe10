#pragma once

#include <openssl/ssl.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "gateway/event/loop.h"
#include "gateway/event/stream.h"
#include "gateway/event/tls.h"

namespace tocsin::event {

/// TLS over another stream. OpenSSL sees neither socket nor buffer: its BIO reads what the inner
/// stream just lent and writes into the inner stream's output.
///
///   plain_ [ small writes of a tick ] --SSL_write--> inner->write()
///   on_data(user) <--SSL_read-- input_ (lent by the inner stream; kept in held_ while paused)
///
/// An idle stream holds OpenSSL's state and no buffer.
class TlsStream final : public Stream, private Stream::Events, private TickEnd {
 public:
  /// Told once the handshake is over, one way or the other.
  using Shaken = Function<void(Result<void>)>;

  TlsStream(std::unique_ptr<Stream> inner, const TlsContext& context, TlsPeer peer, Shaken done);
  ~TlsStream() override;

  /// Begins the handshake; an error is told by `done`, not from here.
  void shake_hands();

  void set_events(Stream::Events& events) override { events_ = &events; }
  void read_start() override;
  void read_stop() override;
  bool write(std::string_view bytes) override;
  char* reserve(std::size_t bytes) override;
  bool commit(std::size_t used) override;
  void end() override;
  void reset_on_close() override;
  std::size_t buffered() const override;
  const Address& peer() const override { return inner_->peer(); }
  Loop& loop() const override { return loop_; }

  /// OpenSSL's callbacks, for the contexts.
  static int on_verified(int good, X509_STORE_CTX* store);
  static int on_session(SSL* ssl, SSL_SESSION* session);

 private:
  enum class Phase : std::uint8_t { kShaking, kOpen, kBroken };
  /// The largest record (RFC 8446 5.1) and an output buffer are equal.
  static constexpr std::size_t kRecordBytes = 16 * 1024;
  static_assert(kRecordBytes == Loop::kOutputBufferBytes && kRecordBytes >= kReserveMax);

  friend struct TlsBio;

  // The inner stream's events
  void on_data(std::string_view bytes) override;
  void on_end() override;
  void on_broken(const Error& why) override;
  void on_writable() override;
  void on_tick_end() override;

  bool prepare();
  void name_peer();
  bool take_input(std::string_view bytes);
  void continue_handshake();
  void finish_handshake(Result<void> outcome);
  void read_plain();
  void after_read(int outcome);
  void encrypt(std::string_view bytes);
  void flush();
  void say_goodbye();
  void break_with(const Error& why);
  void tell_writable();
  bool accepts_more();
  bool can_write() const { return phase_ == Phase::kOpen && !failure_; }
  Error failed(const std::string& what) const;

  Loop& loop_;
  std::unique_ptr<Stream> inner_;
  const std::unique_ptr<SSL, void (*)(SSL*)> ssl_;
  Shaken done_;
  TlsPeer peer_;
  std::string session_key_;
  std::string refusal_;  // why a certificate was refused
  Stream::Events* events_ = nullptr;
  const std::shared_ptr<bool> gone_ = std::make_shared<bool>(false);  // asked after callbacks

  std::string_view input_;  // what the inner stream lent and OpenSSL has not taken
  std::string held_;        // the same, while nobody reads
  std::unique_ptr<char[]> plain_;
  std::size_t plain_size_ = 0;
  std::string stalled_;  // plain, while OpenSSL waits for the rest of a handshake message

  // Since the inner stream last had nothing waiting: what was given to it, and what that was.
  std::size_t run_cipher_ = 0;
  std::size_t run_plain_ = 0;

  std::optional<Error> failure_;  // to be told at the tick's end
  Phase phase_ = Phase::kShaking;
  bool reading_ = false;
  bool read_ended_ = false;
  bool inner_full_ = false;
  bool above_high_water_ = false;
  bool ending_ = false;
  bool ended_ = false;
  bool reset_ = false;
};

}  // namespace tocsin::event
