#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "gateway/base/result.h"
#include "gateway/stage/emit.h"
#include "gateway/stage/ledger.h"
#include "tocsin/plugin.h"

namespace tocsin::plugin {

class Worker;

/// What an input does on its loop: hands notifications in, and asks what became of them. Loop
/// thread.
class Intake {
 public:
  static constexpr std::size_t kEmitsMax = 8192;      ///< without an outcome yet
  static constexpr std::size_t kQuestionsMax = 4096;  ///< to the ledger, without an answer yet

  using Answered = void (*)(void* user, const tocsin_ledger_answer*);

  explicit Intake(Worker& worker);
  /// Abandons what is under way: no callback follows.
  ~Intake();
  Intake(const Intake&) = delete;
  Intake& operator=(const Intake&) = delete;

  /// Emits and questions without an answer yet.
  std::size_t under_way() const;

  std::uint32_t emit(const tocsin_emit_request& request);
  std::uint32_t get(std::string_view id, std::string_view caller, Answered fn, void* user);
  std::uint32_t cancel(std::string_view id, std::string_view caller, Answered fn, void* user);
  std::uint32_t reschedule(std::string_view id, std::string_view caller, std::string_view json,
                           Answered fn, void* user);

 private:
  class Call;
  struct Shared;
  template <typename Tell>
  void answer_later(Tell tell);
  void finish(Call& call, std::span<const stage::EmitOutcome> outcomes);
  void answer(const tocsin_ledger_answer& answer, Answered fn, void* user);

  Worker& worker_;
  std::vector<std::unique_ptr<Call>> open_;
  std::vector<std::unique_ptr<Call>> spare_;
  std::vector<stage::EmitItem> items_;
  std::shared_ptr<Shared> shared_;  // with questions that outlive this object
};

}  // namespace tocsin::plugin
