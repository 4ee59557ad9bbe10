#pragma once

#include <chrono>
#include <span>
#include <vector>

#include "gateway/base/clock.h"
#include "gateway/base/value.h"
#include "gateway/plugin/instance.h"

namespace tocsin::plugin {

/// One instance that is to be made and destroyed for a trial.
struct CreateTrial {
  const tocsin_plugin* plugin = nullptr;
  InstanceName name;
  const Value* settings = nullptr;
};

/// How long one create and destroy may take together.
inline constexpr Duration kCreateTrialMax = std::chrono::seconds(10);

/// Makes and destroys each instance in a child process, so that a plugin that dies or hangs there
/// is named instead of taking the gateway with it. One result per trial, in order. Blocks; forks,
/// so the process must not have other threads. Plugins' log lines go to standard error.
std::vector<tl::expected<void, Refusal>> try_create(std::span<const CreateTrial> trials,
                                                    Duration patience = kCreateTrialMax,
                                                    const templates::SettingsPtr& templates = {});

}  // namespace tocsin::plugin
