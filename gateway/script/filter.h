#pragma once

#include <chrono>
#include <memory>
#include <string_view>
#include <vector>

#include "gateway/script/worker.h"
#include "gateway/stage/filter.h"

namespace tocsin::script {

/// A script as a notification filter on one loop. Its on_message(notification) returns "pass" or
/// "drop" (nothing is "pass"), and a number when on_outcome(number, committed) is to tell what came
/// of it. What it holds too long passes, and so does what it fails on: a filter that is broken must
/// not lose a message that somebody waits for.
class ScriptFilter final : public stage::Filter {
 public:
  static constexpr Duration kHoldMax = std::chrono::seconds(5);
  static constexpr std::size_t kCallsMax = 1024;  ///< at once; what comes beyond passes

  /// `worker` has started and outlives the filter.
  explicit ScriptFilter(Worker& worker);
  ~ScriptFilter() override;

  std::string_view name() const override;
  stage::FilterStatus on_message(stage::FilterCall& call) override;
  void on_outcome(std::uint64_t reservation, bool committed) override;

  /// Notifications that wait for the script.
  std::size_t under_way() const { return questions_.size() - free_questions_.size(); }
  /// Lets all of them pass.
  void cut();

 private:
  class Question;
  class Outcome;

  Worker& worker_;
  std::vector<std::unique_ptr<Question>> questions_;
  std::vector<Question*> free_questions_;
  std::vector<std::unique_ptr<Outcome>> outcomes_;
  std::vector<Outcome*> free_outcomes_;
};

}  // namespace tocsin::script
