#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "gateway/script/worker.h"
#include "gateway/stage/output.h"

namespace tocsin::script {

/// A script as an output on its home loop. Its deliver(attempt) returns a verdict's name and, if
/// there is more to say, a table:
///
///   return "delivered", {provider_id = "..."}
///   return "retry", {after_ms = 5000, reason = "..."}
///   return "throttled", {after_ms = 5000, scope = "account", reason = "..."}
///   return tocsin.http.verdict(response, problem)
///
/// What fails is `internal`. One that never returns runs into the lane's deadline.
class ScriptOutput final : public stage::Output {
 public:
  static constexpr std::size_t kAttemptsMax = 1024;  ///< under way

  /// `worker` has started and outlives the output, as does `done`.
  ScriptOutput(Worker& worker, stage::AttemptDone& done);
  ~ScriptOutput() override;

  const stage::OutputTraits& traits() const override;
  void deliver(std::span<const stage::Attempt> attempts) override;
  void cancel(stage::AttemptToken token) override;

 private:
  class Delivery;
  struct Completed {
    stage::AttemptToken token;
    message::Verdict verdict;
  };

  void complete(stage::AttemptToken token, message::Verdict verdict);
  void tell();

  Worker& worker_;
  stage::AttemptDone& done_;
  std::vector<std::unique_ptr<Delivery>> deliveries_;
  std::vector<Delivery*> free_;
  std::vector<Completed> completed_;
  std::vector<Completed> telling_;
  bool is_delivering_ = false;
  bool is_telling_ = false;
};

}  // namespace tocsin::script
