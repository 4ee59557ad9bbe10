#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "gateway/app/admin_client.h"
#include "gateway/base/clock.h"

namespace tocsin::app {

/// What a gateway counted at one instant.
struct TopSample {
  struct Output {
    std::string name;
    std::string state;    ///< running, paused, ...
    std::string reason;   ///< why, if it is paused
    std::string breaker;  ///< empty: it has no lane
    std::int64_t queued = 0;
    std::int64_t in_flight = 0;
    std::int64_t dead = 0;
    std::optional<double> delivered, failed;  ///< since the process began; nothing: not told
  };
  MonoTime at{};
  std::string gateway;  ///< starting, ready, draining
  std::vector<std::string> overload;
  std::vector<Output> outputs;
  std::int64_t queued = 0;
  std::int64_t dead = 0;
  std::optional<std::int64_t> oldest_ms;  ///< how long the oldest waiting delivery is overdue
  bool accepting = false;                 ///< the store takes more
  std::optional<double> accepted, refused, delivered, failed, gave_up;
};

/// Asks a gateway for all of it.
tl::expected<TopSample, AdminFailure> take_sample(AdminDoor& door, MonoTime now);

/// Rates between two samples and how they are shown.
class TopView {
 public:
  /// How often something happens, in 1/s; nothing until there are two samples, and when the
  /// process was started anew between them.
  using Rate = std::optional<double>;
  struct OutputRates {
    Rate delivered, failed;
  };

  /// `where` is the address it is of.
  TopView(std::string where, Duration interval) : where_(std::move(where)), interval_(interval) {}

  void add(TopSample sample);
  /// No sample came; those before are shown with the reason until the next.
  void miss(std::string why) { missing_ = std::move(why); }
  bool has_rates() const { return before_.has_value(); }

  /// At most `rows` lines, each cut to `columns`; 0: as many and as long as they are.
  std::string text(bool colour, std::size_t rows, std::size_t columns) const;
  /// One object on one line.
  std::string json() const;

 private:
  Rate rate(std::optional<double> now, std::optional<double> before) const;
  OutputRates rates_of(const TopSample::Output& output) const;
  std::string head(bool colour) const;
  std::string table(bool colour) const;

  const std::string where_;
  const Duration interval_;
  std::optional<TopSample> before_, now_;
  std::string missing_;  // empty: the last one came
};

}  // namespace tocsin::app
