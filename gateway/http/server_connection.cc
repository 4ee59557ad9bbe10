#include "gateway/http/server_connection.h"

#include <algorithm>
#include <utility>

#include "gateway/base/assert.h"
#include "gateway/http/target.h"

namespace tocsin::http {

ServerConnection::ServerConnection(Server& server, std::unique_ptr<event::Stream> stream)
    : Alarm(server.loop_.timers()),
      server_(server),
      stream_(std::move(stream)),
      peer_(stream_->peer()),
      phase_began_(server.loop_.now()) {}

// By then its server may be gone: vanish() has taken leave of the loop.
ServerConnection::~ServerConnection() = default;

void ServerConnection::begin() {
  stream_->set_events(*this);
  stream_->read_start();
  set_deadline();
}

void ServerConnection::drain() {
  close_after_ = drained_ = true;
  drained_at_ = loop().now();
  const bool idle = exchange_ == nullptr || request_->parser.idle();
  if (idle && stream_->buffered() > 0) return linger();  // the last answer is on its way
  if (!lingering_) set_deadline();
}

void ServerConnection::cut() { vanish({.drained = true}); }

// --- what the stream says

void ServerConnection::on_data(std::string_view bytes) {
  if (lingering_) {
    lingered_ += bytes.size();
    if (lingered_ > kLingerBytesMax) vanish({});
    return;
  }
  if (!early_.empty() || !can_parse()) {
    keep_early(bytes);
    return;
  }
  const std::size_t used = parse(bytes);
  if (gone_) return;
  if (used < bytes.size() && !lingering_) keep_early(bytes.substr(used));
  loop().at_tick_end(*this);
}

void ServerConnection::on_end() {
  peer_ended_ = true;
  loop().at_tick_end(*this);
}

void ServerConnection::on_broken(const Error&) { vanish({.downstream_closed = true}); }

void ServerConnection::on_writable() {
  if (exchange_ != nullptr && !exchange_->answer_complete()) exchange_->transport_writable();
  loop().at_tick_end(*this);  // requests may have waited for the room
}

// --- reading requests

bool ServerConnection::can_parse() const {
  if (gone_ || lingering_ || body_held_ || aborting_ || upgrading_) return false;
  // A client that asks without taking the answers must not fill our memory with them.
  return exchange_ == nullptr ? stream_->buffered() <= event::Stream::kHighWater
                              : !request_->parser.complete();
}

void ServerConnection::keep_early(std::string_view bytes) {
  early_.append(bytes);
  if (early_.size() - early_used_ > kEarlyMax) stream_->read_stop();
}

void ServerConnection::parse_early() {
  // Out of reach of those who clear early_ on the way. Not copied: many small requests may wait
  // here.
  std::string bytes = std::exchange(early_, {});
  const std::size_t begin = std::exchange(early_used_, 0);
  const std::size_t end = begin + parse(std::string_view(bytes).substr(begin));
  if (gone_ || lingering_) return;
  if (end < bytes.size()) {
    early_ = std::move(bytes);
    early_used_ = end;
  }
  if (!peer_ended_ && early_.size() - early_used_ <= kEarlyMax) stream_->read_start();
}

// Returns how many bytes were used.
std::size_t ServerConnection::parse(std::string_view bytes) {
  const std::size_t offered = bytes.size();
  parsing_ = true;
  while ((!bytes.empty() || parser_waits_for_us()) && can_parse()) {
    if (exchange_ == nullptr) begin_exchange();
    bytes.remove_prefix(request_->parser.feed(bytes));
    if (const RequestFault& fault = request_->parser.fault()) {
      refuse(fault.status, fault.detail, {.malformed = fault.status == 400});
      break;
    }
    move_on();
  }
  parsing_ = false;
  release_request();
  return offered - bytes.size();
}

void ServerConnection::begin_exchange() {
  exchange_ = server_.take_exchange();
  exchange_->open(*this, peer_, "http");
  if (request_ == nullptr) request_ = server_.take_request();
  request_->parser.begin(exchange_->request_head(), exchange_->arena(), *this);
  phase_began_ = loop().now();
  body_suppressed_ = continue_wanted_ = false;
}

void ServerConnection::on_head(bool end) {
  RequestHead& head = exchange_->request_head();
  request_->body_began = request_->body_read_at = loop().now();
  if (head.method == "CONNECT") {  // before its target is read, which has a form of its own
    refuse(501, "The gateway does not serve this method.", {});
    return;
  }
  if (const char* error = read_target(head, "http", exchange_->arena()); error != nullptr) {
    refuse(400, error, {.malformed = true});
    return;
  }
  if (head.method == "TRACE") {
    refuse(405, "The gateway does not serve this method.", {});
    return;
  }
  for (const Header& field : head.headers.all()) {
    if (!equals_ignoring_case(field.name, "expect")) continue;
    if (!equals_ignoring_case(field.value, "100-continue")) {
      refuse(417, "The only expectation understood is 100-continue.", {});
      return;
    }
    continue_wanted_ = !end && head.minor_version >= 1;
  }
  exchange_->start(server_.source_, end);
  if (continue_wanted_ && !exchange_->answer_begun() && !aborting_) {
    continue_wanted_ = false;
    send_informational(100, HeaderMap());
  }
}

void ServerConnection::on_body(std::string_view bytes) {
  request_->body_read_at = loop().now();
  exchange_->push_body(bytes, false);
}

void ServerConnection::on_complete() {
  if (exchange_ == nullptr) return;  // its head was refused
  if (request_->parser.has_trailers()) {
    exchange_->push_trailers(request_->parser.trailers());
  } else if (request_->parser.body_bytes() > 0 ||
             exchange_->request().headers.has("transfer-encoding")) {
    exchange_->push_body({}, true);
  }
}

// The connection is beyond use: answer if nothing was answered yet, and close.
void ServerConnection::refuse(int status, std::string_view detail, DoneFlags flags) {
  request_->parser.stop();
  close_after_ = true;
  const bool answering = exchange_->answer_begun() && !exchange_->answer_complete();
  if (answering || aborting_) {
    stream_->reset_on_close();
    vanish(flags);
    return;
  }
  flags.request_incomplete = !request_->parser.complete();
  exchange_->refuse(server_.source_, status, detail, flags);
  finish_exchange(flags);
}

// --- answering

HeadFraming ServerConnection::frame(const ResponseHead& head, bool end) {
  HeadFraming framing;
  const bool modern = exchange_->request().minor_version >= 1;
  if (head.status == 101) {
    upgrading_ = true;
    framing.connection = HeadFraming::Connection::kUpgrade;
    return framing;
  }
  body_suppressed_ = exchange_->request().is_head() || status_forbids_body(head.status);
  const bool known = head.body_bytes != ResponseHead::kUnknownLength;
  if (status_forbids_body(head.status)) {
    framing.body = HeadFraming::Body::kNone;
  } else if (known || (end && !exchange_->request().is_head())) {
    framing.body = HeadFraming::Body::kLength;
    framing.length = known ? head.body_bytes : 0;
  } else if (modern) {
    framing.body = HeadFraming::Body::kChunked;
  } else if (!body_suppressed_) {
    framing.body = HeadFraming::Body::kUntilClose;
    close_after_ = true;
  }
  const std::size_t most = server_.options_.requests_per_connection_max;
  // A client that waits for "100 Continue" may or may not send its body after a final answer.
  close_after_ = close_after_ || continue_wanted_ || server_.draining_ ||
                 !request_->parser.keep_alive() || (most != 0 && requests_ + 1 >= most);
  if (close_after_) {
    framing.connection = HeadFraming::Connection::kClose;
  } else if (!modern) {
    framing.connection = HeadFraming::Connection::kKeepAlive;
  }
  return framing;
}

// Output is looked at before and after each write, so that between two looks it can only shrink,
// and whatever it shrank by was taken by the client.
void ServerConnection::look_at_output() {
  const std::size_t buffered = stream_->buffered();
  if (buffered < buffered_then_) written_at_ = loop().now();
  buffered_then_ = buffered;
}

void ServerConnection::after_output() {
  if (buffered_then_ == 0) written_at_ = loop().now();
  buffered_then_ = stream_->buffered();
  // To move on, and to watch that the client takes it: behind the stream, which flushes there too.
  loop().at_tick_end(*this);
}

void ServerConnection::send_head(const ResponseHead& head, bool end) {
  request_->framing = frame(head, end);
  look_at_output();
  write_response_head(*stream_, head, request_->framing,
                      server_.date_.text(loop().now(), loop().clock()));
  if (end && request_->framing.body == HeadFraming::Body::kChunked && !body_suppressed_) {
    write_last_chunk(*stream_, nullptr);
  }
  after_output();
}

bool ServerConnection::send_data(std::string_view bytes, bool end) {
  bool room = true;
  look_at_output();
  if (!body_suppressed_) {
    const bool chunked = request_->framing.body == HeadFraming::Body::kChunked;
    if (chunked && !bytes.empty()) write_chunk_size(*stream_, bytes.size());
    room = stream_->write(bytes);
    if (chunked && !bytes.empty()) room = stream_->write("\r\n");
    if (chunked && end) room = write_last_chunk(*stream_, nullptr);
  }
  after_output();
  return room;
}

void ServerConnection::send_trailers(const HeaderMap& trailers) {
  look_at_output();
  if (!body_suppressed_ && request_->framing.body == HeadFraming::Body::kChunked) {
    write_last_chunk(*stream_, &trailers);
  }
  after_output();
}

void ServerConnection::send_informational(int status, const HeaderMap& headers) {
  if (exchange_->request().minor_version == 0) return;
  ResponseHead head;
  head.status = status;
  head.headers = headers;
  look_at_output();
  write_response_head(*stream_, head, {}, {});
  after_output();
}

void ServerConnection::hold_body() {
  body_held_ = true;
  request_->held_at = loop().now();
  request_->parser.stop();
}

void ServerConnection::release_body() {
  body_held_ = false;
  request_->body_read_at = loop().now();
  request_->body_began +=
      request_->body_read_at - request_->held_at;  // the client cannot help that time
  loop().at_tick_end(*this);
}

// Only marks: the caller is an exchange that must not be closed under its own feet.
void ServerConnection::abort_answer() {
  aborting_ = true;
  request_->parser.stop();
  loop().at_tick_end(*this);
}

void ServerConnection::on_tick_end() {
  if (gone_) return;
  if (aborting_) {
    stream_->reset_on_close();
    vanish({});
    return;
  }
  move_on();
  if (can_parse() && (!early_.empty() || parser_waits_for_us())) parse_early();
  if (gone_) return;
  if (peer_ended_) close_after_peer();
  if (!gone_) set_deadline();
}

// The client sends no more: nothing is left to wait for but our own answer.
void ServerConnection::close_after_peer() {
  if (lingering_) {
    if (stream_->buffered() == 0) vanish({});
    return;
  }
  if (!early_.empty() || (exchange_ != nullptr && request_->parser.complete())) return;
  if (exchange_ != nullptr && !exchange_->answer_complete()) {
    vanish({.downstream_closed = true});
    return;
  }
  if (exchange_ != nullptr) close_exchange({.request_incomplete = true});
  linger();  // what we wrote last may still be on its way
}

// Ends the exchange once both its halves are complete.
void ServerConnection::move_on() {
  if (exchange_ == nullptr || gone_ || aborting_ || !exchange_->answer_complete()) return;
  if (upgrading_) {
    if (!parsing_) hand_over();
    return;
  }
  if (!request_->parser.complete() && !close_after_) {  // the rest of the body is read and dropped
    exchange_->drop_body();
    body_held_ = false;
    return;
  }
  finish_exchange({});
}

void ServerConnection::hand_over() {
  stream_->read_stop();
  exchange_->upgraded(std::move(stream_), std::string_view(early_).substr(early_used_));
  vanish({});
}

void ServerConnection::finish_exchange(DoneFlags flags) {
  ++requests_;
  flags.request_incomplete = !request_->parser.complete();
  close_exchange(flags);
  phase_began_ = loop().now();
  if (close_after_ || (peer_ended_ && early_.empty())) linger();
}

void ServerConnection::close_exchange(DoneFlags flags) {
  if (!request_->parser.idle() || request_->parser.fault()) server_.count(exchange_->facts());
  exchange_->close(flags);
  server_.give_exchange(std::move(exchange_));
  release_request();
}

// Not while it is reading: most exchanges end inside one of its events.
void ServerConnection::release_request() {
  if (parsing_ || exchange_ != nullptr || request_ == nullptr) return;
  server_.give_request(std::exchange(request_, nullptr));
}

// --- ends

void ServerConnection::linger() {
  if (lingering_) return;
  lingering_ = true;
  early_.clear();
  early_used_ = 0;
  stream_->end();
  if (peer_ended_) {
    loop().at_tick_end(*this);
  } else {
    stream_->read_start();
  }
  set_deadline();
}

void ServerConnection::vanish(DoneFlags flags) {
  if (std::exchange(gone_, true)) return;
  cancel();
  if (exchange_ != nullptr) {
    flags.request_incomplete = !request_->parser.complete();
    flags.downstream_closed = flags.downstream_closed && !exchange_->answer_complete();
    close_exchange(flags);
  }
  stream_.reset();
  loop().cancel_tick_end(*this);
  server_.remove(*this);
}

// --- deadlines

MonoTime ServerConnection::due_at() const {
  const ServerTimeouts& patience = server_.options_.timeouts;
  MonoTime due = MonoTime::max();
  const bool output_waits = stream_->buffered() > 0;
  if (output_waits) due = written_at_ + patience.write;
  // Lingering and idleness begin when our last byte has left.
  const MonoTime quiet_since = std::max(phase_began_, written_at_);
  // Nothing announces that moment: look from time to time.
  if (lingering_)
    return output_waits ? std::min(due, loop().now() + kOutputLook) : quiet_since + patience.linger;
  if (exchange_ == nullptr || request_->parser.idle()) {
    if (drained_) return drained_at_ + kLastLook;
    return output_waits ? due : quiet_since + (requests_ == 0 ? patience.header : patience.idle);
  }
  if (request_->parser.in_head()) return std::min(due, phase_began_ + patience.header);
  if (request_->parser.complete() || body_held_) return due;
  due = std::min(due, request_->body_read_at + patience.body);
  if (patience.body_bytes_per_second_min == 0) return due;
  const auto earned = std::chrono::duration_cast<Duration>(
      std::chrono::duration<double>(static_cast<double>(request_->parser.body_bytes()) /
                                    static_cast<double>(patience.body_bytes_per_second_min)));
  return std::min(due, request_->body_began + patience.rate_grace + earned);
}

// The timer is moved only when it would come too late; a timer that comes too early moves itself.
void ServerConnection::set_deadline() {
  look_at_output();
  const MonoTime due = due_at();
  if (due != MonoTime::max() && (!armed() || due < deadline())) arm_at(due);
}

void ServerConnection::on_due() {
  look_at_output();
  if (peer_ended_ && lingering_ && stream_->buffered() == 0) {
    vanish({});
    return;
  }
  const MonoTime due = due_at();
  if (due > loop().now()) {
    if (due != MonoTime::max()) arm_at(due);
    return;
  }
  handle_deadline();
}

void ServerConnection::handle_deadline() {
  const bool stuck =
      stream_->buffered() > 0 && written_at_ + server_.options_.timeouts.write <= loop().now();
  if (lingering_ || stuck) {
    if (stuck) stream_->reset_on_close();
    vanish({.timed_out = true});
  } else if (exchange_ == nullptr || request_->parser.idle()) {
    close_after_ = true;
    if (exchange_ != nullptr) {
      vanish({});
    } else if (drained_) {
      vanish({.drained = true});
    } else {
      linger();
    }
  } else if (request_->parser.in_head()) {
    refuse(408, "The request head did not arrive in time.", {.timed_out = true});
  } else {
    refuse(408, "The request body did not arrive in time.", {.timed_out = true});
  }
}

}  // namespace tocsin::http
