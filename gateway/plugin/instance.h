#pragma once

#include <chrono>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/base/result.h"
#include "gateway/base/value.h"
#include "gateway/plugin/file_stamp.h"
#include "gateway/plugin/library.h"
#include "gateway/plugin/services.h"
#include "gateway/plugin/template_rules.h"
#include "gateway/plugin/worker.h"
#include "gateway/telemetry/log_limiter.h"
#include "tocsin/plugin.h"

namespace tocsin::plugin {

/// Why a plugin refused its settings or could not start.
struct Refusal {
  Code code = Code::kInvalid;
  std::string what;  ///< a sentence without a full stop
  std::string key;   ///< the option at fault; may be empty
  Place place;       ///< of that option, else of the instance
};

/// Where an option of `settings` is written, "tokens" or one level down "tokens.shop"; else, and
/// for one that has its default, where the settings themselves are.
Place place_of(const Value& settings, std::string_view key);

/// Names an instance: its kind in the configuration and its name there.
struct InstanceName {
  Kind kind;
  std::string id;
};

/// A template that an instance has compiled, as the plugin gave it.
struct TemplateUse {
  std::string option;  ///< empty: the plugin did not say of which
  std::string text;
  templates::Escape escape = templates::Escape::kNone;

  bool operator==(const TemplateUse&) const = default;
};

class Instance;

/// Ends an instance: when work of the plugin's still runs in the offload pool, or a task of it
/// waits in a loop, the instance is kept for ever, logged and counted, because freeing it would
/// pull the ground from under that work.
struct RetireInstance {
  void operator()(Instance* instance) const;
};
using InstancePtr = std::unique_ptr<Instance, RetireInstance>;

/// A plugin with settings: what one entry of `outputs:`, `filters:` and so on makes. Made and
/// destroyed on the control thread, after its last worker has finished.
class Instance {
 public:
  /// Asks the plugin about settings that its table accepted; nothing stays. Also for `check`.
  static tl::expected<void, Refusal> validate(const tocsin_plugin& plugin, const InstanceName& name,
                                              const Value& settings, const Services& services);

  /// Makes it. `plugin` and what `services` names outlive it, `settings` need not.
  static tl::expected<InstancePtr, Refusal> create(const tocsin_plugin& plugin,
                                                   const InstanceName& name, const Value& settings,
                                                   const Services& services);

  ~Instance();
  Instance(const Instance&) = delete;
  Instance& operator=(const Instance&) = delete;

  /// Whether reconfigure() can be asked at all.
  bool can_reconfigure() const;
  /// Prepares settings that differ in reloadable options only (Change::kReloadable); they are
  /// adopted by Worker::reconfigure on each loop, once the reload is decided, or never. Asked again
  /// it replaces what was prepared, also to go back. Control thread, and not while some of the
  /// loops have adopted and others have not. The refused leave no trace.
  /// What is compiled from now on follows `templates`, also in workers that have not yet adopted.
  tl::expected<void, Refusal> reconfigure(const Value& settings,
                                          templates::SettingsPtr templates = nullptr);

  /// What the plugin makes now, in create() or reconfigure(), was read from this file too. Control
  /// thread.
  void depends_on(std::string file);
  /// The settings prepared by reconfigure() are in use. Any thread.
  void adopted();
  /// Whether a file of the settings in use is another one by now. Control thread.
  bool files_changed() const;

  /// How its templates are compiled now. Any thread.
  std::shared_ptr<const TemplateRules> template_rules() const;
  /// Remembers a template of the settings in use. Any thread.
  void note_template(TemplateUse use);
  /// Those there are, each once, at most kTemplateUsesMax. Any thread.
  std::vector<TemplateUse> template_uses() const;
  static constexpr std::size_t kTemplateUsesMax = 64;

  /// Begins its part on one loop, on that loop's thread. The worker lives as long as this object;
  /// Worker::finish() ends it. Thread-safe. Errors are the plugin's words.
  Result<Worker*> start_worker(const Environment& environment);

  const tocsin_plugin& plugin() const { return plugin_; }
  const std::string& id() const { return name_.id; }
  Kind kind() const { return name_.kind; }
  /// What create() stored.
  void* self() const { return self_; }
  /// "output/slack": the label of its metrics.
  const std::string& label() const { return label_; }
  /// "output.ops-chat": who speaks in its log lines.
  const std::string& logger() const { return logger_; }
  const Services& services() const { return services_; }
  const InstanceMetrics& metrics() const { return metrics_; }
  /// Of its name in the crash map; 0 without one.
  std::uint32_t crash_number() const { return crash_number_; }

  /// Counts and logs a call that breaks the contract. Any thread.
  void misused(std::string_view how);

  static Instance& of(tocsin_instance* handle) { return *reinterpret_cast<Instance*>(handle); }
  tocsin_instance* handle() { return reinterpret_cast<tocsin_instance*>(this); }

 private:
  friend struct RetireInstance;
  Instance(const tocsin_plugin& plugin, InstanceName name, const Value& settings,
           const Services& services);
  bool busy() const;

  const tocsin_plugin& plugin_;
  const InstanceName name_;
  const std::string label_;
  const std::string logger_;
  const Services services_;
  const InstanceMetrics metrics_;
  const std::uint32_t crash_number_;
  void* self_ = nullptr;
  bool created_ = false;
  mutable std::mutex mutex_;
  std::vector<std::unique_ptr<Worker>> workers_;  // guarded by mutex_
  std::vector<FileStamp> files_;                  // of the settings in use; guarded by mutex_
  std::vector<FileStamp> prepared_files_;  // of those that are being prepared; guarded by mutex_
  bool has_prepared_ = false;              // guarded by mutex_
  std::shared_ptr<const TemplateRules> template_rules_;              // guarded by mutex_
  std::vector<TemplateUse> template_uses_;                           // guarded by mutex_
  telemetry::LogLimiter misuse_lines_{10, std::chrono::minutes(1)};  // guarded by mutex_
};

}  // namespace tocsin::plugin
