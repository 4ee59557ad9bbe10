#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

#include "gateway/base/result.h"
#include "gateway/base/value.h"
#include "gateway/script/environment.h"
#include "gateway/script/script.h"
#include "gateway/script/worker.h"
#include "gateway/stage/output.h"

namespace tocsin::script {

/// Why a script refused its settings or could not start.
struct Refusal {
  std::string what;  ///< a sentence without a full stop; file and line where there is one
  std::string key;   ///< the option at fault; may be empty
  Place place;       ///< of that option, else of the instance
};

/// A script with settings: what one entry of `outputs:` or `filters:` makes, or a routing script,
/// which has none. Made and destroyed on the control thread, after its last worker has finished.
class Instance {
 public:
  /// Runs the script's create() once with these settings in a state that reaches nothing, so that
  /// it also serves to check them. What `services` names outlives it.
  static tl::expected<std::unique_ptr<Instance>, Refusal> create(
      std::shared_ptr<const Script> script, const std::string& id, const Value& settings,
      const Services& services);
  ~Instance();
  Instance(const Instance&) = delete;
  Instance& operator=(const Instance&) = delete;

  /// Whether it can take other values of its reloadable options.
  bool can_reconfigure() const { return can_reconfigure_; }
  /// Tries settings that differ in reloadable options only, in a state that reaches nothing;
  /// Worker::reconfigure adopts them on each loop, once the reload is decided, or never. Control
  /// thread.
  tl::expected<void, Refusal> reconfigure(const Value& settings);

  /// Begins its part on one loop, on that loop's thread. The worker lives as long as this object;
  /// whoever uses it is gone before Worker::finish(). Thread-safe.
  Result<Worker*> start_worker(const Environment& environment);

  const Script& script() const { return *script_; }
  const Voice& voice() const { return voice_; }
  const Services& services() const { return services_; }
  /// What reconfigure() accepted last, which workers begin with from now on. Any thread.
  std::shared_ptr<const Value> adopt();
  /// What an output said of itself.
  const stage::OutputTraits& traits() const { return traits_; }

 private:
  Instance(std::shared_ptr<const Script> script, const std::string& id, const Value& settings,
           const Services& services);
  tl::expected<void, Refusal> try_create();

  const std::shared_ptr<const Script> script_;
  Refusal refusal_of(std::string what, std::string key, const Value& settings) const;

  const Voice voice_;
  const Services services_;
  stage::OutputTraits traits_;
  bool can_reconfigure_ = false;
  mutable std::mutex mutex_;
  // Guarded by mutex_.
  std::shared_ptr<const Value> adopted_;  // what loops begin with
  std::shared_ptr<const Value> wanted_;
  std::vector<std::unique_ptr<Worker>> workers_;
};

}  // namespace tocsin::script
