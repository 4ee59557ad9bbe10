// One request is one group:
//
//   emit -> items decoded -> pipeline (may hold) -> the last one is back -> group -> front
//                 |               |                                                   |
//                 +-- invalid     +-- dropped, unrouted ...            committed | store down
//                 +---------------+--------- one outcome an item <------------------+
#include "gateway/delivery/intake.h"

#include <algorithm>
#include <utility>

#include "gateway/delivery/lane_door.h"

namespace tocsin::delivery {

namespace {

// What the sender asked for, and what a route adds; the epoch: at once.
WallTime begin_at(const message::Notification& notification, const routing::Planned& delivery,
                  WallTime accepted_at) {
  const WallTime asked = notification.deliver_at.value_or(WallTime{});
  if (delivery.delay <= Duration::zero()) return asked;
  return std::max(asked, accepted_at + delivery.delay);
}

}  // namespace

using Came = stage::EmitOutcome::Kind;
using routing::Plan;

/// What one emit asked for, until it is answered. Reused.
class Intake::Request final : public AppendGroup {
 public:
  Request(Intake& intake, std::size_t number) : intake_(intake), number_(number) {}
  void on_answered() override { intake_.on_appended(*this); }

  struct Item {
    routing::Routed routed;
    std::optional<stage::IdempotencyKey> key;
    bool decided = false;  ///< its outcome is known without the store
  };

  void begin(const stage::EmitRequest& request, WallTime now) {
    clear();
    input.assign(request.input);
    caller.assign(request.caller);
    accepted_at = now;
    stream = request.stream;
    busy = true;
    parts.resize(request.items.size());
    outcomes.assign(request.items.size(), {});
    appended.clear();
    undecided = 0;
  }
  void decide(std::uint32_t item, Came kind, std::string text = {}, std::string pointer = {}) {
    parts[item].decided = true;
    stage::EmitOutcome& outcome = outcomes[item];
    outcome.kind = kind;
    outcome.text = std::move(text);
    outcome.pointer = std::move(pointer);
    if (kind == Came::kStoreDown) outcome.retry_after = kRetryWhenDown;
    if (kind == Came::kFull) outcome.retry_after = kRetryWhenFull;
  }
  std::uint64_t ticket(std::uint32_t item) const { return number_ << kItemBits | item; }

  stage::EmitDone* done = nullptr;  // null: abandoned
  std::string input;
  std::string caller;
  InputMetrics* metrics = nullptr;
  WallTime accepted_at{};
  std::size_t reserved = 0;
  std::uint64_t stream = 0;
  bool busy = false;  // from emit() to its answer
  std::vector<Item> parts;
  std::vector<std::uint32_t> appended;  // which item each append is of
  std::vector<stage::EmitOutcome> outcomes;
  std::size_t undecided = 0;  // items in the pipeline, and one while emit() runs

 private:
  Intake& intake_;
  const std::size_t number_;
};

Intake::Intake(OutboxPort& port, BlockPool& pool, telemetry::Metrics& metrics, OverloadGuard& guard,
               IntakeStages stages, const KeySecret& secret)
    : port_(port),
      loop_(port.loop()),
      pool_(pool),
      metrics_(metrics),
      guard_(guard),
      secret_(secret),
      doors_(std::move(stages.doors)),
      pipeline_(std::move(stages.filters), stages.router, stages.outputs, *this,
                std::move(stages.scripts)) {
  TOCSIN_ASSERT(stages.outputs.size() == doors_.size(), "an output without a lane");
}

Intake::~Intake() {
  TOCSIN_ASSERT(idle(), "an intake was destroyed before its outcomes");
  loop_.cancel_tick_end(*this);
}

Intake::Request& Intake::take_request() {
  if (free_.empty()) {
    requests_.push_back(std::make_unique<Request>(*this, requests_.size()));
    free_.reserve(requests_.size());
    return *requests_.back();
  }
  Request& request = *free_.back();
  free_.pop_back();
  return request;
}

InputMetrics& Intake::metrics_of(std::string_view input) {
  const auto at = input_metrics_.find(input);
  if (at != input_metrics_.end()) return at->second;
  return input_metrics_.try_emplace(std::string(input), metrics_, input).first->second;
}

bool Intake::emit(const stage::EmitRequest& request, stage::EmitDone& done) {
  loop_.assert_owner();
  TOCSIN_ASSERT(request.items.size() <= stage::kEmitItemsMax, "an emit of too many items");
  std::size_t bytes = 0;
  for (const stage::EmitItem& item : request.items) bytes += item.json.size();
  const bool accepting = port_.status().accepting;
  InputMetrics& metrics = metrics_of(request.input);
  if (accepting && !port_.reserve(request.items.size(), bytes)) {
    metrics.outcomes[static_cast<std::size_t>(Came::kFull)]->add(request.items.size());
    return false;
  }
  guard_.enter();
  Request& made = take_request();
  made.begin(request, loop_.wall());
  made.done = &done;
  made.metrics = &metrics;
  made.reserved = accepting ? request.items.size() : 0;
  made.bytes = accepting ? bytes : 0;
  ++made.undecided;
  bool room = true;
  for (std::uint32_t i = 0; i < request.items.size(); ++i) {
    if (!accepting) {
      made.decide(i, Came::kStoreDown);
      continue;
    }
    // Behind one that found no room none may pass, or a stream would lose its order.
    room = room && submit_item(made, i, request.items[i], request.stream);
    if (!room && !made.parts[i].decided) made.decide(i, Came::kFull);
  }
  item_done(made);
  return true;
}

bool Intake::overloaded(Request& request, std::uint32_t item, message::Level level) {
  const std::optional<Overload> why = guard_.refusal(message::class_of(level));
  if (why) request.decide(item, Came::kFull, std::string(overload_sentence(*why)));
  return why.has_value();
}

// False: there is no room, or too much to do.
bool Intake::submit_item(Request& request, std::uint32_t item, const stage::EmitItem& source,
                         std::uint64_t stream) {
  routing::Candidate candidate{.arena = Arena(pool_, kItemBytesMax)};
  auto decoded =
      message::decode_notification(source.json, candidate.arena, {.now = request.accepted_at});
  if (!decoded) {
    request.decide(item, Came::kInvalid, std::move(decoded.error().detail),
                   std::move(decoded.error().pointer));
    return true;
  }
  const std::string_view own = decoded->idempotency_key;
  if (!own.empty() && !source.idempotency_key.empty() && own != source.idempotency_key) {
    request.decide(item, Came::kInvalid, "is another key than the request's Idempotency-Key",
                   "/idempotency_key");
    return true;
  }
  if (overloaded(request, item, decoded->notification->level)) return false;
  candidate.decoded = *decoded;
  candidate.stream = stream;
  candidate.ticket = request.ticket(item);
  const std::string_view key = source.idempotency_key.empty() ? own : source.idempotency_key;
  if (!key.empty()) {
    identity_.clear();
    append_identity(identity_, {request.input, request.caller}, key);
    request.parts[item].key = make_key(secret_, identity_, source.json, request.accepted_at);
    const auto identity = candidate.arena.copy(identity_);
    if (!identity) return false;
    candidate.identity = *identity;
  }
  ++request.undecided;
  if (pipeline_.submit(std::move(candidate))) return true;
  --request.undecided;
  return false;
}

void Intake::on_routed(routing::Routed routed) {
  Request& request = *requests_[routed.ticket >> kItemBits];
  const auto item = static_cast<std::uint32_t>(routed.ticket & ((1U << kItemBits) - 1));
  Request::Item& part = request.parts[item];
  part.routed = std::move(routed);
  if (!part.routed.dropped_by.empty()) {
    // With a key the store must hear of it: an earlier answer wins, and a later one repeats this.
    if (!part.key) request.decide(item, Came::kDropped, std::string(part.routed.dropped_by));
  } else {
    switch (part.routed.plan.kind) {
      case Plan::Kind::kPlanned:
        break;
      case Plan::Kind::kUnrouted:
        request.decide(item, Came::kUnrouted);
        break;
      case Plan::Kind::kNoAddress:
        request.decide(item, Came::kNoAddress);
        break;
      case Plan::Kind::kTooMany:
        request.decide(item, Came::kTooMany);
        break;
      case Plan::Kind::kNoMemory:
        request.decide(item, Came::kFull);
        break;
    }
  }
  item_done(request);
}

void Intake::item_done(Request& request) {
  if (--request.undecided == 0) append(request);
}

void Intake::append(Request& request) {
  for (std::uint32_t i = 0; i < request.parts.size(); ++i) {
    if (!request.parts[i].decided) append_item(request, i);
  }
  // A batch counts bytes by what is appended, the waiting room by what was reserved.
  const bool any = !request.items.empty();
  port_.release(request.reserved - request.items.size(), any ? 0 : request.bytes);
  if (any) return port_.submit(request);
  answer_later(request);
}

void Intake::append_item(Request& request, std::uint32_t number) {
  Request::Item& part = request.parts[number];
  request.appended.push_back(number);
  AppendGroup::Item& item = request.items.emplace_back();
  stage::Append& op = item.append;
  op.input = request.input;
  op.caller = request.caller;
  op.accepted_at = request.accepted_at;
  op.key = part.key;
  op.dropped_by = part.routed.dropped_by;
  item.first_row = static_cast<std::uint32_t>(request.rows.size());
  if (!part.routed.dropped_by.empty()) return;
  const Plan& plan = part.routed.plan;
  const message::Notification& notification = *plan.message;
  op.topic = notification.topic;
  op.level = notification.level;
  op.external_id = notification.external_id;
  op.group_key = notification.key;
  if (notification.supersede) {
    stage::Supersede& supersede = item.supersede.emplace();
    supersede.caller = request.caller;
    supersede.group_key = notification.key;
  }
  op.payload = plan.message.payload();
  op.expires_at = notification.expires_at;
  item.rows = static_cast<std::uint32_t>(plan.deliveries.size());
  for (const routing::Planned& one : plan.deliveries) {
    LaneDoor& door = *doors_[one.output];
    request.doors.push_back(&door);
    request.rows.push_back({.output = door.output(),
                            .address = one.address,
                            .next_at = begin_at(notification, one, request.accepted_at),
                            .queue = one.queue});
  }
  item.message = std::move(part.routed.plan.message);
}

void Intake::on_appended(Request& request) {
  for (std::size_t i = 0; i < request.appended.size(); ++i) {
    const std::uint32_t number = request.appended[i];
    if (!request.committed()) {
      request.decide(number, Came::kStoreDown);
      continue;
    }
    const AppendGroup::Item& item = request.items[i];
    stage::EmitOutcome& outcome = request.outcomes[number];
    switch (item.append.outcome) {
      case stage::Append::Outcome::kCommitted:
        outcome.kind = item.rows > 0 ? Came::kCommitted : Came::kDropped;
        outcome.text = item.append.dropped_by;
        if (item.rows > 0) outcome.id = item.append.id;
        outcome.deliveries = item.rows;
        break;
      case stage::Append::Outcome::kReplayed:
      case stage::Append::Outcome::kSkipped:
        outcome.kind = Came::kReplayed;
        outcome.text = item.append.earlier_dropped_by;
        outcome.id = item.append.earlier_id;
        outcome.deliveries = item.append.earlier_deliveries;
        break;
      case stage::Append::Outcome::kConflict:
        outcome.kind = Came::kConflict;
        break;
    }
    request.parts[number].routed.fate.tell(outcome.kind == Came::kCommitted);
  }
  answer(request);
}

void Intake::answer_later(Request& request) {
  answers_.push_back(&request);
  loop_.at_tick_end(*this);
}

void Intake::on_tick_end() {
  std::vector<Request*> due;
  due.swap(answers_);
  for (Request* request : due) answer(*request);
}

void Intake::answer(Request& request) {
  for (const stage::EmitOutcome& outcome : request.outcomes) {
    request.metrics->outcomes[static_cast<std::size_t>(outcome.kind)]->add();
  }
  // Fates that were not told die here, and so do the messages.
  request.parts.clear();
  request.clear();
  if (stage::EmitDone* done = std::exchange(request.done, nullptr)) {
    done->on_emitted(request.outcomes);
  }
  guard_.leave();
  request.busy = false;
  free_.push_back(&request);
}

bool Intake::holds(std::uint64_t stream) const {
  return std::ranges::any_of(
      requests_, [&](const auto& request) { return request->busy && request->stream == stream; });
}

void Intake::abandon(stage::EmitDone& done) {
  for (const auto& request : requests_) {
    if (request->done == &done) request->done = nullptr;
  }
}

}  // namespace tocsin::delivery
