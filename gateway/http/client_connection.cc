#include "gateway/http/client_connection.h"

#include <utility>

#include "gateway/http/client_pool.h"
#include "gateway/http/head_writer.h"
#include "gateway/http/request_writer.h"

namespace tocsin::http {

namespace {

// Heads, trailers, and what growing views leave behind.
std::size_t arena_bytes(const ResponseLimits& limits) {
  return 4 * limits.head_bytes_max + 2 * sizeof(HeaderMap);
}

bool is_idempotent(const ClientRequest& request) {
  if (request.idempotent) return true;
  constexpr std::string_view kIdempotent[] = {"GET", "HEAD", "PUT", "DELETE", "OPTIONS", "TRACE"};
  for (const std::string_view method : kIdempotent) {
    if (request.method == method) return true;
  }
  return false;
}

ClientError::Kind kind_of(ResponseFault::Kind fault) {
  switch (fault) {
    case ResponseFault::Kind::kTooLarge:
      return ClientError::Kind::kTooLarge;
    case ResponseFault::Kind::kCut:
      return ClientError::Kind::kCut;
    default:
      return ClientError::Kind::kFraming;
  }
}

}  // namespace

ClientConnection::ClientConnection(ClientPool& pool, std::unique_ptr<event::Stream> stream)
    : pool_(pool),
      loop_(pool.client().loop_),
      stream_(std::move(stream)),
      born_(loop_.now()),
      idle_timer_(loop_.timers(), [this] { pool_.remove(*this); }),
      parser_(pool.client().options_.response, *this),
      blocks_(pool.client().blocks_),
      arena_(*blocks_, arena_bytes(pool.client().options_.response)) {
  stream_->set_events(*this);
  stream_->read_start();
}

ClientConnection::~ClientConnection() { loop_.cancel_tick_end(*this); }

// --- for the pool ------------------------------------------------------------------------------

void ClientConnection::begin(ClientExchange& exchange) {
  TOCSIN_ASSERT(exchange_ == nullptr && !gone_, "a connection serves one request at a time");
  idle_timer_.cancel();
  exchange_ = &exchange;
  exchange.connection = this;
  exchange.phase = ClientExchange::Phase::kOnConnection;
  if (served_++ > 0) pool_.client().count_reused();
  trailers_told_ = resume_due_ = writable_due_ = false;
  arena_.reset();
  const std::uint64_t most = exchange.request.response_bytes_max;
  parser_.begin(exchange.request.method == "HEAD", head_, arena_,
                most == 0 ? ~std::uint64_t{0} : most);
  written_ = write_request(*stream_, exchange.request);
  if (exchange.paused) stream_->read_stop();
  if (exchange.body_is_sent()) return;
  writable_due_ = true;
  loop_.at_tick_end(*this);
}

void ClientConnection::rest() {
  idle_timer_.arm_after(pool_.client().options_.idle_timeout);
  stream_->read_start();  // to notice the server's close
}

void ClientConnection::shut() {
  gone_ = true;
  parser_.stop();
  idle_timer_.cancel();
  stream_.reset();
}

void ClientConnection::abandon() {
  detach();
  pool_.remove(*this);
  pool_.serve();
}

bool ClientConnection::too_old() const {
  return loop_.now() - born_ >= pool_.client().options_.connection_age_max;
}

// --- sending -----------------------------------------------------------------------------------

bool ClientConnection::send_data(std::string_view bytes) {
  ClientExchange& exchange = *exchange_;
  TOCSIN_ASSERT(!exchange.body_is_sent() && !writable_due_, "a body was sent out of turn");
  if (bytes.empty()) return true;
  if (exchange.request.body.kind == ClientBody::Kind::kChunked) {
    write_chunk_size(*stream_, bytes.size());
    stream_->write(bytes);
    return stream_->write("\r\n");
  }
  TOCSIN_ASSERT(bytes.size() <= exchange.body_left, "a body is longer than was announced");
  exchange.body_left -= bytes.size();
  return stream_->write(bytes);
}

void ClientConnection::send_end(const HeaderMap* trailers) {
  ClientExchange& exchange = *exchange_;
  TOCSIN_ASSERT(!exchange.body_is_sent() && !writable_due_, "a body was ended out of turn");
  TOCSIN_ASSERT(exchange.body_left == 0, "a body is shorter than was announced");
  exchange.body_ended = true;
  if (exchange.request.body.kind == ClientBody::Kind::kChunked)
    write_last_chunk(*stream_, trailers);
}

void ClientConnection::on_writable() {
  if (exchange_ != nullptr && !exchange_->body_is_sent()) exchange_->events->on_writable();
}

bool ClientConnection::may_have_left() const {
  return exchange_->body_asked || stream_->buffered() < written_;
}

// --- receiving ---------------------------------------------------------------------------------

void ClientConnection::on_data(std::string_view bytes) {
  if (exchange_ == nullptr) {
    // Nobody asked: whatever it is, it must not become somebody's answer.
    pool_.remove(*this);
    pool_.serve();
    return;
  }
  advance(bytes);
}

void ClientConnection::advance(std::string_view bytes) {
  bytes.remove_prefix(parser_.feed(bytes));
  if (gone_) return;
  if (const ResponseFault& fault = parser_.fault()) {
    fail(kind_of(fault.kind), Error{Code::kUnavailable, std::string(fault.detail), {}});
  } else if (exchange_->paused) {
    held_ = bytes;
  } else if (parser_.complete()) {
    finish(bytes);
  }
}

void ClientConnection::on_informational(const ResponseHead& head) {
  exchange_->events->on_informational(head);
}

void ClientConnection::on_head(ResponseHead& head, bool end) {
  if (parser_.upgraded() && exchange_->request.upgrade.empty()) return;  // finish() refuses it
  exchange_->events->on_head(head, end);
}

void ClientConnection::on_body(std::string_view bytes) { exchange_->events->on_data(bytes); }

void ClientConnection::pause() {
  parser_.stop();
  stream_->read_stop();
}

void ClientConnection::resume() {
  resume_due_ = true;
  loop_.at_tick_end(*this);
}

void ClientConnection::on_tick_end() {
  if (std::exchange(resume_due_, false) && exchange_ != nullptr && !exchange_->paused) {
    stream_->read_start();
    const std::string bytes = std::exchange(held_, {});
    advance(bytes);
  }
  if (gone_ || exchange_ == nullptr) return;
  if (!std::exchange(writable_due_, false)) return;
  exchange_->body_asked = true;
  exchange_->events->on_writable();
}

// --- endings -----------------------------------------------------------------------------------

void ClientConnection::finish(std::string_view unread) {
  if (parser_.upgraded()) {
    hand_over(unread);
    return;
  }
  if (parser_.trailers() != nullptr && !std::exchange(trailers_told_, true)) {
    exchange_->events->on_trailers(*parser_.trailers());
    if (gone_) return;
    if (exchange_->paused) {
      held_ = unread;
      return;
    }
  }
  const bool keep = reusable(unread);
  ClientExchange& exchange = detach();
  pool_.client().conclude(exchange);
  // Idle before its user hears of the end, who may well send the next request at once; but those
  // who wait already come first, hence they are served after that.
  if (keep) {
    pool_.park(*this);
  } else {
    pool_.remove(*this);
  }
  exchange.events->on_end();
  pool_.serve();
}

void ClientConnection::hand_over(std::string_view unread) {
  if (exchange_->request.upgrade.empty()) {
    fail(ClientError::Kind::kFraming,
         Error{Code::kUnavailable, "the server changed the protocol unasked", {}});
    return;
  }
  ClientExchange& exchange = detach();
  pool_.client().conclude(exchange);
  std::unique_ptr<event::Stream> stream = std::move(stream_);
  stream->read_stop();
  pool_.remove(*this);
  exchange.events->on_upgrade(std::move(stream), unread);
  pool_.serve();
}

bool ClientConnection::reusable(std::string_view unread) const {
  return parser_.keep_alive() && unread.empty() && exchange_->body_is_sent() &&
         stream_->buffered() == 0 && !too_old();
}

void ClientConnection::on_end() {
  if (exchange_ == nullptr) {
    pool_.remove(*this);
    pool_.serve();
    return;
  }
  if (!parser_.untouched()) {
    parser_.finish();
    if (parser_.complete()) {
      finish({});
      return;
    }
  }
  ended_early(Error{Code::kClosed, "the server closed the connection", {}});
}

void ClientConnection::on_broken(const Error& why) {
  if (exchange_ == nullptr) {
    pool_.remove(*this);
    pool_.serve();
    return;
  }
  ended_early(why);
}

void ClientConnection::ended_early(const Error& why) {
  if (!parser_.untouched()) {
    fail(ClientError::Kind::kCut, why);
  } else if (may_retry()) {
    retry();
  } else {
    fail(ClientError::Kind::kClosedBeforeResponse, why);
  }
}

bool ClientConnection::may_retry() const {
  const bool reused = served_ > 1;
  return reused && !exchange_->retried && exchange_->body_is_repeatable() &&
         (is_idempotent(exchange_->request) || !may_have_left());
}

void ClientConnection::retry() {
  const bool left = may_have_left();
  ClientExchange& exchange = detach();
  exchange.retried = true;
  exchange.left_before = left;
  pool_.client().count_retried();
  pool_.remove(*this);
  pool_.submit_again(exchange);
}

void ClientConnection::fail(ClientError::Kind kind, Error why) {
  const bool left = may_have_left() || exchange_->left_before;
  ClientExchange& exchange = detach();
  pool_.remove(*this);
  pool_.serve();
  pool_.client().fail(exchange, {kind, std::move(why), left});
}

ClientExchange& ClientConnection::detach() {
  held_.clear();
  exchange_->connection = nullptr;
  return *std::exchange(exchange_, nullptr);
}

}  // namespace tocsin::http
