#pragma once

#include <span>
#include <string>
#include <vector>

#include "gateway/plugin/instance.h"
#include "gateway/plugin/notification_view.h"
#include "gateway/plugin/token_table.h"
#include "gateway/plugin/worker.h"
#include "gateway/stage/output.h"

namespace tocsin::plugin {

/// What an output instance says of itself. Control thread. kInvalid: what it says cannot be.
Result<stage::OutputTraits> output_traits(const Instance& instance);

/// A plugin as an output on its home loop. A plugin that completes twice, late or for nothing is
/// counted and changes nothing; one that never completes runs into the lane's deadline.
class OutputAdapter final : public stage::Output,
                            private Completions::Deliveries,
                            private AfterCallback {
 public:
  static constexpr std::size_t kAttemptsMax = 65536;  ///< under way

  /// `worker` has started and outlives the adapter, as does `done`.
  OutputAdapter(Worker& worker, stage::OutputTraits traits, stage::AttemptDone& done);
  ~OutputAdapter() override;

  const stage::OutputTraits& traits() const override { return traits_; }
  void deliver(std::span<const stage::Attempt> attempts) override;
  void cancel(stage::AttemptToken token) override;
  /// At the drain's deadline: attempts under way are cancelled and complete as ambiguous. Not
  /// inside a callback.
  void cut();

 private:
  // What an attempt's pointers point to.
  struct Open {
    stage::AttemptToken attempt = 0;
    std::string notification_id;
    std::string delivery_id;
    NotificationView notification;
  };
  struct Completed {
    stage::AttemptToken attempt;
    message::Verdict verdict;
  };

  tocsin_attempt show(const stage::Attempt& attempt, Open& open, tocsin_token token) const;
  void refuse(const stage::Attempt& attempt);
  void withdraw(tocsin_token token);
  std::uint32_t complete(tocsin_token token, const tocsin_verdict& verdict) override;
  std::size_t under_way() const override { return open_.size(); }
  void after_callback() override;

  Worker& worker_;
  const stage::OutputTraits traits_;
  stage::AttemptDone& done_;
  TokenTable<Open> open_{3, kAttemptsMax};
  std::vector<tocsin_attempt> shown_;
  std::vector<Completed> completed_;
  std::vector<Completed> telling_;
};

}  // namespace tocsin::plugin
