#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <vector>

#include "gateway/delivery/submission.h"
#include "gateway/stage/storage.h"

namespace tocsin::delivery {

/// What one transaction will hold: the operations in the order of their application, and whose they
/// are. Reused, so that the steady state allocates nothing.
class Batch {
 public:
  static constexpr std::size_t kOperationsMax = 512;
  /// So many of them are left to appends that wait, however much there is to settle.
  static constexpr std::size_t kAppendShare = kOperationsMax / 4;
  static constexpr std::size_t kBytesMax = std::size_t{1} << 20;
  static constexpr std::size_t kClaimsMax = 64;
  /// What a row costs beside its payload, for kBytesMax.
  static constexpr std::size_t kRowBytes = 64;

  struct ClaimOf {
    LaneDoor* door = nullptr;
    message::DeliveryClass queue = message::DeliveryClass::kNormal;
    stage::Claim op;
  };

  bool empty() const { return operations_.empty(); }
  /// Whether more may be added.
  bool has_room() const { return operations_.size() < kOperationsMax && bytes_ < kBytesMax; }
  /// Whether what comes before appends may be added while some wait.
  bool has_room_before_appends() const {
    return operations_.size() < kOperationsMax - kAppendShare && bytes_ < kBytesMax / 2;
  }
  /// A group is never split: one that is greater than a batch goes when no other append is there.
  bool has_room_for(const AppendGroup& group) const;

  void add(SettleRequest& one) { add_one(one, one.op); }
  void add(CancelRequest& one) { add_one(one, one.op); }
  void add(ReviewRequest& one) { add_one(one, one.op); }
  void add(RecordRequest& one) {
    add_one(one, one.op);
    bytes_ += one.bytes() + kRowBytes;
  }
  void add(MoveRequest& one) { add_one(one, one.op); }
  void add(RescheduleRequest& one) { add_one(one, one.op); }
  void add(AmendRequest& one) { add_one(one, one.op); }
  void add(AppendGroup& group);
  /// A place for a claim; null when kClaimsMax are in. Its operation is the batch's from now on.
  ClaimOf* add_claim();
  /// Takes the newest claim back.
  void drop_claim();
  void add(stage::Operation& op) { operations_.push_back(&op); }
  /// Before everything else.
  void add_first(stage::Operation& op) { operations_.insert(operations_.begin(), &op); }

  std::span<stage::Operation* const> operations() const { return operations_; }
  SubmissionList& submissions() { return submissions_; }
  std::span<const std::unique_ptr<ClaimOf>> claims() const {
    return {claims_.data(), claims_used_};
  }

  /// Ready for the next one; the submissions have been taken out.
  void clear();

 private:
  void add_one(Submission& one, stage::Operation& op) {
    submissions_.push_back(one);
    operations_.push_back(&op);
  }

  std::vector<stage::Operation*> operations_;
  SubmissionList submissions_;
  std::vector<std::unique_ptr<ClaimOf>> claims_;
  std::size_t claims_used_ = 0;
  std::size_t bytes_ = 0;
  bool has_appends_ = false;
};

}  // namespace tocsin::delivery
