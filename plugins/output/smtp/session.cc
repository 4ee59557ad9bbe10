#include "session.h"

#include <utility>

namespace tocsin::output_smtp {

Session::Session(sdk::Host host, Owner& owner, std::uint64_t generation)
    : owner_(owner), generation_(generation), connection_(host, *this), rest_(host, [this] {
        if (mail_ != 0) return go_on();
        is_idle() ? quit() : connection_.close();
        owner_.on_over(*this, {}, false);
      }) {}

void Session::open(const Route& route, Mail mail) {
  mail_ = mail.token;
  first_ = std::move(mail);
  needs_auth_ = !route.username.empty();
  connection_.open(route);
}

void Session::on_open(const Abilities& abilities) {
  // libcurl goes on without AUTH where a server has none; who gave a password did not mean that.
  if (needs_auth_ && !abilities.auth) {
    connection_.close();
    return owner_.on_over(*this, sdk::Verdict::unauthorized("the server does not offer AUTH"),
                          false);
  }
  dialogue_.emplace(abilities);
  send(*std::exchange(first_, std::nullopt));
}

void Session::begin(Mail mail) {
  rest_.cancel();
  used_ = true;
  send(std::move(mail));
}

void Session::send(Mail mail) {
  mail_ = mail.token;
  dialogue_->begin(mail.from, mail.to, std::move(mail.message));
  connection_.send(dialogue_->take_out());
  // A mail that is too large for this server has its verdict already; it is told from the loop, as
  // all are.
  if (dialogue_->ready()) rest_.start(sdk::Duration::zero());
}

void Session::on_bytes(std::string_view bytes) {
  dialogue_->hear(bytes);
  go_on();
}

void Session::go_on() {
  if (dialogue_->state() == Dialogue::State::kOver) return end("the server ended the connection");
  if (auto verdict = dialogue_->take_verdict()) {
    owner_.on_verdict(*this, *verdict);
    mail_ = 0;
    rest_.start(kRestMax);  // for what is left to say about that mail, too
  }
  connection_.send(dialogue_->take_out());
  if (!is_idle()) return;
  if (!connection_.all_sent()) {
    // It answered before it had the whole mail; what is left of that would be read as commands.
    connection_.close();
    return owner_.on_over(*this, {}, false);
  }
  rest_.start(kRestMax);
  owner_.on_idle(*this);
}

void Session::on_unopened(const sdk::Verdict& verdict) { owner_.on_over(*this, verdict, false); }

void Session::on_lost(std::string_view why) { end(why); }

void Session::end(std::string_view why) {
  rest_.cancel();
  const bool untouched = used_ && dialogue_->unheard();
  const bool sent = connection_.all_sent();
  const std::optional<sdk::Verdict> verdict = dialogue_->take_verdict();
  connection_.close();
  owner_.on_over(*this, verdict ? *verdict : dialogue_->give_up(why, sent), untouched);
}

sdk::Verdict Session::give_up(std::string_view why) {
  rest_.cancel();
  const sdk::Verdict verdict = dialogue_ ? dialogue_->give_up(why, connection_.all_sent())
                                         : unanswered(Step::kConnect, false, why);
  connection_.close();
  return verdict;
}

void Session::quit() {
  rest_.cancel();
  // What does not go out at once is not waited for: a goodbye is not worth a place.
  connection_.send("QUIT\r\n");
  connection_.close();
}

}  // namespace tocsin::output_smtp
