// Outputs as two sources see them: the lanes of the running configuration, and the backlog in the
// store, which may also hold rows of outputs that are configured no longer.

#include <array>
#include <map>
#include <set>
#include <string>
#include <utility>

#include "gateway/admin/body.h"
#include "gateway/admin/endpoint_functions.h"
#include "gateway/admin/rows_json.h"

namespace tocsin::admin {

namespace {

constexpr std::string_view kNoSuchOutput = "No output of the configuration has this name.";

struct OutputRow {
  const OutputState* state = nullptr;            // null: not configured
  const stage::BacklogCount* backlog = nullptr;  // null: nothing is kept for it
};

void state_members(JsonWriter& json, const OutputState& state) {
  json.pair("type", state.type);
  if (!state.silent_loop.empty()) {
    json.pair("state", "unknown");
    return json.pair("reason", "the loop " + state.silent_loop + " does not answer");
  }
  json.pair("state", state.paused ? "paused" : "running");
  if (state.paused && !state.reason.empty()) json.pair("reason", state.reason);
  json.pair("breaker", state.breaker);
  json.pair("lane", state.spilled ? "spilled" : "direct");
  count_pair(json, "in_flight", state.in_flight);
  count_pair(json, "in_memory", state.in_memory);
}

// Nothing, when all have answered.
void silent_loops_member(JsonWriter& json, const std::vector<OutputState>& states) {
  std::set<std::string_view> silent;
  for (const OutputState& state : states) {
    if (!state.silent_loop.empty()) silent.insert(state.silent_loop);
  }
  if (silent.empty()) return;
  json.key("silent_loops");
  json.begin_array();
  for (const std::string_view loop : silent) json.text(loop);
  json.end_array();
}

std::string outputs_json(const std::vector<OutputState>& states,
                         const std::vector<stage::BacklogCount>& backlog, WallTime now) {
  std::map<std::string_view, OutputRow> rows;
  for (const OutputState& state : states) rows[state.name].state = &state;
  for (const stage::BacklogCount& count : backlog) rows[count.output].backlog = &count;
  std::string text;
  JsonWriter json(text);
  json.begin_object();
  json.key("outputs");
  json.begin_array();
  for (const auto& [name, row] : rows) {
    json.begin_object();
    json.pair("name", name);
    if (row.state != nullptr) {
      state_members(json, *row.state);
    } else {
      json.pair("state", "orphaned");
    }
    count_pair(json, "ready", row.backlog == nullptr ? 0 : row.backlog->ready);
    count_pair(json, "dead", row.backlog == nullptr ? 0 : row.backlog->dead);
    if (row.backlog != nullptr) oldest_ready_members(json, row.backlog->oldest_ready, now);
    json.end_object();
  }
  json.end_array();
  silent_loops_member(json, states);
  json.end_object();
  return text;
}

/// What each answer to an order is called.
struct OrderTexts {
  std::string_view done;
  std::string_view was_so;
  std::string_view later;
};

std::string_view text_of(const OrderTexts& texts, OutputsView::Told told) {
  if (told == OutputsView::Told::kDone) return texts.done;
  return told == OutputsView::Told::kWasSo ? texts.was_so : texts.later;
}

// An order holds at once and is written when the store takes it: a crash before that forgets it.
void kept_member(JsonWriter& json, const AdminParts& parts) {
  if (parts.ledger == nullptr || parts.ledger->accepting()) return;
  json.key("kept");
  json.boolean(false);
}

using Order = void (OutputsView::*)(std::string, Function<void(OutputsView::Told)>);

void order(AdminApi& api, const CallRef& call, Order what, const OrderTexts& texts) {
  OutputsView* view = api.parts().outputs;
  if (view == nullptr) return call->answer({.status = 404, .detail = std::string(kNoSuchOutput)});
  std::string output(call->argument());
  const AdminParts& parts = api.parts();
  (view->*what)(output, [call, output, texts, &parts](OutputsView::Told told) {
    if (told == OutputsView::Told::kNoSuchOutput) {
      return call->answer({.status = 404, .detail = std::string(kNoSuchOutput)});
    }
    std::string text;
    JsonWriter json(text);
    json.begin_object();
    json.pair("output", output);
    json.pair("status", text_of(texts, told));
    kept_member(json, parts);
    json.end_object();
    call->answer_json(200, std::move(text));
  });
}

struct AskedBreaker {
  delivery::BreakerOrder order = delivery::BreakerOrder::kAuto;
  std::string name;
};

// {"state": "open" | "closed" | "auto"} and nothing else.
tl::expected<AskedBreaker, Problem> read_breaker_order(std::string_view body) {
  constexpr std::array<std::string_view, 1> kNames = {"state"};
  const auto document = read_body(body, kNames, kNames);
  if (!document) return tl::unexpected(document.error());
  const Value& state = document->at("state");
  const std::string name = state.is<std::string>() ? state.as<std::string>() : "";
  if (name == "open") return AskedBreaker{delivery::BreakerOrder::kOpen, name};
  if (name == "closed") return AskedBreaker{delivery::BreakerOrder::kClosed, name};
  if (name == "auto") return AskedBreaker{delivery::BreakerOrder::kAuto, name};
  return tl::unexpected(wrong("/state", "open, closed or auto is expected."));
}

}  // namespace

void serve_outputs(AdminApi& api, const CallRef& call) {
  stage::Ledger* ledger = ledger_or_answer(api, call);
  if (ledger == nullptr) return;
  stage::Query query;
  query.what = stage::Query::What::kBacklog;
  OutputsView* view = api.parts().outputs;
  ledger->query(std::move(query), [call, view](Result<stage::QueryResult> found) {
    if (!found) return call->answer(problem_of(found.error(), "read the store"));
    auto backlog = std::make_shared<std::vector<stage::BacklogCount>>(std::move(found->backlog));
    const WallTime now = call->loop().wall();
    if (view == nullptr) return call->answer_json(200, outputs_json({}, *backlog, now));
    view->read([call, backlog, now](const std::vector<OutputState>& states) {
      call->answer_json(200, outputs_json(states, *backlog, now));
    });
  });
}

void serve_pause(AdminApi& api, const CallRef& call) {
  order(api, call, &OutputsView::pause,
        {"paused", "was paused already", "pauses once its loop answers"});
}

void serve_resume(AdminApi& api, const CallRef& call) {
  order(api, call, &OutputsView::resume,
        {"resumed", "was neither paused nor in quarantine", "resumes once its loop answers"});
}

void serve_breaker(AdminApi& api, const CallRef& call) {
  const auto order = read_breaker_order(call->body());
  if (!order) return call->answer(order.error());
  OutputsView* view = api.parts().outputs;
  if (view == nullptr) return call->answer({.status = 404, .detail = std::string(kNoSuchOutput)});
  std::string output(call->argument());
  const AdminParts& parts = api.parts();
  view->order_breaker(
      output, order->order,
      [call, output, asked = order->name, &parts](std::optional<std::string> state) {
        if (!state) return call->answer({.status = 404, .detail = std::string(kNoSuchOutput)});
        call->set_detail(asked);
        std::string text;
        JsonWriter json(text);
        json.begin_object();
        json.pair("output", output);
        json.pair("breaker", *state);
        kept_member(json, parts);
        json.end_object();
        call->answer_json(200, std::move(text));
      });
}

}  // namespace tocsin::admin
