#pragma once

#include <chrono>
#include <string>
#include <utility>

#include "tocsin/plugin.h"
#include "tocsin/testing/fake_settings.hpp"

namespace tocsin::testing {

/// The calls of life.h, as a test makes them on one instance and one loop; the part of FakeHost
/// that needs nothing else of it. Each answers the plugin's words, "key: what", or nothing when it
/// went well.
class FakeLife {
 public:
  FakeLife(const FakeLife&) = delete;
  FakeLife& operator=(const FakeLife&) = delete;

  std::string validate() {
    if (plugin_->validate == nullptr) return {};
    const tocsin_create from = arguments();
    return words([&](tocsin_fault* fault) { return plugin_->validate(&from, fault); });
  }
  std::string create() {
    const tocsin_create from = arguments();
    const std::string refused =
        words([&](tocsin_fault* fault) { return plugin_->create(&from, &self_, fault); });
    created_ = refused.empty();
    return refused;
  }
  /// create and worker_init.
  std::string start() {
    if (std::string refused = create(); !refused.empty()) return refused;
    const std::string refused = words([&](tocsin_fault* fault) {
      return plugin_->worker_init(self_, worker_, &worker_self_, fault);
    });
    started_ = refused.empty();
    return refused;
  }
  /// worker_start.
  void take_up() {
    if (plugin_->worker_start != nullptr) plugin_->worker_start(worker_self_);
  }
  /// Prepares what `settings` now says; adopt() follows or does not.
  std::string reconfigure() {
    if (plugin_->reconfigure == nullptr) return "the plugin cannot be reconfigured";
    const tocsin_create next = arguments();
    return words([&](tocsin_fault* fault) { return plugin_->reconfigure(self_, &next, fault); });
  }
  /// worker_reconfigure.
  void adopt() { plugin_->worker_reconfigure(worker_self_); }
  /// worker_drain. `deadline` is an instant of the host's clock.
  void drain(std::chrono::nanoseconds deadline) {
    if (plugin_->worker_drain != nullptr) plugin_->worker_drain(worker_self_, deadline.count());
  }

  FakeSettings settings;

 protected:
  FakeLife(const tocsin_plugin* plugin, const tocsin_host& table, tocsin_instance* instance,
           tocsin_worker* worker)
      : plugin_(plugin), host_(table), instance_(instance), worker_(worker) {}
  ~FakeLife() = default;

  /// worker_fini and destroy, as far as it came.
  void end_life() {
    if (std::exchange(started_, false)) plugin_->worker_fini(worker_self_);
    if (std::exchange(created_, false)) plugin_->destroy(self_);
  }

  const tocsin_plugin* plugin_;
  void* self_ = nullptr;
  void* worker_self_ = nullptr;
  bool created_ = false;
  bool started_ = false;

 private:
  tocsin_create arguments() {
    tocsin_create from{};
    from.size = sizeof(from);
    from.host = &host_;
    from.instance = instance_;
    from.id = sdk::to_c("test");
    from.settings = &settings.build(plugin_->options);
    return from;
  }
  template <typename Call>
  static std::string words(Call call) {
    tocsin_fault fault{};
    fault.size = sizeof(fault);
    if (call(&fault) == TOCSIN_OK) return {};
    const std::string what(fault.what, fault.what_len);
    const std::string key(fault.key, fault.key_len);
    return key.empty() ? (what.empty() ? "no reason given" : what) : key + ": " + what;
  }

  const tocsin_host& host_;
  tocsin_instance* const instance_;
  tocsin_worker* const worker_;
};

}  // namespace tocsin::testing
