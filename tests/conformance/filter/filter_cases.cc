// The table: what each sample filter decides. A new sample is a few rows of it.
#include "tests/conformance/filter/filter_cases.h"

namespace tocsin::conformance {

using message::Level;
using namespace std::chrono_literals;

std::vector<FilterCase> filter_cases() {
  return {
      {"LevelDropsWhatIsBelow",
       "level",
       "min: warning",
       {drops({.level = Level::kTrace}), drops({.level = Level::kNotice}),
        passes({.level = Level::kWarning}), passes({.level = Level::kEmergency})}},
      {"LevelLetsAllPassAtItsLowest", "level", "min: trace", {passes({.level = Level::kTrace})}},
      {"LevelDropsAllButTheHighest",
       "level",
       "min: emergency",
       {drops({.level = Level::kCritical}), passes({.level = Level::kEmergency})}},
      {"LevelTakesAnotherLevel",
       "level",
       "min: warning",
       {drops({.level = Level::kInfo}), now("min: info"), passes({.level = Level::kInfo}),
        now("min: error"), drops({.level = Level::kWarning})}},

      {"DedupRemembersWhenItsWindowChanges",
       "dedup",
       "window: 1m",
       {passes({.topic = "a"}), outcome(true), passes({.topic = "b"}), now("window: 2m"),
        outcome(true), drops({.topic = "a"}), after(61s), passes({.topic = "a"}),
        drops({.topic = "b"})}},
      {"DedupTellsLongKeysThatBeginTheSameApart",
       "dedup",
       R"({key: "{{labels.long}}", window: 1m})",
       {passes({.labels = {{"long", std::string(1000, 'x') + "a"}}}),
        passes({.labels = {{"long", std::string(1000, 'x') + "b"}}}),
        drops({.labels = {{"long", std::string(1000, 'x') + "a"}}})}},
      {"DedupComparesByAnotherKey",
       "dedup",
       R"({key: "{{topic}}", window: 1m})",
       {passes({.topic = "a", .labels = {{"host", "h1"}}}),
        now(R"({key: "{{labels.host}}", window: 1m})"),
        passes({.topic = "b", .labels = {{"host", "h1"}}}),
        drops({.topic = "c", .labels = {{"host", "h1"}}})}},
      {"DedupDropsARepeatUntilTheWindowIsOver",
       "dedup",
       "window: 1m",
       {passes({.topic = "a"}), outcome(true), drops({.topic = "a"}), passes({.topic = "b"}),
        after(59s), drops({.topic = "a"}), after(1s), passes({.topic = "a"})}},
      {"DedupDropsARepeatWhileTheFirstOneIsBeingStored",
       "dedup",
       "window: 1m",
       {passes({.topic = "a"}), drops({.topic = "a"})}},
      {"DedupFreesTheKeyOfWhatWasNotStored",
       "dedup",
       "window: 1m",
       {passes({.topic = "a"}), outcome(false), passes({.topic = "a"}), outcome(true),
        drops({.topic = "a"})}},
      {"DedupTakesTheSameIdentityForTheSameNotification",
       "dedup",
       "window: 1m",
       {passes({.topic = "a", .identity = "api/1"}), passes({.topic = "a", .identity = "api/1"}),
        drops({.topic = "a", .identity = "api/2"}), outcome(true),
        passes({.topic = "a", .identity = "api/1"}), drops({.topic = "a"})}},
      {"DedupComparesWhatItsKeyNames",
       "dedup",
       R"({key: "{{labels[host.name]}}", window: 1m})",
       {passes({.topic = "a", .labels = {{"host.name", "h1"}}}),
        passes({.topic = "a", .labels = {{"host.name", "h2"}}}),
        drops({.topic = "b", .labels = {{"host.name", "h1"}}})}},
  };
}

}  // namespace tocsin::conformance
