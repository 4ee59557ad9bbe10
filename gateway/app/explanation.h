#pragma once

#include <string>

#include "gateway/app/plugin_catalog.h"
#include "gateway/app/rehearsed.h"
#include "gateway/app/snapshot.h"
#include "gateway/base/json_writer.h"

namespace tocsin::app {

/// What became of an event and why, step by step, for people. Secrets of filters' settings are not
/// shown.
std::string explanation_text(const Rehearsed& event, const Snapshot& snapshot,
                             const PluginCatalog& catalog, bool colour);

/// The same as an object for programs.
void write_explanation(JsonWriter& json, const Rehearsed& event, const Snapshot& snapshot);

/// What came of it in a line: "dropped by the filter dedup".
std::string outcome_line(const Rehearsed& event, const Snapshot& snapshot);

/// What a route did, in words: "no match: the level info is below warning".
std::string route_words(const routing::RouteExplanation& route, const Snapshot& snapshot);

}  // namespace tocsin::app
