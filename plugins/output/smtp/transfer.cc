#include "transfer.h"

#include <algorithm>
#include <utility>

namespace tocsin::output_smtp {

namespace {

// How long before its deadline an attempt is given up here.
constexpr sdk::Duration kMarginMax = std::chrono::seconds(1);
constexpr int kMarginShare = 10;

}  // namespace

Transfer::Transfer(const Settings& settings, sdk::Host host)
    : settings_(&settings),
      host_(host),
      composer_(settings, host),
      connections_opened_(host.counter("smtp_connections_total", "Connections that were begun.")),
      route_(settings.route),
      alarm_(host, [this] { expire(); }),
      broom_(host, [this] { over_.clear(); }) {}

void Transfer::reconfigure(const Settings& next) {
  settings_ = &next;
  composer_.reconfigure(next);
  // Files may have changed where their names have not; the host reconfigures for that, too.
  ++generation_;
  route_ = next.route;
  quit_idle();
}

void Transfer::drain() {
  draining_ = true;
  quit_idle();
}

void Transfer::quit_idle() {
  while (Session* session = idle_session()) {
    session->quit();
    retire(*session);
  }
}

void Transfer::send(const sdk::Attempt& attempt) {
  Address to;
  std::string why;
  if (!composer_.recipient(attempt, to, why)) {
    host_.complete(attempt.token(), sdk::Verdict::rejected("the address: " + why));
    return;
  }
  const sdk::Duration left = attempt.deadline() - host_.now();
  const sdk::Duration margin = std::clamp(left / kMarginShare, sdk::Duration::zero(), kMarginMax);
  const auto due = dues_.emplace(attempt.deadline() - margin, attempt.token());
  waiting_.insert_or_assign(attempt.token(), Waiting{attempt, std::move(to), due});
  queue_.push_back(attempt.token());
  if (due == dues_.begin()) arm();
  pump();
}

void Transfer::cancel(tocsin_token attempt) {
  const auto place = waiting_.find(attempt);
  if (place == waiting_.end()) return;
  if (Session* session = place->second.session; session != nullptr) {
    session->give_up("cancelled");
    retire(*session);
  }
  forget(place);
  pump();
}

// ---- what goes where

void Transfer::pump() {
  while (!queue_.empty()) {
    Session* session = idle_session();
    if (session == nullptr && sessions_.size() >= settings_->connections) break;
    const tocsin_token token = queue_.front();
    queue_.pop_front();
    const auto place = waiting_.find(token);
    if (place == waiting_.end()) continue;  // cancelled, or out of time
    Session::Mail mail;
    if (!compose(place->second, mail)) continue;
    if (session != nullptr) {
      place->second.session = session;
      session->begin(std::move(mail));
      continue;
    }
    connections_opened_.record(1);
    auto& owner = static_cast<Session::Owner&>(*this);
    sessions_.push_back(std::make_unique<Session>(host_, owner, generation_));
    place->second.session = sessions_.back().get();
    sessions_.back()->open(route_, std::move(mail));
  }
}

Session* Transfer::idle_session() {
  const auto idle = std::find_if(sessions_.begin(), sessions_.end(),
                                 [](const auto& session) { return session->is_idle(); });
  return idle == sessions_.end() ? nullptr : idle->get();
}

bool Transfer::compose(Waiting& waiting, Session::Mail& out) {
  std::string why;
  out.token = waiting.attempt.token();
  out.from = settings_->from.address.text();
  out.to = waiting.to.text();
  if (composer_.write(waiting.attempt, waiting.to, out.message, why)) return true;
  complete(out.token, sdk::Verdict::rejected(why));
  return false;
}

// ---- what comes of it

void Transfer::on_verdict(Session& session, const sdk::Verdict& verdict) {
  complete(session.mail(), verdict);
}

void Transfer::on_idle(Session& session) {
  if (session.generation() != generation_) {
    session.quit();
    retire(session);
  }
  pump();
  if (draining_) quit_idle();
}

void Transfer::on_over(Session& session, const sdk::Verdict& verdict, bool untouched) {
  const auto place = waiting_.find(session.mail());
  if (place != waiting_.end() && untouched) {
    place->second.session = nullptr;
    queue_.push_front(session.mail());
  } else if (place != waiting_.end()) {
    complete(session.mail(), verdict);
  }
  retire(session);
  pump();
}

void Transfer::complete(tocsin_token token, const sdk::Verdict& verdict) {
  const auto place = waiting_.find(token);
  if (place == waiting_.end()) return;
  forget(place);
  host_.complete(token, verdict);
}

void Transfer::forget(std::unordered_map<tocsin_token, Waiting>::iterator place) {
  dues_.erase(place->second.due);
  waiting_.erase(place);
}

// ---- time

void Transfer::expire() {
  const sdk::Duration now = host_.now();
  while (!dues_.empty() && dues_.begin()->first <= now) {
    const auto place = waiting_.find(dues_.begin()->second);
    Session* session = place->second.session;
    const tocsin_token token = place->first;
    if (session == nullptr) {
      complete(token, sdk::Verdict::retry("no connection to the mail server came free in time"));
      continue;
    }
    const sdk::Verdict verdict = session->give_up("no answer in time");
    retire(*session);
    complete(token, verdict);
  }
  arm();
  pump();
}

void Transfer::arm() {
  if (dues_.empty()) return alarm_.cancel();
  alarm_.start(std::max(dues_.begin()->first - host_.now(), sdk::Duration::zero()));
}

// Out of the way now and freed later: it may be its own callback that brought us here.
void Transfer::retire(Session& session) {
  const auto place = std::find_if(sessions_.begin(), sessions_.end(),
                                  [&session](const auto& one) { return one.get() == &session; });
  if (place == sessions_.end()) return;
  over_.push_back(std::move(*place));
  sessions_.erase(place);
  broom_.start(sdk::Duration::zero());
}

}  // namespace tocsin::output_smtp
