#pragma once

#include <gmock/gmock.h>

#include <algorithm>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "gateway/admin/admin_routes.h"
#include "gateway/base/json_reader.h"
#include "tests/unit/http/server_harness.h"

namespace tocsin::admin {

/// A ledger over rows that a test writes down. What is asked waits until the test says so, as a
/// real one never answers inside the call.
class FakeLedger final : public stage::Ledger {
 public:
  bool accepting() const override { return takes_more; }
  void query(stage::Query query, Function<void(Result<stage::QueryResult>)> done) override {
    queries.push_back(query);
    waiting_.emplace_back([this, query = std::move(query), done = std::move(done)]() mutable {
      done(down ? Result<stage::QueryResult>(tl::unexpected(*down)) : answer(query));
    });
  }
  void cancel(message::NotificationId, std::string_view,
              Function<void(Result<stage::Cancel>)>) override {}
  void reschedule(message::NotificationId, std::string_view, WallTime,
                  Function<void(Result<stage::Reschedule>)>) override {}
  void review(message::DeliveryId id, stage::Review::Verb verb,
              Function<void(Result<stage::Review>)> done) override {
    waiting_.emplace_back([this, id, verb, done = std::move(done)]() mutable {
      if (reviews_until_down == 0) return done(fail(Code::kUnavailable, "the disk is gone"));
      --reviews_until_down;
      done(apply(id, verb));
    });
  }
  void move(std::string_view from, std::string_view to, bool dead,
            Function<void(Result<stage::Move>)> done) override {
    moves.push_back(std::string(from) + (dead ? " dead " : " ready ") + std::string(to));
    waiting_.emplace_back([this, dead, done = std::move(done)]() mutable {
      if (moves_fail) return done(fail(Code::kUnavailable, "it is gone"));
      std::uint32_t& left = dead ? movable_dead : movable_ready;
      stage::Move step;
      step.moved = std::min(left, stage::kMoveRowsMax);
      left -= step.moved;
      step.more = left > 0;
      done(step);
    });
  }

  /// Tells what is known by now; true when there was something.
  bool answer_waiting() {
    auto now = std::exchange(waiting_, {});
    for (auto& answer : now) answer();
    return !now.empty();
  }

  stage::DeliveryRow& add_dead(std::uint64_t id, std::string output) {
    stage::DeliveryRow row;
    row.id = {{id}, 0};
    row.output = std::move(output);
    row.state = message::DeliveryState::kDead;
    row.reason = "refused";
    row.attempts = 3;
    rows.push_back(row);
    return rows.back();
  }

  std::deque<stage::DeliveryRow> rows;  // ascending ids
  std::vector<stage::BacklogCount> backlog;
  stage::StoreHealth health;
  std::string payload = R"({"topic":"orders.paid","level":"error","title":"No money"})";
  std::map<std::uint64_t, std::string> payloads;  // by notification, where it is another
  std::optional<Error> down;
  bool takes_more = true;
  std::size_t reviews_until_down = ~std::size_t{0};
  std::vector<stage::Query> queries;
  bool moves_fail = false;
  std::uint32_t movable_ready = 0;
  std::uint32_t movable_dead = 0;
  std::vector<std::string> moves;

 private:
  stage::NotificationRow notification(message::NotificationId id) const {
    const auto own = payloads.find(id.value);
    return {id, "api", "shop", WallTime(std::chrono::seconds(1'767'225'600)),
            own == payloads.end() ? payload : own->second};
  }

  stage::QueryResult answer(const stage::Query& query) {
    using What = stage::Query::What;
    stage::QueryResult result;
    if (query.what == What::kHealth) result.health = health;
    if (query.what == What::kBacklog) result.backlog = backlog;
    if (query.what == What::kNotification) {
      for (const auto& row : rows) {
        if (row.id.notification == query.id) result.deliveries.push_back(row);
      }
      if (!result.deliveries.empty()) result.notification = notification(query.id);
    }
    if (query.what == What::kByKey) {
      for (auto row = rows.rbegin(); row != rows.rend(); ++row) {
        const bool wanted = query.text == row->reason && (!query.before || row->id < *query.before);
        if (!wanted || result.notifications.size() == query.limit) continue;
        result.notifications.push_back(notification(row->id.notification));
      }
    }
    if (query.what == What::kDeadLetters) {
      for (auto row = rows.rbegin(); row != rows.rend(); ++row) {
        const bool wanted = row->state == message::DeliveryState::kDead &&
                            (query.output.empty() || row->output == query.output) &&
                            (!query.before || row->id < *query.before);
        if (!wanted || result.deliveries.size() == query.limit) continue;
        result.deliveries.push_back(*row);
        result.notifications.push_back(notification(row->id.notification));
      }
    }
    return result;
  }

  stage::Review apply(message::DeliveryId id, stage::Review::Verb verb) {
    stage::Review review;
    review.id = id;
    review.verb = verb;
    for (auto& row : rows) {
      if (row.id != id || row.state != message::DeliveryState::kDead) continue;
      review.changed = true;
      if (verb == stage::Review::Verb::kApprove) row.review = message::ReviewState::kApproved;
      if (verb == stage::Review::Verb::kDiscard) row.review = message::ReviewState::kDiscarded;
      if (verb != stage::Review::Verb::kRedrive) continue;
      row.state = message::DeliveryState::kReady;
      review.output = row.output;
    }
    return review;
  }

  std::vector<Function<void()>> waiting_;
};

/// Records in memory; what is asked waits until the test says so.
class FakeRecords final : public stage::Records {
 public:
  void get(std::string_view, std::string_view,
           Function<void(Result<std::optional<stage::Record>>)>) override {}
  void remove(std::string_view, std::string_view key, stage::RecordVersion,
              Function<void(Result<stage::RecordOutcome>)> done) override {
    waiting_.emplace_back([this, key = std::string(key), done = std::move(done)]() mutable {
      if (down) return done(tl::unexpected(*down));
      done(stage::RecordOutcome{records.erase(key) > 0, 0});
    });
  }
  void put(stage::RecordPut put, Function<void(Result<stage::RecordOutcome>)> done) override {
    waiting_.emplace_back([this, put = std::move(put), done = std::move(done)]() mutable {
      if (down) return done(tl::unexpected(*down));
      const auto [at, added] = records.try_emplace(put.key, std::move(put));
      done(stage::RecordOutcome{added, 1});
    });
  }
  void scan(stage::RecordScan scan, Function<void(Result<stage::RecordPage>)> done) override {
    waiting_.emplace_back([this, scan = std::move(scan), done = std::move(done)]() mutable {
      if (down) return done(tl::unexpected(*down));
      stage::RecordPage page;
      const auto take = [&](const auto& one) {
        const bool past = scan.descending ? one.first < scan.after : one.first > scan.after;
        if (page.more || (!scan.after.empty() && !past)) return;
        page.records.push_back({one.first, one.second.value, 1, {}});
        page.more = page.records.size() == scan.limit;
      };
      if (scan.descending) {
        std::for_each(records.rbegin(), records.rend(), take);
      } else {
        std::for_each(records.begin(), records.end(), take);
      }
      done(std::move(page));
    });
  }
  bool answer_waiting() {
    auto now = std::exchange(waiting_, {});
    for (auto& answer : now) answer();
    return !now.empty();
  }

  std::map<std::string, stage::RecordPut> records;
  std::optional<Error> down;

 private:
  std::vector<Function<void()>> waiting_;
};

/// Takes what is sent and tells the outcome that the test set.
class FakeEmit final : public stage::Emit {
 public:
  bool emit(const stage::EmitRequest& request, stage::EmitDone& done) override {
    if (full) return false;
    input = request.input;
    caller = request.caller;
    json = request.items.front().json;
    key = request.items.front().idempotency_key;
    waiting_ = &done;
    return true;
  }
  void abandon(stage::EmitDone& done) override {
    EXPECT_EQ(waiting_, &done);
    waiting_ = nullptr;
    ++abandoned;
  }
  bool answer_waiting() {
    stage::EmitDone* done = std::exchange(waiting_, nullptr);
    if (done != nullptr) done->on_emitted({&outcome, 1});
    return done != nullptr;
  }

  stage::EmitOutcome outcome;
  bool full = false;
  int abandoned = 0;
  std::string input, caller, json, key;

 private:
  stage::EmitDone* waiting_ = nullptr;
};

/// An audit record that outlives its call.
struct KeptRecord {
  std::string who, role, action, target, result, detail, peer, request_id;
  int status = 0;
};

class FakeAudit final : public AuditSink {
 public:
  void record(const AuditRecord& r) override {
    records.push_back({std::string(r.who), std::string(r.role), std::string(r.action),
                       std::string(r.target), std::string(r.result), std::string(r.detail),
                       std::string(r.peer), std::string(r.request_id), r.status});
  }
  std::vector<KeptRecord> records;
};

struct FakeOutputs final : OutputsView {
  void read(Function<void(std::vector<OutputState>)> done) override { done(states); }
  void pause(std::string output, Function<void(Told)> done) override {
    paused = std::move(output);
    done(outcome);
  }
  void resume(std::string output, Function<void(Told)> done) override {
    resumed = std::move(output);
    done(outcome);
  }
  void order_breaker(std::string output, delivery::BreakerOrder order,
                     Function<void(std::optional<std::string>)> done) override {
    ordered.emplace(std::move(output), order);
    done(breaker);
  }
  std::vector<OutputState> states;
  std::optional<std::pair<std::string, delivery::BreakerOrder>> ordered;
  std::optional<std::string> breaker;
  std::string paused;
  std::string resumed;
  Told outcome = Told::kDone;
};

struct FakeLoops final : LoopsView {
  std::vector<StuckLoop> stuck() const override { return loops; }
  std::vector<StuckLoop> loops;
};

/// An admin server over fakes: with the tokens viewer, operator and admin, each called by its role.
class ApiTest : public http::ServerTest {
 protected:
  static constexpr std::string_view kViewer = "viewer-secret-0001";
  static constexpr std::string_view kOperator = "operator-secret-0001";
  static constexpr std::string_view kAdmin = "admin-secret-000001";

  struct Answer {
    int status = 0;
    std::string head;
    std::string text;
    Value json;  // null when the text is none
  };

  void SetUp() override {
    start();
    serve(parts({{"vera", std::string(kViewer), Role::kViewer},
                 {"olga", std::string(kOperator), Role::kOperator},
                 {"anna", std::string(kAdmin), Role::kAdmin}}));
  }
  void TearDown() override {
    answer_all();
    ServerTest::TearDown();
  }

  AdminParts parts(std::vector<Token> tokens) {
    return {.readiness = readiness,
            .metrics = metrics,
            .pool = offload,
            .audit = audit,
            .tokens = std::move(tokens),
            .ledger = &ledger,
            .records = &records,
            .emit = &emit,
            .outputs = &outputs};
  }
  void serve(AdminParts parts) {
    server->set_source(std::make_shared<AdminRoutes>(std::move(parts)));
  }

  void answer_all() {
    for (bool more = true; more;) {
      run();
      more = ledger.answer_waiting();
      more = records.answer_waiting() || more;
      more = emit.answer_waiting() || more;
    }
  }
  static std::string request(std::string_view method, std::string_view target,
                             std::string_view token, std::string_view fields = {},
                             std::string_view body = {}) {
    std::string text(method);
    text.append(" ").append(target).append(" HTTP/1.1\r\nHost: localhost\r\n");
    if (!token.empty()) text.append("Authorization: Bearer ").append(token).append("\r\n");
    text += fields;
    if (!body.empty()) text += "Content-Length: " + std::to_string(body.size()) + "\r\n";
    return text.append("\r\n").append(body);
  }
  Answer ask(const std::string& request) {
    http::RawClient client = connect();
    client.send(request);
    answer_all();
    client.pull();
    return read(client.take());
  }
  static Answer read(std::string stream) {
    Answer answer;
    const auto all = http::statuses(stream);
    if (all.size() == 1) answer.status = all.front();
    answer.text = http::body_of(stream);
    answer.head = stream.substr(0, stream.size() - answer.text.size());
    if (auto json = read_json(answer.text)) answer.json = std::move(*json);
    return answer;
  }
  Answer get(std::string_view target, std::string_view token = kViewer) {
    return ask(request("GET", target, token));
  }
  Answer post(std::string_view target, std::string_view body = {},
              std::string_view token = kOperator) {
    const std::string_view type = body.empty() ? "" : "Content-Type: application/json\r\n";
    return ask(request("POST", target, token, type, body));
  }

  FakeLedger ledger;
  FakeRecords records;
  FakeEmit emit;
  FakeAudit audit;
  FakeOutputs outputs;
  Readiness readiness;
  event::OffloadPool offload{1, 4};
};

}  // namespace tocsin::admin
