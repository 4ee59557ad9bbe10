#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "settings.h"
#include "tocsin/plugin.hpp"

namespace tocsin::output_fcm {

/// The token that requests are authorised with, exchanged for an assertion of the service account.
/// One exchange at a time, whoever asks meanwhile waits for it; renewed before it ends, while
/// requests go on with the old one. On the instance's home loop.
class AccessToken {
 public:
  static constexpr std::size_t kWaitersMax = 4096;
  /// How long before its end a token is renewed; of short-lived ones a quarter of their time.
  static constexpr sdk::Duration kEarly = std::chrono::minutes(5);
  static constexpr sdk::Duration kExchangeMax = std::chrono::seconds(10);
  /// After a renewal failed, while the old token is still good.
  static constexpr sdk::Duration kRenewalPause = std::chrono::seconds(30);

  /// `told` hears of each attempt that waited: null when there is a token now, or else what it
  /// comes to. Not from inside get().
  using Told = std::function<void(tocsin_token attempt, const sdk::Verdict* failure)>;

  AccessToken(const Settings& settings, sdk::Host host, Told told);
  void reconfigure(const Settings& next) { settings_ = &next; }

  enum class State : std::uint8_t {
    kReady,   ///< authorization() may be used
    kWaits,   ///< `told` follows, well before the attempt's deadline
    kRefused  ///< nothing can be had now: failure()
  };
  State get(tocsin_token attempt, sdk::Duration deadline);
  /// It no longer waits.
  void forget(tocsin_token attempt);

  /// Of a request's header.
  const std::string& authorization() const { return authorization_; }
  /// Different for every token.
  std::uint64_t generation() const { return generation_; }
  /// The server refused that one: it is not used again.
  void refused(std::uint64_t generation);
  const sdk::Verdict& failure() const { return failure_; }

 private:
  struct Waiter {
    tocsin_token attempt;
    sdk::Duration until;
  };

  bool begin();
  void finish(const sdk::HttpResponse& response);
  bool take(std::string_view body);
  void tell_all(const sdk::Verdict* failure);
  void give_up_late();
  void arm();

  const Settings* settings_;
  sdk::Host host_;
  Told told_;
  sdk::HttpCall call_;
  sdk::Timer patience_;
  std::vector<Waiter> waiters_;

  std::string authorization_;  // empty: none
  std::uint64_t generation_ = 0;
  sdk::Duration ends_{};  // on the host's monotonic clock
  sdk::Duration renew_at_{};
  sdk::Verdict failure_;
};

}  // namespace tocsin::output_fcm
