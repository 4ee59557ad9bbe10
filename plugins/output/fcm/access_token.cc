#include "access_token.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "classify.h"
#include "tocsin/sdk/json.hpp"

namespace tocsin::output_fcm {

namespace {

constexpr std::string_view kGrant =
    "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion=";
constexpr double kLifeSecondsMax = 86'400;
constexpr double kLifeSecondsDefault = 3600;
constexpr std::size_t kTokenBytesMax = 8192;

// RFC 6750 2.1; anything else would end the header.
bool is_token(std::string_view text) {
  return !text.empty() && text.size() <= kTokenBytesMax &&
         std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < 0x7f; });
}

}  // namespace

AccessToken::AccessToken(const Settings& settings, sdk::Host host, Told told)
    : settings_(&settings),
      host_(host),
      told_(std::move(told)),
      call_(host, [this](const sdk::HttpResponse& response) { finish(response); }),
      patience_(host, [this] { give_up_late(); }) {}

AccessToken::State AccessToken::get(tocsin_token attempt, sdk::Duration deadline) {
  const sdk::Duration now = host_.now();
  if (!authorization_.empty() && now < ends_) {
    if (now >= renew_at_ && !call_.under_way() && !begin()) renew_at_ = now + kRenewalPause;
    return State::kReady;
  }
  if (waiters_.size() == kWaitersMax) {
    failure_ = sdk::Verdict::retry("too many deliveries wait for an access token");
    return State::kRefused;
  }
  if (!call_.under_way() && !begin()) return State::kRefused;
  // An attempt that its deadline finds here would count as sent perhaps.
  waiters_.push_back({attempt, now + (deadline - now) * 2 / 3});
  arm();
  return State::kWaits;
}

void AccessToken::forget(tocsin_token attempt) {
  std::erase_if(waiters_, [attempt](const Waiter& waiter) { return waiter.attempt == attempt; });
}

void AccessToken::refused(std::uint64_t generation) {
  if (generation == generation_) authorization_.clear();
}

// False: failure() says why.
bool AccessToken::begin() {
  const ServiceAccount& account = *settings_->account;
  const auto wall = std::chrono::floor<std::chrono::seconds>(host_.wall());
  const std::string assertion = account.assertion(wall.count());
  if (assertion.empty()) {
    failure_ = sdk::Verdict::unauthorized("the service account's private key signs nothing");
    return false;
  }
  const tocsin_header headers[] = {
      {sdk::to_c("Content-Type"), sdk::to_c("application/x-www-form-urlencoded")}};
  const bool sent = call_.send({.method = "POST",
                                .url = account.token_uri(),
                                .headers = headers,
                                .body = std::string(kGrant) + assertion,
                                .idempotent = true,
                                .deadline = host_.now() + kExchangeMax,
                                .transport = &settings_->transport});
  if (!sent) failure_ = sdk::Verdict::retry("no access token: " + call_.error());
  return sent;
}

void AccessToken::finish(const sdk::HttpResponse& response) {
  if (response.answered() && response.status() == 200 && take(response.body())) {
    tell_all(nullptr);
    return;
  }
  failure_ =
      classify_exchange(host_.http_verdict(response.c()), response.status(), response.body());
  host_.warning(failure_.reason);
  renew_at_ = host_.now() + kRenewalPause;
  const sdk::Verdict failure = failure_;
  tell_all(&failure);
}

// False: there is no token in it.
bool AccessToken::take(std::string_view body) {
  const auto answer = sdk::JsonReply::read(body);
  const auto token = answer ? answer->text("/access_token") : std::nullopt;
  if (!token || !is_token(*token)) return false;
  const double seconds =
      std::clamp(answer->number("/expires_in").value_or(kLifeSecondsDefault), 1.0, kLifeSecondsMax);
  const auto life = std::chrono::seconds(static_cast<std::int64_t>(seconds));
  authorization_ = "Bearer " + std::string(*token);
  ++generation_;
  ends_ = host_.now() + life;
  renew_at_ = ends_ - std::min<sdk::Duration>(kEarly, sdk::Duration(life) / 4);
  return true;
}

void AccessToken::tell_all(const sdk::Verdict* failure) {
  patience_.cancel();
  for (const Waiter& waiter : std::exchange(waiters_, {})) told_(waiter.attempt, failure);
}

void AccessToken::give_up_late() {
  const sdk::Duration now = host_.now();
  const auto late = std::stable_partition(
      waiters_.begin(), waiters_.end(), [now](const Waiter& waiter) { return waiter.until > now; });
  const std::vector<Waiter> given_up(late, waiters_.end());
  waiters_.erase(late, waiters_.end());
  arm();
  const sdk::Verdict failure = sdk::Verdict::retry("the token endpoint did not answer in time");
  for (const Waiter& waiter : given_up) told_(waiter.attempt, &failure);
}

void AccessToken::arm() {
  const auto first =
      std::min_element(waiters_.begin(), waiters_.end(),
                       [](const Waiter& a, const Waiter& b) { return a.until < b.until; });
  if (first == waiters_.end()) {
    patience_.cancel();
  } else if (!patience_.running() || first == waiters_.end() - 1) {
    patience_.start(std::max(first->until - host_.now(), sdk::Duration::zero()));
  }
}

}  // namespace tocsin::output_fcm
