#include "gateway/script/output.h"

#include <algorithm>
#include <chrono>
#include <optional>
#include <utility>

#include "gateway/script/call.h"
#include "gateway/script/creation.h"
#include "gateway/script/instance.h"
#include "gateway/script/notification_table.h"
#include "gateway/script/text.h"
#include "gateway/script/verdict_table.h"

namespace tocsin::script {

namespace {

// Nothing was tried: it keeps its place and spends no attempt.
message::Verdict resting(Duration rest) {
  message::Verdict verdict;
  verdict.kind = message::VerdictKind::kThrottled;
  verdict.scope = message::VerdictScope::kOutput;
  verdict.after = rest;
  verdict.reason = "the script took too much of its loop's time: it rests";
  return verdict;
}

}  // namespace

/// deliver for one attempt.
class ScriptOutput::Delivery final : public Call {
 public:
  Delivery(Worker& worker, ScriptOutput& owner) : Call(worker), owner_(owner) {}

  void start(const stage::Attempt& attempt) {
    attempt_ = attempt;
    begin();
  }
  stage::AttemptToken token() const { return attempt_.token; }
  void give_up() {
    table_.hide();
    abandon();
  }

 private:
  MonoTime deadline() const override { return attempt_.deadline; }
  const char* callback() const override { return "deliver"; }
  const message::DeliveryId* delivery() const override { return &attempt_.delivery; }

  int push(lua_State* lua) override {
    push_entry(lua, Entry::kDeliver);
    lua_createtable(lua, 0, 8);
    set_text(lua, "id", attempt_.delivery.text());
    set_text(lua, "notification_id", attempt_.delivery.notification.text());
    set_text(lua, "address", attempt_.address);
    set_text(lua, "payload", attempt_.payload);
    lua_pushinteger(lua, attempt_.number);
    lua_setfield(lua, -2, "number");
    lua_pushinteger(lua, std::chrono::duration_cast<std::chrono::milliseconds>(
                             attempt_.accepted_at.time_since_epoch())
                             .count());
    lua_setfield(lua, -2, "accepted_at");
    table_.push(lua, *attempt_.notification);
    lua_setfield(lua, -2, "notification");
    return 1;
  }

  static void set_text(lua_State* lua, const char* field, std::string_view text) {
    push_text(lua, text);
    lua_setfield(lua, -2, field);
  }

  void take(lua_State* lua) override { verdict_ = verdict_at(lua, 1); }

  void ended(const Failure* failure) override {
    table_.hide();
    message::Verdict verdict = std::move(verdict_);
    if (failure != nullptr) {
      verdict = {};
      verdict.kind = message::VerdictKind::kInternal;
      verdict.reason = failure->what.substr(0, message::kReasonBytesMax);
    }
    owner_.free_.push_back(this);
    owner_.complete(attempt_.token, std::move(verdict));
  }

  void renewed() override { table_.forget(); }

  ScriptOutput& owner_;
  stage::Attempt attempt_;
  NotificationTable table_;
  message::Verdict verdict_;
};

ScriptOutput::ScriptOutput(Worker& worker, stage::AttemptDone& done)
    : worker_(worker), done_(done) {}
ScriptOutput::~ScriptOutput() = default;

const stage::OutputTraits& ScriptOutput::traits() const { return worker_.instance().traits(); }

void ScriptOutput::deliver(std::span<const stage::Attempt> attempts) {
  const bool is_outermost = !std::exchange(is_delivering_, true);
  for (const stage::Attempt& attempt : attempts) {
    if (const Duration rest = worker_.rest(); rest > Duration::zero()) {
      completed_.push_back({attempt.token, resting(rest)});
      continue;
    }
    Delivery* delivery = nullptr;
    if (!free_.empty()) {
      delivery = free_.back();
      free_.pop_back();
    } else if (deliveries_.size() < kAttemptsMax) {
      deliveries_.push_back(std::make_unique<Delivery>(worker_, *this));
      free_.reserve(deliveries_.size());
      delivery = deliveries_.back().get();
    }
    if (delivery != nullptr) {
      delivery->start(attempt);
      continue;
    }
    message::Verdict verdict;
    verdict.kind = message::VerdictKind::kRetry;
    verdict.reason = "too many attempts of this output are under way";
    completed_.push_back({attempt.token, std::move(verdict)});
  }
  if (!is_outermost) return;
  is_delivering_ = false;
  tell();
}

void ScriptOutput::cancel(stage::AttemptToken token) {
  const auto open = std::find_if(deliveries_.begin(), deliveries_.end(), [token](const auto& one) {
    return one->is_open() && one->token() == token;
  });
  if (open == deliveries_.end()) return;  // completed, and the lane is about to hear it
  (*open)->give_up();
  free_.push_back(open->get());
}

void ScriptOutput::complete(stage::AttemptToken token, message::Verdict verdict) {
  completed_.push_back({token, std::move(verdict)});
  if (!is_delivering_) tell();
}

// The lane may deliver more from inside of complete(): that joins the list, not the stack.
void ScriptOutput::tell() {
  if (std::exchange(is_telling_, true)) return;
  while (!completed_.empty()) {
    telling_.swap(completed_);
    for (Completed& one : telling_) done_.complete(one.token, std::move(one.verdict));
    telling_.clear();
  }
  is_telling_ = false;
}

}  // namespace tocsin::script
