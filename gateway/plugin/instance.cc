#include "gateway/plugin/instance.h"

#include <algorithm>

#include "gateway/plugin/change.h"
#include "gateway/plugin/fault.h"
#include "gateway/plugin/host.h"
#include "gateway/plugin/settings.h"
#include "gateway/plugin/text.h"

namespace tocsin::plugin {

namespace {

tocsin_create create_arguments(Instance& instance, const Settings& settings) {
  tocsin_create arguments{};
  arguments.size = sizeof(arguments);
  arguments.host = &host_table();
  arguments.instance = instance.handle();
  arguments.id = str_of(instance.id());
  arguments.settings = &settings.root();
  return arguments;
}

Refusal refusal_of(std::uint32_t status, const tocsin_fault& fault, const Value& settings) {
  Refusal refusal;
  refusal.code = code_of(status);
  refusal.what = fault_text(fault);
  refusal.key = fault_key(fault);
  refusal.place = place_of(settings, refusal.key);
  return refusal;
}

}  // namespace

Place place_of(const Value& settings, std::string_view key) {
  const std::size_t dot = std::min(key.find('.'), key.size());
  const Value* at = settings.find(key.substr(0, dot));
  if (dot < key.size() && at != nullptr && at->is<Value::Map>()) at = at->find(key.substr(dot + 1));
  return at != nullptr && at->place().file != nullptr ? at->place() : settings.place();
}

Instance::Instance(const tocsin_plugin& plugin, InstanceName name, const Value& settings,
                   const Services& services)
    : plugin_(plugin),
      name_(std::move(name)),
      label_(std::string(kind_name(name_.kind)) + "/" + copy_of(plugin.name)),
      logger_(std::string(kind_name(name_.kind)) + "." + name_.id),
      services_(services),
      metrics_(services.metrics.of_instance(label_, name_.id)),
      crash_number_(
          services.crash_map == nullptr ? 0 : services.crash_map->number_of(label_, name_.id)),
      template_rules_(
          std::make_shared<const TemplateRules>(name_.kind, settings, services.templates)) {}

tl::expected<void, Refusal> Instance::validate(const tocsin_plugin& plugin,
                                               const InstanceName& name, const Value& settings,
                                               const Services& services) {
  if (plugin.validate == nullptr) return {};
  Instance instance(plugin, name, settings, services);
  const Settings converted(settings);
  const tocsin_create arguments = create_arguments(instance, converted);
  tocsin_fault fault = empty_fault();
  const std::uint32_t status = plugin.validate(&arguments, &fault);
  if (status == TOCSIN_OK) return {};
  return tl::unexpected(refusal_of(status, fault, settings));
}

tl::expected<InstancePtr, Refusal> Instance::create(const tocsin_plugin& plugin,
                                                    const InstanceName& name, const Value& settings,
                                                    const Services& services) {
  InstancePtr instance(new Instance(plugin, name, settings, services));
  const Settings converted(settings);
  const tocsin_create arguments = create_arguments(*instance, converted);
  tocsin_fault fault = empty_fault();
  const std::uint32_t status = plugin.create(&arguments, &instance->self_, &fault);
  if (status != TOCSIN_OK) return tl::unexpected(refusal_of(status, fault, settings));
  instance->created_ = true;
  instance->has_prepared_ = true;
  instance->adopted();
  return instance;
}

bool Instance::can_reconfigure() const { return plugin::can_reconfigure(plugin_); }

tl::expected<void, Refusal> Instance::reconfigure(const Value& settings,
                                                  templates::SettingsPtr templates) {
  TOCSIN_ASSERT(can_reconfigure(), "a plugin was reconfigured that cannot be");
  const Settings converted(settings);
  const tocsin_create next = create_arguments(*this, converted);
  tocsin_fault fault = empty_fault();
  auto rules = std::make_shared<const TemplateRules>(name_.kind, settings, std::move(templates));
  {
    const std::lock_guard lock(mutex_);
    prepared_files_.clear();
    has_prepared_ = false;
    template_rules_ = std::move(rules);
    template_uses_.clear();
  }
  const std::uint32_t status = plugin_.reconfigure(self_, &next, &fault);
  if (status == TOCSIN_OK) {
    const std::lock_guard lock(mutex_);
    has_prepared_ = true;
    return {};
  }
  return tl::unexpected(refusal_of(status, fault, settings));
}

void Instance::depends_on(std::string file) {
  FileStamp stamp = FileStamp::of(std::move(file));
  const std::lock_guard lock(mutex_);
  prepared_files_.push_back(std::move(stamp));
}

void Instance::adopted() {
  const std::lock_guard lock(mutex_);
  if (!std::exchange(has_prepared_, false)) return;
  files_ = std::move(prepared_files_);
  prepared_files_.clear();
}

bool Instance::files_changed() const {
  const std::lock_guard lock(mutex_);
  return std::any_of(files_.begin(), files_.end(),
                     [](const FileStamp& stamp) { return !(FileStamp::of(stamp.path) == stamp); });
}

std::shared_ptr<const TemplateRules> Instance::template_rules() const {
  const std::lock_guard lock(mutex_);
  return template_rules_;
}

void Instance::note_template(TemplateUse use) {
  const std::lock_guard lock(mutex_);
  if (template_uses_.size() >= kTemplateUsesMax || std::ranges::count(template_uses_, use) > 0) {
    return;
  }
  template_uses_.push_back(std::move(use));
}

std::vector<TemplateUse> Instance::template_uses() const {
  const std::lock_guard lock(mutex_);
  return template_uses_;
}

Instance::~Instance() {
  workers_.clear();
  if (created_) plugin_.destroy(self_);
}

bool Instance::busy() const {
  return std::any_of(workers_.begin(), workers_.end(), [](const auto& worker) {
    TOCSIN_ASSERT(worker->finished(), "an instance was ended before its workers had finished");
    return worker->outstanding() > 0;
  });
}

void RetireInstance::operator()(Instance* instance) const {
  if (!instance->busy()) {
    delete instance;
    return;
  }
  static std::mutex mutex;
  static auto& kept = *new std::vector<Instance*>;  // in sight of leak checkers
  instance->metrics_.leaked->add();
  TOCSIN_LOG(instance->services_.log, kWarning, instance->logger_,
             "work of the plugin still runs: the instance is kept instead of destroyed",
             {"plugin", instance->label_});
  const std::lock_guard lock(mutex);
  kept.push_back(instance);
}

Result<Worker*> Instance::start_worker(const Environment& environment) {
  auto made = std::make_unique<Worker>(*this, environment);
  Worker& worker = *made;
  {
    const std::lock_guard lock(mutex_);
    workers_.push_back(std::move(made));
  }
  TOCSIN_TRY(worker.start());
  return &worker;
}

void Instance::misused(std::string_view how) {
  metrics_.misuses->add();
  const std::lock_guard lock(mutex_);
  if (const auto skipped = misuse_lines_.admit(services_.clock.mono())) {
    TOCSIN_LOG(services_.log, kWarning, logger_, "the plugin breaks its contract",
               {"plugin", label_}, {"how", how}, {"suppressed", *skipped});
  }
}

}  // namespace tocsin::plugin
