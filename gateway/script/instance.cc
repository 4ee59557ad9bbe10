#include "gateway/script/instance.h"

#include <utility>

#include "gateway/base/assert.h"
#include "gateway/script/creation.h"

namespace tocsin::script {

Instance::Instance(std::shared_ptr<const Script> script, const std::string& id,
                   const Value& settings, const Services& services)
    : script_(std::move(script)),
      voice_{std::string(kind_name(script_->kind())) + "/" + script_->name(), id,
             std::string(kind_name(script_->kind())) + "." + id},
      services_(services),
      adopted_(std::make_shared<const Value>(settings)),
      wanted_(adopted_) {}

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
  Creation creation = create_state(*script_, *adopted_, voice_, services_, nullptr);
  traits_ = std::move(creation.traits);
  can_reconfigure_ = creation.can_reconfigure;
  if (creation.state != nullptr) return {};
  return tl::unexpected(
      refusal_of(std::move(creation.refused), std::move(creation.key), *adopted_));
}

Refusal Instance::refusal_of(std::string what, std::string key, const Value& settings) const {
  Refusal refusal{std::move(what), std::move(key), settings.place()};
  const Value* at = refusal.key.empty() ? nullptr : settings.find(refusal.key);
  if (at != nullptr && at->place().file != nullptr) refusal.place = at->place();
  return refusal;
}

// Both ways to these settings are tried: what a loop's state does with them, and what the state
// does that takes its place when it fails or is full.
tl::expected<void, Refusal> Instance::reconfigure(const Value& settings) {
  TOCSIN_ASSERT(can_reconfigure_, "a script was reconfigured that cannot be");
  auto next = std::make_shared<const Value>(settings);
  Creation anew = create_state(*script_, *next, voice_, services_, nullptr);
  if (anew.state == nullptr) {
    return tl::unexpected(refusal_of(std::move(anew.refused), std::move(anew.key), settings));
  }
  std::shared_ptr<const Value> had;
  {
    const std::lock_guard lock(mutex_);
    had = adopted_;
  }
  Creation tried = create_state(*script_, *had, voice_, services_, nullptr);
  if (tried.state != nullptr) {
    if (auto objection = reconfigure_state(*tried.state, *script_, *next)) {
      return tl::unexpected(
          refusal_of(std::move(objection->what), std::move(objection->key), settings));
    }
  }
  const std::lock_guard lock(mutex_);
  wanted_ = std::move(next);
  return {};
}

std::shared_ptr<const Value> Instance::adopt() {
  const std::lock_guard lock(mutex_);
  adopted_ = wanted_;
  return adopted_;
}

Result<Worker*> Instance::start_worker(const Environment& environment) {
  Worker* worker = nullptr;
  {
    const std::lock_guard lock(mutex_);
    workers_.push_back(std::make_unique<Worker>(*this, adopted_, environment));
    worker = workers_.back().get();
  }
  TOCSIN_TRY(worker->start());
  return worker;
}

}  // namespace tocsin::script
