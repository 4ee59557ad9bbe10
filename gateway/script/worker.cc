#include "gateway/script/worker.h"

#include <utility>

#include "gateway/script/creation.h"
#include "gateway/script/instance.h"
#include "gateway/script/state.h"

namespace tocsin::script {

namespace {

std::unique_ptr<stage::Presence> presence_of(const Instance& instance, std::size_t loop) {
  stage::PresenceBook* book = instance.services().presences;
  if (book == nullptr) return nullptr;
  return book->presence_of(instance.voice().label, instance.voice().id, loop);
}

}  // namespace

Worker::Worker(Instance& instance, std::shared_ptr<const Value> settings,
               const Environment& environment)
    : instance_(instance),
      environment_(environment),
      presence_(presence_of(instance, environment.loop.shard())),
      settings_(std::move(settings)) {}

Worker::~Worker() = default;

Result<void> Worker::start() {
  TOCSIN_TRY_SET(state, build());
  state_ = std::move(state);
  return {};
}

void Worker::finish() { state_.reset(); }

Result<std::shared_ptr<State>> Worker::build() {
  const Inside inside(*this, "create");
  Creation creation = create_state(instance_.script(), *settings_, instance_.voice(),
                                   instance_.services(), &environment_);
  if (creation.state == nullptr) return fail(Code::kInvalid, std::move(creation.refused));
  return std::move(creation.state);
}

void Worker::reconfigure() {
  settings_ = instance_.adopt();
  std::optional<Objection> objection;
  {
    const Inside inside(*this, "reconfigure");
    objection = reconfigure_state(*state_, instance_.script(), *settings_);
  }
  if (!objection) return;
  failed({Failure::Kind::kError, std::move(objection->what)});
  Result<std::shared_ptr<State>> successor = build();
  if (successor) {
    state_ = std::move(*successor);
  } else {
    failed({Failure::Kind::kError, std::move(successor).error().what});
  }
}

// Calls that wait in a full state end there; it lives as long as they do.
const std::shared_ptr<State>& Worker::state() {
  if (!state_->worn_out() || loop().now() < renew_not_before_) return state_;
  renew_not_before_ = loop().now() + kRenewEvery;
  Result<std::shared_ptr<State>> successor = build();
  if (successor) {
    state_ = std::move(*successor);
    TOCSIN_LOG(instance_.services().log, kWarning, instance_.voice().logger,
               "the script's memory was full: it begins anew", {"plugin", instance_.voice().label});
  } else {
    failed({Failure::Kind::kError, std::move(successor).error().what});
  }
  return state_;
}

void Worker::failed(const Failure& failure) {
  const Voice& voice = instance_.voice();
  const Services& services = instance_.services();
  services.metrics.failed(voice.label, voice.id, failure.kind);
  if (const auto skipped = lines_.admit(loop().clock().mono())) {
    TOCSIN_LOG(services.log, kWarning, voice.logger, "the script failed", {"plugin", voice.label},
               {"reason", failure_name(failure.kind)}, {"error", failure.what},
               {"suppressed", *skipped});
  }
}

}  // namespace tocsin::script
