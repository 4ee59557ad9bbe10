#include "gateway/script/filter.h"

#include <optional>
#include <utility>

#include "gateway/script/call.h"
#include "gateway/script/creation.h"
#include "gateway/script/instance.h"
#include "gateway/script/notification_table.h"
#include "gateway/script/text.h"

namespace tocsin::script {

using stage::FilterStatus;

namespace {

template <typename T, typename Make>
T* take_free(std::vector<std::unique_ptr<T>>& all, std::vector<T*>& free, std::size_t most,
             Make make) {
  if (free.empty()) {
    if (all.size() >= most) return nullptr;
    all.push_back(make());
    free.reserve(all.size());
    return all.back().get();
  }
  T* one = free.back();
  free.pop_back();
  return one;
}

}  // namespace

/// on_message for one notification.
class ScriptFilter::Question final : public Call {
 public:
  Question(Worker& worker, ScriptFilter& owner) : Call(worker), owner_(owner) {
    set_patience(kHoldMax);
  }

  FilterStatus ask(stage::FilterCall& call) {
    call_ = &call;
    is_asking_ = true;
    decision_ = FilterStatus::kHold;
    begin();
    is_asking_ = false;
    // Afterwards this object may serve another notification.
    const FilterStatus decision = decision_;
    if (decision != FilterStatus::kHold) owner_.free_questions_.push_back(this);
    return decision;
  }

 private:
  const char* callback() const override { return "on_message"; }

  int push(lua_State* lua) override {
    push_entry(lua, Entry::kOnMessage);
    table_.push(lua, call_->notification(), call_->identity());
    return 1;
  }

  void take(lua_State* lua) override {
    table_.check_unchanged(lua);
    const std::string_view said = lua_type(lua, 1) == LUA_TSTRING ? text_at(lua, 1) : "";
    if (said == "drop") {
      said_ = FilterStatus::kDrop;
    } else if (said == "pass" || lua_isnoneornil(lua, 1)) {
      said_ = FilterStatus::kPass;
    } else {
      luaL_error(lua, "on_message must return \"pass\" or \"drop\"");
    }
    if (lua_type(lua, 3) == LUA_TSTRING) call_->because(text_at(lua, 3));
    if (lua_isnoneornil(lua, 2)) return;
    if (lua_isinteger(lua, 2) == 0) luaL_error(lua, "the second result of on_message is no number");
    reservation_ = static_cast<std::uint64_t>(lua_tointeger(lua, 2));
  }

  void ended(const Failure* failure) override {
    table_.hide();
    const FilterStatus status = failure == nullptr ? said_ : FilterStatus::kPass;
    const std::uint64_t reservation = std::exchange(reservation_, 0);
    if (failure == nullptr && reservation != 0) call_->remember(reservation);
    if (failure != nullptr) call_->because("it failed, which lets pass: " + failure->what);
    if (is_asking_) {
      decision_ = status;
      return;
    }
    stage::FilterCall& call = *call_;
    owner_.free_questions_.push_back(this);
    call.decide(status);
  }

  void renewed() override { table_.forget(); }

  ScriptFilter& owner_;
  stage::FilterCall* call_ = nullptr;
  NotificationTable table_;
  bool is_asking_ = false;  // inside of ask()
  FilterStatus decision_ = FilterStatus::kHold;
  FilterStatus said_ = FilterStatus::kPass;
  std::uint64_t reservation_ = 0;
};

/// on_outcome for one reservation.
class ScriptFilter::Outcome final : public Call {
 public:
  Outcome(Worker& worker, ScriptFilter& owner) : Call(worker), owner_(owner) {
    set_patience(kHoldMax);
  }

  void tell(std::uint64_t reservation, bool committed) {
    reservation_ = reservation;
    committed_ = committed;
    begin();
  }

 private:
  const char* callback() const override { return "on_outcome"; }

  int push(lua_State* lua) override {
    push_entry(lua, Entry::kOnOutcome);
    if (lua_isnil(lua, -1)) luaL_error(lua, "there is no function on_outcome");
    lua_pushinteger(lua, static_cast<lua_Integer>(reservation_));
    lua_pushboolean(lua, committed_ ? 1 : 0);
    return 2;
  }
  void take(lua_State* /*lua*/) override {}
  void ended(const Failure* /*failure*/) override { owner_.free_outcomes_.push_back(this); }

  ScriptFilter& owner_;
  std::uint64_t reservation_ = 0;
  bool committed_ = false;
};

ScriptFilter::ScriptFilter(Worker& worker) : worker_(worker) {}
ScriptFilter::~ScriptFilter() = default;

std::string_view ScriptFilter::name() const { return worker_.instance().voice().id; }

FilterStatus ScriptFilter::on_message(stage::FilterCall& call) {
  Question* question = take_free(questions_, free_questions_, kCallsMax,
                                 [this] { return std::make_unique<Question>(worker_, *this); });
  if (question != nullptr) return question->ask(call);
  worker_.failed({Failure::Kind::kExpired, "too many notifications wait for the script"});
  return FilterStatus::kPass;
}

// A decision may bring in another question, which is not cut.
void ScriptFilter::cut() {
  std::vector<Question*> open;
  for (const auto& question : questions_) {
    if (question->is_open()) open.push_back(question.get());
  }
  for (Question* question : open) question->cut();
}

void ScriptFilter::on_outcome(std::uint64_t reservation, bool committed) {
  Outcome* outcome = take_free(outcomes_, free_outcomes_, kCallsMax,
                               [this] { return std::make_unique<Outcome>(worker_, *this); });
  if (outcome != nullptr) return outcome->tell(reservation, committed);
  worker_.failed({Failure::Kind::kExpired, "too many outcomes wait for the script"});
}

}  // namespace tocsin::script
