#include "dialogue.h"

#include <charconv>
#include <utility>

#include "tocsin/sdk/text.hpp"

namespace tocsin::output_smtp {

namespace {

constexpr std::string_view kEnd = ".\r\n";

// RFC 5321 4.5.2: a line that begins with a dot gets another one.
void append_stuffed(std::string& out, std::string_view message) {
  if (message.starts_with('.')) out.push_back('.');
  while (!message.empty()) {
    const std::size_t dot = message.find("\n.");
    if (dot == std::string_view::npos) break;
    out.append(message.substr(0, dot + 2)).push_back('.');
    message.remove_prefix(dot + 2);
  }
  out.append(message);
}

}  // namespace

void Abilities::read(std::string_view line) {
  if (line.size() < 4) return;
  line.remove_prefix(4);
  while (!line.empty() && (line.back() == '\n' || line.back() == '\r' || line.back() == ' ')) {
    line.remove_suffix(1);
  }
  const std::string_view word = line.substr(0, line.find(' '));
  if (sdk::same_name(word, "PIPELINING")) pipelining = true;
  if (sdk::same_name(word, "AUTH")) auth = true;
  if (!sdk::same_name(word, "SIZE")) return;
  size = true;
  line.remove_prefix(word.size());
  if (!line.empty()) std::from_chars(line.data() + 1, line.data() + line.size(), size_max);
}

void Dialogue::begin(std::string_view from, std::string_view to, std::string message) {
  recipient_ = to;
  message_ = std::move(message);
  verdict_.reset();
  refused_ = false;
  heard_ = false;
  if (abilities_.size_max != 0 && message_.size() > abilities_.size_max) {
    verdict_ = sdk::Verdict::rejected("the mail has " + std::to_string(message_.size()) +
                                      " bytes; the server takes at most " +
                                      std::to_string(abilities_.size_max));
    return;
  }
  state_ = State::kBusy;
  std::string mail = "MAIL FROM:<" + std::string(from) + ">";
  if (abilities_.size) mail += " SIZE=" + std::to_string(message_.size());
  expect(Step::kMail, mail);
  if (!abilities_.pipelining) return;
  expect(Step::kRecipient, "RCPT TO:<" + recipient_ + ">");
  expect(Step::kData, "DATA");
}

void Dialogue::expect(Step step, std::string_view command) {
  out_.append(command).append("\r\n");
  asked_.push_back(step);
}

void Dialogue::hear(std::string_view bytes) {
  while (!bytes.empty() && state_ != State::kOver) {
    const auto reply = reader_.read(bytes);
    if (reply) on_reply(*reply);
  }
}

void Dialogue::on_reply(const Reply& reply) {
  if (asked_.empty() || reply.code == 421 || reply.code == 0) {
    // What nobody asked for is the server's goodbye, as far as we care.
    const Step step = asked_.empty() ? Step::kConnect : asked_.front();
    if (state_ == State::kBusy && !verdict_ && !refused_) verdict_ = classify(step, reply);
    state_ = State::kOver;
    return;
  }
  const Step step = asked_.front();
  asked_.pop_front();
  heard_ = true;
  if (step == Step::kReset) {
    state_ = reply.positive() ? State::kReady : State::kOver;
    return;
  }
  const bool taken = step == Step::kData ? reply.code == 354 : reply.positive();
  if (step == Step::kFinalDot) {
    // Taken or not, the server has forgotten it (RFC 5321 4.1.1.4): no RSET is due.
    if (!refused_) verdict_ = classify(step, reply);
    state_ = reply.code / 100 == 3 ? State::kOver : State::kReady;
    return;
  }
  if (taken) return go_on(step);
  fail(step, reply);
}

void Dialogue::go_on(Step answered) {
  if (answered == Step::kData) return send_mail();
  if (refused_ || abilities_.pipelining) return;
  if (answered == Step::kMail) return expect(Step::kRecipient, "RCPT TO:<" + recipient_ + ">");
  expect(Step::kData, "DATA");
}

void Dialogue::fail(Step step, const Reply& reply) {
  if (!refused_) verdict_ = classify(step, reply);
  refused_ = true;
  if (asked_.empty()) reset();
}

void Dialogue::send_mail() {
  // A mail whose recipient was refused is for nobody: the server gets its end and nothing of it.
  if (!refused_) append_stuffed(out_, message_);
  out_.append(kEnd);
  asked_.push_back(Step::kFinalDot);
  message_.clear();
}

void Dialogue::reset() { expect(Step::kReset, "RSET"); }

std::optional<sdk::Verdict> Dialogue::take_verdict() {
  return std::exchange(verdict_, std::nullopt);
}

sdk::Verdict Dialogue::give_up(std::string_view why, bool sent) const {
  const Step step = asked_.empty() ? Step::kConnect : asked_.front();
  return unanswered(step, sent, why);
}

}  // namespace tocsin::output_smtp
