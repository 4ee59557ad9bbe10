#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "connection.h"
#include "dialogue.h"

namespace tocsin::output_smtp {

/// One connection and the mails that go over it, one after another.
class Session final : private Connection::Owner {
 public:
  class Owner {
   public:
    /// The verdict of the session's mail; it has none any more.
    virtual void on_verdict(Session& session, const sdk::Verdict& verdict) = 0;
    /// It could take another mail.
    virtual void on_idle(Session& session) = 0;
    /// It is closed, with the mail of mail() on it when that is not 0. `untouched`: the server had
    /// ended a connection that rested, and has heard nothing of this mail; otherwise `verdict` is
    /// the mail's. The last call, after which it may be destroyed, but not during it.
    virtual void on_over(Session& session, const sdk::Verdict& verdict, bool untouched) = 0;

   protected:
    ~Owner() = default;
  };

  /// A mail ready to be sent.
  struct Mail {
    tocsin_token token = 0;
    std::string from;
    std::string to;
    std::string message;
  };

  static constexpr std::chrono::seconds kRestMax{
      20};  ///< how long it is kept without a mail, or without an end of one that has its verdict

  Session(sdk::Host host, Owner& owner, std::uint64_t generation);

  /// Connects, then sends the mail.
  void open(const Route& route, Mail mail);
  /// The next one; is_idle() holds.
  void begin(Mail mail);
  /// Closes it in the middle of its mail; the mail's verdict. No call comes from it.
  sdk::Verdict give_up(std::string_view why);
  /// Says goodbye and closes an idle one. No call comes from it.
  void quit();

  bool is_idle() const { return dialogue_ && dialogue_->ready() && mail_ == 0; }
  tocsin_token mail() const { return mail_; }
  /// Of the settings it was opened with.
  std::uint64_t generation() const { return generation_; }

 private:
  void on_open(const Abilities& abilities) override;
  void on_bytes(std::string_view bytes) override;
  void on_unopened(const sdk::Verdict& verdict) override;
  void on_lost(std::string_view why) override;

  void send(Mail mail);
  void go_on();
  void end(std::string_view why);

  Owner& owner_;
  const std::uint64_t generation_;
  Connection connection_;
  sdk::Timer rest_;
  std::optional<Dialogue> dialogue_;  // once it is open
  std::optional<Mail> first_;         // until then
  tocsin_token mail_ = 0;
  bool needs_auth_ = false;
  bool used_ = false;  // for a mail before this one
};

}  // namespace tocsin::output_smtp
