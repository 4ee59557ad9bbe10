// What waits for one output is given to another, usually because the first is configured no longer:
//
//   are they known? -> a step of ready rows -> ... -> of dead letters -> ... -> answer
//
// A step is one operation of the front and bounded, and so is a request: who is told that there is
// more asks again. Rows that a lane holds, or that are being sent, stay where they are.

#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include "gateway/admin/body.h"
#include "gateway/admin/endpoint_functions.h"
#include "gateway/admin/known_output.h"
#include "gateway/admin/rows_json.h"

namespace tocsin::admin {

namespace {

constexpr std::uint64_t kMovedMax = 10'000;  // of one request

struct MoveOrder {
  std::string from;
  std::string to;
  bool dead = false;     // dead letters as well
  bool dry_run = false;  // only say how many
};

std::optional<Problem> read_member(const Value::Entry& member, MoveOrder& order) {
  if (member.key == "from" || member.key == "to") {
    if (!member.value.is<std::string>() || member.value.as<std::string>().empty()) {
      return wrong("/" + member.key, "An output's name is expected.");
    }
    (member.key == "from" ? order.from : order.to) = member.value.as<std::string>();
    return std::nullopt;
  }
  if (!member.value.is<bool>()) return wrong("/" + member.key, "true or false is expected.");
  (member.key == "dead" ? order.dead : order.dry_run) = member.value.as<bool>();
  return std::nullopt;
}

tl::expected<MoveOrder, Problem> read_order(std::string_view body) {
  constexpr std::array<std::string_view, 4> kNames = {"from", "to", "dead", "dry_run"};
  const auto document = read_body(body, kNames, std::span(kNames.data(), 2));
  if (!document) return tl::unexpected(document.error());
  MoveOrder order;
  for (const Value::Entry& member : document->as<Value::Map>()) {
    if (auto problem = read_member(member, order)) return tl::unexpected(std::move(*problem));
  }
  if (order.from == order.to) return tl::unexpected(wrong("/to", "It is the same output."));
  return order;
}

/// Lives in the callbacks it waits for.
class OutputMove final : public std::enable_shared_from_this<OutputMove> {
 public:
  OutputMove(stage::Ledger& ledger, CallRef call, MoveOrder order)
      : ledger_(ledger), call_(std::move(call)), order_(std::move(order)) {}

  void begin(AdminApi& api) {
    look_for_output(api, order_.from, std::nullopt,
                    [self = shared_from_this(), &api](std::optional<Problem> problem) {
                      if (!problem) return self->look_for_target(*api.parts().outputs);
                      if (problem->status == 404) problem->pointer = "/from";
                      self->call_->answer(*problem);
                    });
  }

 private:
  void look_for_target(OutputsView& outputs) {
    outputs.read([self = shared_from_this()](const std::vector<OutputState>& states) {
      self->on_outputs(states);
    });
  }

  void on_outputs(const std::vector<OutputState>& states) {
    if (std::ranges::count(states, order_.to, &OutputState::name) == 0) {
      return call_->answer({.status = 404,
                            .detail = "No output of the name " + order_.to + " is configured.",
                            .pointer = "/to"});
    }
    if (!order_.dry_run) return step();
    stage::Query query;
    query.what = stage::Query::What::kBacklog;
    ledger_.query(std::move(query), [self = shared_from_this()](Result<stage::QueryResult> found) {
      if (!found) return self->call_->answer(problem_of(found.error(), "read the store"));
      self->count(found->backlog);
    });
  }

  void count(const std::vector<stage::BacklogCount>& backlog) {
    const auto found = std::ranges::find(backlog, order_.from, &stage::BacklogCount::output);
    if (found != backlog.end()) {
      ready_ = found->ready;
      dead_ = order_.dead ? found->dead : 0;
    }
    finish(false);
  }

  void step() {
    ledger_.move(
        order_.from, order_.to, moving_dead_,
        [self = shared_from_this()](const Result<stage::Move>& moved) { self->on_moved(moved); });
  }

  void on_moved(const Result<stage::Move>& moved) {
    if (!moved) {
      Problem problem = problem_of(moved.error(), "move the deliveries");
      problem.detail += " " + std::to_string(ready_ + dead_) + " were moved before.";
      return call_->answer(problem);
    }
    (moving_dead_ ? dead_ : ready_) += moved->moved;
    const bool to_dead_letters = !moved->more && order_.dead && !moving_dead_;
    if (to_dead_letters) moving_dead_ = true;
    const bool rest = moved->more || to_dead_letters;
    if (rest && ready_ + dead_ < kMovedMax) return step();
    finish(rest);
  }

  void finish(bool more) {
    std::string text;
    JsonWriter json(text);
    json.begin_object();
    json.pair("from", order_.from);
    json.pair("to", order_.to);
    count_pair(json, "ready", ready_);
    count_pair(json, "dead", dead_);
    if (order_.dry_run) {
      json.key("dry_run");
      json.boolean(true);
    }
    json.key("more");
    json.boolean(more);
    json.end_object();
    call_->set_detail((order_.dry_run ? "dry run: " : "") + std::to_string(ready_) + " ready, " +
                      std::to_string(dead_) + " dead");
    call_->answer_json(200, std::move(text));
  }

  stage::Ledger& ledger_;
  const CallRef call_;
  const MoveOrder order_;
  bool moving_dead_ = false;
  std::uint64_t ready_ = 0;
  std::uint64_t dead_ = 0;
};

}  // namespace

void serve_move(AdminApi& api, const CallRef& call) {
  auto order = read_order(call->body());
  if (!order) return call->answer(order.error());
  call->set_target(order->from + " to " + order->to);
  stage::Ledger* ledger = ledger_or_answer(api, call);
  if (ledger == nullptr) return;
  if (api.parts().outputs == nullptr) {
    return call->answer({.status = 404, .detail = "There are no outputs.", .pointer = "/to"});
  }
  std::make_shared<OutputMove>(*ledger, call, std::move(*order))->begin(api);
}

}  // namespace tocsin::admin
