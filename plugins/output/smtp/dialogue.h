#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "classify.h"
#include "reply.h"

namespace tocsin::output_smtp {

/// What a server said of itself in answer to EHLO.
struct Abilities {
  bool pipelining = false;     ///< RFC 2920
  bool auth = false;           ///< RFC 4954
  bool size = false;           ///< RFC 1870
  std::uint64_t size_max = 0;  ///< 0: it names none

  /// Takes one line of the answer, "250-SIZE 33554432".
  void read(std::string_view line);
};

/// The talk about mails on one connection, after EHLO, STARTTLS and AUTH. No I/O: commands come out
/// of take_out(), replies go into hear().
///
///   kReady --begin--> kBusy --verdict--> kReady          accepted
///                       |  --verdict--> kBusy --> kReady  refused: RSET first
///                       +---- 421, or no reply of SMTP --> kOver
///
/// With PIPELINING the three commands in front of a mail go out at once. Then DATA may be taken
/// although the recipient was not; the mail is never sent in that case, only its end.
class Dialogue {
 public:
  enum class State : std::uint8_t { kReady, kBusy, kOver };

  explicit Dialogue(const Abilities& abilities) : abilities_(abilities) {}

  /// Begins a mail; ready() holds. Addresses are ASCII without control characters; `message` has
  /// lines that end in CRLF.
  void begin(std::string_view from, std::string_view to, std::string message);
  /// What the server said. Afterwards the mail may have its verdict.
  void hear(std::string_view bytes);
  /// The mail's verdict, once.
  std::optional<sdk::Verdict> take_verdict();
  /// The verdict of a mail that has none yet, when the connection ends or is given up. `sent`: all
  /// of take_out() has left.
  sdk::Verdict give_up(std::string_view why, bool sent) const;
  /// The server has said nothing about the mail yet, or ended the connection instead: on a
  /// connection that was used before, it may have waited for nothing but that.
  bool unheard() const { return state_ != State::kReady && !heard_; }

  State state() const { return state_; }
  bool ready() const { return state_ == State::kReady; }
  /// What is to be sent.
  std::string take_out() { return std::exchange(out_, {}); }

 private:
  void on_reply(const Reply& reply);
  void go_on(Step answered);
  void fail(Step step, const Reply& reply);
  void expect(Step step, std::string_view command);
  void send_mail();
  void reset();

  Abilities abilities_;
  State state_ = State::kReady;
  ReplyReader reader_;
  std::string out_;
  std::deque<Step> asked_;  // whose replies are to come
  std::string recipient_;
  std::string message_;
  std::optional<sdk::Verdict> verdict_;
  bool refused_ = false;
  bool heard_ = false;
};

}  // namespace tocsin::output_smtp
