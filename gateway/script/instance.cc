#include "gateway/script/instance.h"

#include <utility>

#include "gateway/script/creation.h"

namespace tocsin::script {

Instance::Instance(std::shared_ptr<const Script> script, const std::string& id,
                   const Value& settings, const Services& services)
    : script_(std::move(script)),
      settings_(settings),
      voice_{std::string(kind_name(script_->kind())) + "/" + script_->name(), id,
             std::string(kind_name(script_->kind())) + "." + id},
      services_(services) {}

Instance::~Instance() = default;

tl::expected<std::unique_ptr<Instance>, Refusal> Instance::create(
    std::shared_ptr<const Script> script, const std::string& id, const Value& settings,
    const Services& services) {
  std::unique_ptr<Instance> instance(new Instance(std::move(script), id, settings, services));
  auto tried = instance->try_create();
  if (!tried) return tl::unexpected(std::move(tried.error()));
  return instance;
}

tl::expected<void, Refusal> Instance::try_create() {
  Creation creation = create_state(*script_, settings_, voice_, services_, nullptr);
  traits_ = std::move(creation.traits);
  if (creation.state != nullptr) return {};
  Refusal refusal{std::move(creation.refused), std::move(creation.key), settings_.place()};
  const Value* at = refusal.key.empty() ? nullptr : settings_.find(refusal.key);
  if (at != nullptr && at->place().file != nullptr) refusal.place = at->place();
  return tl::unexpected(std::move(refusal));
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

}  // namespace tocsin::script
