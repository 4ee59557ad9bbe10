#pragma once

#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "gateway/app/plugin_catalog.h"
#include "gateway/app/rehearsal.h"
#include "gateway/app/route_suite.h"
#include "gateway/base/clock.h"
#include "gateway/config/load.h"

namespace tocsin::app {

/// What came of one case.
struct CaseResult {
  const SuiteCase* tried = nullptr;
  std::vector<std::string> complaints;  ///< lines for people; empty: it passed
  Duration took{};

  bool passed() const { return complaints.empty(); }
};

/// Plays every case, each on a rehearsal of its own, so that none sees what another left. Faults:
/// the configuration's plugins cannot be made.
tl::expected<std::vector<CaseResult>, config::Diagnostics> run_suite(
    const RouteSuite& suite, const config::LoadedConfig& config, const PluginCatalog& catalog,
    const Rehearsal::Lent& lent, const Clock& clock);

}  // namespace tocsin::app
