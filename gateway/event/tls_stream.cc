// OpenSSL is fed and emptied by a BIO of our own rather than by memory BIOs: those keep the largest
// buffer they ever had, which with many idle connections is most of what these cost.
#include "gateway/event/tls_stream.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "gateway/event/tls_words.h"

namespace tocsin::event {

// --- the BIO -----------------------------------------------------------------------------------

/// OpenSSL's end of the inner stream.
struct TlsBio {
  static TlsStream& stream(BIO* bio) { return *static_cast<TlsStream*>(BIO_get_data(bio)); }

  static int read(BIO* bio, char* to, std::size_t room, std::size_t* count) {
    std::string_view& input = stream(bio).input_;
    BIO_clear_retry_flags(bio);
    *count = std::min(room, input.size());
    if (*count == 0) {
      BIO_set_retry_read(bio);
      return -1;
    }
    std::memcpy(to, input.data(), *count);
    input.remove_prefix(*count);
    return 1;
  }

  // The inner stream takes everything, and tells a failure later.
  static int write(BIO* bio, const char* bytes, std::size_t size, std::size_t* count) {
    TlsStream& self = stream(bio);
    BIO_clear_retry_flags(bio);
    *count = size;
    if (self.inner_->buffered() == 0) self.run_cipher_ = self.run_plain_ = 0;
    self.run_cipher_ += size;
    if (!self.inner_->write({bytes, size})) self.inner_full_ = true;
    return 1;
  }

  static long control(BIO*, int command, long, void*) { return command == BIO_CTRL_FLUSH ? 1 : 0; }

  static const BIO_METHOD* method() {
    static BIO_METHOD* const method = [] {
      BIO_METHOD* made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "stream");
      TOCSIN_ASSERT(made != nullptr, "OpenSSL made no BIO method");
      BIO_meth_set_read_ex(made, read);
      BIO_meth_set_write_ex(made, write);
      BIO_meth_set_ctrl(made, control);
      return made;
    }();
    return method;
  }
};

namespace {

/// Lets the last bytes of a stream leave whose owner is gone already.
class Farewell final : public Deferred, private Stream::Events {
 public:
  explicit Farewell(std::unique_ptr<Stream> stream) : stream_(std::move(stream)) {
    stream_->set_events(*this);
    stream_->read_stop();
  }

 private:
  void on_data(std::string_view) override {}
  void on_end() override {}
  void on_broken(const Error&) override {}
  void on_writable() override {}
  std::unique_ptr<Stream> stream_;
};

}  // namespace

TlsStream::TlsStream(std::unique_ptr<Stream> inner, const TlsContext& context, TlsPeer peer,
                     Shaken done)
    : loop_(inner->loop()),
      inner_(std::move(inner)),
      ssl_(SSL_new(context.ssl()), SSL_free),
      done_(std::move(done)),
      peer_(std::move(peer)) {
  inner_->set_events(*this);
  if (ssl_ == nullptr || !prepare()) {
    failure_ = failed(tls_words());
    return;
  }
  if (context.serves()) {
    SSL_set_accept_state(ssl_.get());
    return;
  }
  SSL_set_connect_state(ssl_.get());
  name_peer();
  if (peer_.sessions == nullptr) return;
  session_key_ =
      std::to_string(context.id()) + ' ' + peer_.name + ' ' + std::to_string(inner_->peer().port());
  if (SSL_SESSION* session = peer_.sessions->take(session_key_)) {
    SSL_set_session(ssl_.get(), session);
    SSL_SESSION_free(session);
  }
}

bool TlsStream::prepare() {
  BIO* bio = BIO_new(TlsBio::method());
  if (bio == nullptr) return false;
  BIO_set_data(bio, this);
  BIO_set_init(bio, 1);
  SSL_set_bio(ssl_.get(), bio, bio);
  SSL_set_app_data(ssl_.get(), this);
  return true;
}

// A certificate must name the host in its alternative names; the common name has not counted since
// RFC 6125. An address is no name to be sent (RFC 6066 3).
void TlsStream::name_peer() {
  std::string name = peer_.name;
  if (name.ends_with('.')) name.pop_back();
  const bool verifies = SSL_get_verify_mode(ssl_.get()) != SSL_VERIFY_NONE;
  bool set = true;
  if (Address::from_ip(name, 0)) {
    if (verifies)
      set = X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl_.get()), name.c_str()) == 1;
  } else if (!name.empty()) {
    if (verifies) {
      SSL_set_hostflags(ssl_.get(),
                        X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
      set = SSL_set1_host(ssl_.get(), name.c_str()) == 1;
    }
    set = set && SSL_set_tlsext_host_name(ssl_.get(), name.c_str()) == 1;
  } else {
    set = !verifies;  // else any trusted certificate would do
  }
  if (!set) failure_ = failed("\"" + peer_.name + "\" is no host that TLS could verify");
}

// Says goodbye where nothing waits that the owner has given up on, and lets an alert of a failed
// handshake leave, so that the other side learns why.
TlsStream::~TlsStream() {
  loop_.assert_owner();
  loop_.cancel_tick_end(*this);
  *gone_ = true;
  const bool idle = phase_ == Phase::kOpen && !ended_ && buffered() == 0;
  if (idle && !reset_ && !failure_) {
    ERR_clear_error();
    SSL_shutdown(ssl_.get());
  }
  const bool last_words = inner_->buffered() > 0 && (idle || phase_ == Phase::kShaking);
  if (plain_ != nullptr) loop_.give_output_buffer(std::move(plain_));
  if (last_words && !reset_) {
    inner_->end();
    loop_.destroy_later(std::make_unique<Farewell>(std::move(inner_)));
  }
  // Without a goodbye OpenSSL forbids its session to be resumed, which TLS 1.3 does not ask for.
  if (ssl_ != nullptr) SSL_set_shutdown(ssl_.get(), SSL_SENT_SHUTDOWN);
}

Error TlsStream::failed(const std::string& what) const {
  std::string where = peer_.name.empty() ? inner_->peer().text() : peer_.name;
  return Error{refusal_.empty() ? Code::kUnavailable : Code::kPermission,
               refusal_.empty() ? what : refusal_, std::move(where)};
}

// --- the handshake -----------------------------------------------------------------------------

void TlsStream::shake_hands() {
  if (failure_) {
    loop_.at_tick_end(*this);
    return;
  }
  inner_->read_start();
  if (SSL_is_server(ssl_.get()) == 0) continue_handshake();
}

void TlsStream::continue_handshake() {
  ERR_clear_error();
  const int outcome = SSL_do_handshake(ssl_.get());
  if (outcome == 1) {
    phase_ = Phase::kOpen;
    inner_->read_stop();  // until the owner reads
    finish_handshake({});
    return;
  }
  const int reason = SSL_get_error(ssl_.get(), outcome);
  if (reason == SSL_ERROR_WANT_READ) return;
  failure_ = failed(tls_words());
  loop_.at_tick_end(*this);
}

void TlsStream::finish_handshake(Result<void> outcome) {
  Shaken done = std::move(done_);  // the callback may destroy this stream
  if (done) done(std::move(outcome));
}

int TlsStream::on_verified(int good, X509_STORE_CTX* store) {
  if (good == 1) return 1;
  const auto* ssl = static_cast<const SSL*>(
      X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx()));
  auto& self = *static_cast<TlsStream*>(SSL_get_app_data(ssl));
  self.refusal_ = certificate_refusal(store, self.peer_.name);
  return 0;
}

int TlsStream::on_session(SSL* ssl, SSL_SESSION* session) {
  const auto& self = *static_cast<TlsStream*>(SSL_get_app_data(ssl));
  if (self.peer_.sessions == nullptr || SSL_SESSION_is_resumable(session) == 0) return 0;
  self.peer_.sessions->put(self.session_key_, session);
  return 1;  // it is ours now
}

// --- receiving ---------------------------------------------------------------------------------

void TlsStream::read_start() {
  TOCSIN_ASSERT(events_ != nullptr, "a stream was read without an owner of its events");
  if (reading_ || read_ended_ || phase_ != Phase::kOpen) return;
  reading_ = true;
  if (held_.empty()) {
    inner_->read_start();
  } else {
    loop_.at_tick_end(*this);
  }
}

void TlsStream::read_stop() {
  if (!reading_) return;
  reading_ = false;
  inner_->read_stop();
}

void TlsStream::on_data(std::string_view bytes) {
  if (!take_input(bytes)) return;
  held_.assign(input_);
  input_ = {};
}

// False: the stream was destroyed meanwhile.
bool TlsStream::take_input(std::string_view bytes) {
  input_ = bytes;
  const std::shared_ptr<const bool> gone = gone_;
  if (phase_ == Phase::kShaking && !failure_) continue_handshake();
  if (*gone) return false;
  if (phase_ == Phase::kOpen && reading_) read_plain();
  if (*gone) return false;
  // What could not be written before the rest of a handshake message may go now.
  if (!stalled_.empty()) loop_.at_tick_end(*this);
  return true;
}

void TlsStream::read_plain() {
  Loop& loop = loop_;
  std::unique_ptr<char[]> buffer = loop.take_output_buffer();
  const std::shared_ptr<const bool> gone = gone_;
  while (!*gone && reading_) {
    ERR_clear_error();
    std::size_t count = 0;
    const int outcome = SSL_read_ex(ssl_.get(), buffer.get(), kRecordBytes, &count);
    if (outcome != 1) {
      after_read(outcome);
      break;
    }
    events_->on_data({buffer.get(), count});
  }
  loop.give_output_buffer(std::move(buffer));
}

// OpenSSL gave no bytes: it has no whole record, or the peer said goodbye, or all is over. The last
// thing done here may destroy the stream.
void TlsStream::after_read(int outcome) {
  const int reason = SSL_get_error(ssl_.get(), outcome);
  if (reason == SSL_ERROR_WANT_READ) return;
  if (reason == SSL_ERROR_ZERO_RETURN) {
    read_stop();
    read_ended_ = true;
    input_ = {};
    events_->on_end();
    return;
  }
  break_with(failed(tls_words()));
}

// The inner stream ends without TLS having said so.
void TlsStream::on_end() {
  if (phase_ == Phase::kShaking) {
    if (failure_) return;  // to be told at the tick's end
    failure_ = Error{Code::kClosed, "the connection was closed during the TLS handshake",
                     failed({}).where};
    loop_.at_tick_end(*this);
    return;
  }
  break_with(Error{Code::kClosed,
                   "the connection was closed without TLS's goodbye: what came may be cut",
                   failed({}).where});
}

void TlsStream::on_broken(const Error& why) {
  if (phase_ == Phase::kShaking) {
    phase_ = Phase::kBroken;
    finish_handshake(tl::unexpected(failure_ ? *failure_ : why));
    return;
  }
  break_with(why);
}

void TlsStream::break_with(const Error& why) {
  if (phase_ == Phase::kBroken) return;
  phase_ = Phase::kBroken;
  failure_.reset();
  reading_ = false;
  inner_->read_stop();
  if (events_ != nullptr) events_->on_broken(why);
}

// --- sending -----------------------------------------------------------------------------------

bool TlsStream::write(std::string_view bytes) {
  TOCSIN_ASSERT(!ending_, "written to a stream after its end");
  while (can_write() && !bytes.empty()) {
    if (plain_size_ == 0 && bytes.size() >= kRecordBytes) {
      encrypt(bytes.substr(0, kRecordBytes));
      bytes.remove_prefix(kRecordBytes);
      continue;
    }
    const std::size_t part = std::min(bytes.size(), kRecordBytes - plain_size_);
    if (plain_ == nullptr) plain_ = loop_.take_output_buffer();
    std::memcpy(plain_.get() + plain_size_, bytes.data(), part);
    plain_size_ += part;
    bytes.remove_prefix(part);
    if (plain_size_ == kRecordBytes) flush();
  }
  if (plain_size_ > 0) loop_.at_tick_end(*this);
  return accepts_more();
}

char* TlsStream::reserve(std::size_t bytes) {
  TOCSIN_ASSERT(bytes <= kReserveMax && !ending_, "reserved too much, or after the stream's end");
  if (plain_size_ + bytes > kRecordBytes) flush();
  if (plain_ == nullptr) plain_ = loop_.take_output_buffer();
  return plain_.get() + plain_size_;
}

bool TlsStream::commit(std::size_t used) {
  if (can_write()) plain_size_ += used;
  if (plain_size_ == 0) {
    loop_.give_output_buffer(std::move(plain_));
  } else {
    loop_.at_tick_end(*this);
  }
  return accepts_more();
}

// One record; kept when OpenSSL is in the middle of a handshake message, as a new key or a ticket
// cut between two records.
void TlsStream::encrypt(std::string_view bytes) {
  if (!stalled_.empty()) {
    stalled_ += bytes;
    return;
  }
  ERR_clear_error();
  std::size_t taken = 0;
  const int outcome = SSL_write_ex(ssl_.get(), bytes.data(), bytes.size(), &taken);
  if (outcome == 1) {
    run_plain_ += bytes.size();
  } else if (SSL_get_error(ssl_.get(), outcome) == SSL_ERROR_WANT_READ) {
    stalled_ = bytes;
  } else {
    failure_ = failed(tls_words());
    loop_.at_tick_end(*this);
  }
}

void TlsStream::flush() {
  if (can_write() && !stalled_.empty()) {
    std::string waiting = std::exchange(stalled_, {});
    for (std::string_view left = waiting; !left.empty() && can_write();) {
      const std::size_t part = std::min(left.size(), kRecordBytes);
      encrypt(left.substr(0, part));
      left.remove_prefix(part);
    }
  }
  if (plain_ == nullptr) return;
  if (can_write() && plain_size_ > 0) encrypt({plain_.get(), plain_size_});
  plain_size_ = 0;
  loop_.give_output_buffer(std::move(plain_));
}

void TlsStream::end() {
  ending_ = true;
  loop_.at_tick_end(*this);
}

void TlsStream::say_goodbye() {
  if (ended_ || !can_write() || !stalled_.empty()) return;
  ended_ = true;
  ERR_clear_error();
  SSL_shutdown(ssl_.get());
  inner_->end();
}

void TlsStream::reset_on_close() {
  reset_ = true;
  inner_->reset_on_close();
}

void TlsStream::on_tick_end() {
  const std::shared_ptr<const bool> gone = gone_;
  flush();
  if (failure_) {
    Error why = std::move(*failure_);
    if (phase_ == Phase::kShaking) {
      finish_handshake(tl::unexpected(std::move(why)));
    } else {
      break_with(why);
    }
    return;
  }
  if (ending_) say_goodbye();
  if (reading_ && !held_.empty()) {
    const std::string kept = std::exchange(held_, {});
    if (!take_input(kept)) return;
    held_.assign(input_);
    input_ = {};
    if (reading_ && held_.empty()) inner_->read_start();
  }
  tell_writable();
}

// The inner stream has room again.
void TlsStream::on_writable() {
  inner_full_ = false;
  tell_writable();
}

bool TlsStream::accepts_more() {
  if (inner_full_ || stalled_.size() > kHighWater) above_high_water_ = true;
  return !above_high_water_;
}

void TlsStream::tell_writable() {
  if (!above_high_water_ || inner_full_ || stalled_.size() > kLowWater) return;
  above_high_water_ = false;
  if (events_ != nullptr) events_->on_writable();  // may destroy the stream
}

// In bytes as they were written here. Those of a record have left only when all of it has, and of
// what the inner stream still has, the last record at least is incomplete.
std::size_t TlsStream::buffered() const {
  const std::size_t here = plain_size_ + stalled_.size();
  const std::size_t waiting = inner_->buffered();
  if (waiting == 0) return here;
  if (waiting >= run_cipher_) return here + std::max<std::size_t>(run_plain_, 1);
  return here + std::clamp<std::size_t>(run_plain_, 2, waiting + 1) - 1;
}

}  // namespace tocsin::event
