#pragma once

#include <exception>
#include <string>
#include <string_view>
#include <utility>

#include "tocsin/plugin.h"
#include "tocsin/sdk/settings.hpp"

namespace tocsin::sdk {

/// Runs `work`; an exception is logged with `where` and gives `fallback`. Every callback that a
/// plugin hands to the host passes through here.
template <typename Work, typename Result>
Result contain(const tocsin_host& host, tocsin_instance* instance, std::string_view where,
               Result fallback, Work&& work) noexcept {
  try {
    try {
      return std::forward<Work>(work)();
    } catch (const std::exception& error) {
      const std::string line = std::string(where) + " threw: " + error.what();
      host.log(instance, TOCSIN_LOG_ERROR, to_c(line));
      return fallback;
    } catch (...) {
      const std::string line = std::string(where) + " threw something that is no exception";
      host.log(instance, TOCSIN_LOG_ERROR, to_c(line));
      return fallback;
    }
  } catch (...) {  // no memory for the words
    host.log(instance, TOCSIN_LOG_ERROR, to_c(where));
    return fallback;
  }
}

class Metric {
 public:
  Metric() = default;
  Metric(const tocsin_host* host, tocsin_metric* metric) : host_(host), metric_(metric) {}
  /// Counter: adds; gauge: sets; histogram: observes. Any thread.
  void record(double value) const {
    if (metric_ != nullptr) host_->metric_record(metric_, value);
  }

 private:
  const tocsin_host* host_ = nullptr;
  tocsin_metric* metric_ = nullptr;
};

/// What the host lends an instance on the control thread and later on any thread.
class InstanceHost {
 public:
  InstanceHost(const tocsin_host* host, tocsin_instance* instance)
      : host_(host), instance_(instance) {}

  void log(std::uint32_t level, std::string_view message) const {
    host_->log(instance_, level, to_c(message));
  }
  bool log_enabled(std::uint32_t level) const { return host_->log_enabled(instance_, level) != 0; }
  void info(std::string_view message) const { log(TOCSIN_LOG_INFO, message); }
  void warning(std::string_view message) const { log(TOCSIN_LOG_WARNING, message); }
  void error(std::string_view message) const { log(TOCSIN_LOG_ERROR, message); }

  /// Since 1970, in UTC.
  Duration wall() const { return Duration(host_->wall_ns(instance_)); }

  /// `tocsin_plugin_<name>`; a counter's name ends in _total.
  Metric counter(std::string_view name, std::string_view help) const {
    return {host_, host_->metric(instance_, TOCSIN_COUNTER, to_c(name), to_c(help))};
  }
  Metric gauge(std::string_view name, std::string_view help) const {
    return {host_, host_->metric(instance_, TOCSIN_GAUGE, to_c(name), to_c(help))};
  }
  Metric histogram(std::string_view name, std::string_view help) const {
    return {host_, host_->metric(instance_, TOCSIN_HISTOGRAM, to_c(name), to_c(help))};
  }

  const tocsin_host& c_host() const { return *host_; }
  tocsin_instance* c_instance() const { return instance_; }

 private:
  const tocsin_host* host_;
  tocsin_instance* instance_;
};

/// What an instance is made from.
struct Setup {
  std::string_view id;  ///< its name in the configuration
  Value settings;
  InstanceHost host;
};

}  // namespace tocsin::sdk
