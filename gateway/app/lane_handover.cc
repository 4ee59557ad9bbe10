#include "gateway/app/lane_handover.h"

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "gateway/base/json_reader.h"
#include "gateway/base/json_writer.h"

namespace tocsin::app {

std::string encode_pace_states(const PaceStates& states) {
  std::string text;
  JsonWriter json(text);
  json.begin_object();
  for (const auto& [output, state] : states) {
    json.key(output);
    delivery::write_pace_state(json, state);
  }
  json.end_object();
  return text;
}

std::optional<PaceStates> decode_pace_states(std::string_view text) {
  const Result<Value> document = read_json(text);
  if (!document || !document->is<Value::Map>()) return std::nullopt;
  PaceStates states;
  for (const Value::Entry& entry : document->as<Value::Map>()) {
    if (auto state = delivery::read_pace_state(entry.value)) {
      states.emplace(entry.key, *std::move(state));
    }
  }
  return states;
}

void LaneHandover::gather(Function<void(std::string)> done) {
  auto found = std::make_shared<std::vector<PaceStates>>(loops_.size());
  loops_.each_within(
      kAnswerMax,
      [found](std::size_t index, LoopEstate& loop) { (*found)[index] = loop.give_paces(); },
      [found, told = std::move(done)](const std::vector<std::size_t>& silent) mutable {
        PaceStates all;
        for (std::size_t i = 0; i < found->size(); ++i) {
          // A silent loop may be writing its part now.
          if (std::ranges::count(silent, i) == 0) all.merge((*found)[i]);
        }
        told(encode_pace_states(all));
      });
}

void LaneHandover::take(std::string_view text) {
  std::optional<PaceStates> states = decode_pace_states(text);
  if (!states) {
    TOCSIN_LOG(log_, kWarning, "app", "what the process before knew of outputs cannot be read");
    return nobody();
  }
  // It tells once more when it leaves.
  if (estate_.awaits_lanes() && !states->empty()) {
    TOCSIN_LOG(log_, kInfo, "app", "outputs go on where the process before left them",
               {"outputs", states->size()});
  }
  adopt(*std::move(states));
}

void LaneHandover::nobody() {
  if (estate_.awaits_lanes()) adopt({});
}

void LaneHandover::adopt(PaceStates states) {
  // Lanes that are made from now on find it in the book.
  for (const auto& [output, state] : states) estate_.paces().note(output, state);
  estate_.stop_awaiting_lanes();
  loops_.each_at_once(
      [all = std::make_shared<const PaceStates>(std::move(states))](
          std::size_t, LoopEstate& loop) -> Result<void> {
        loop.adopt_paces(*all);
        return {};
      },
      [](const Result<void>&) {});
}

}  // namespace tocsin::app
