#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "gateway/base/clock.h"
#include "gateway/base/result.h"
#include "gateway/message/message.h"
#include "gateway/stage/storage.h"

// What loops ask of the outbox front. A submission belongs to whoever made it; from submit() until
// on_answered() only the front touches it. Makers keep them on free lists, so that asking allocates
// nothing.

namespace tocsin::delivery {

class LaneDoor;
class OutboxPort;

/// One unit: its operations are in one batch, and so in one transaction.
class Submission {
 public:
  enum class Kind : std::uint8_t {
    kAppends,
    kSettle,
    kCancel,
    kReview,
    kRecord,
    kOpenLane,
    kResizeLane,
    kCloseLane,
    kMove,
    kReschedule,
    kAmend,
    kHeld,
    kRecovered,
    kProbe
  };

  explicit Submission(Kind kind) : kind_(kind) {}
  virtual ~Submission() = default;
  Submission(const Submission&) = delete;
  Submission& operator=(const Submission&) = delete;

  /// Once for each submit(), on the loop of the port it went through, never inside submit().
  virtual void on_answered() = 0;

  Kind kind() const { return kind_; }
  /// In on_answered(): whether the batch was committed, so that the operations' results hold. Else
  /// nothing was written.
  bool committed() const { return committed_; }

 private:
  friend class SubmissionList;
  friend class OutboxPort;
  friend class OutboxFront;
  friend class Batch;

  const Kind kind_;
  bool committed_ = false;
  OutboxPort* port_ = nullptr;
  Submission* next_ = nullptr;
};

/// A queue through the submissions themselves.
class SubmissionList {
 public:
  SubmissionList() = default;
  SubmissionList(SubmissionList&& other) noexcept
      : first_(std::exchange(other.first_, nullptr)), last_(std::exchange(other.last_, nullptr)) {}
  SubmissionList& operator=(SubmissionList&& other) noexcept {
    std::swap(first_, other.first_);
    std::swap(last_, other.last_);
    return *this;
  }

  bool empty() const { return first_ == nullptr; }
  Submission* first() const { return first_; }
  void push_back(Submission& one) {
    one.next_ = nullptr;
    (first_ == nullptr ? first_ : last_->next_) = &one;
    last_ = &one;
  }
  Submission* pop_front() {
    Submission* one = first_;
    if (one != nullptr) first_ = std::exchange(one->next_, nullptr);
    return one;
  }
  /// Moves all of `other` before what is here.
  void prepend(SubmissionList&& other) {
    if (other.empty()) return;
    other.last_->next_ = first_;
    if (first_ == nullptr) last_ = other.last_;
    first_ = std::exchange(other.first_, nullptr);
  }

 private:
  Submission* first_ = nullptr;
  Submission* last_ = nullptr;
};

/// The appends of one request: all of them in one transaction, or none.
class AppendGroup : public Submission {
 public:
  AppendGroup() : Submission(Kind::kAppends) {}

  /// `append.deliveries` is set by the front from the rows. `message` holds every byte that the
  /// append and its rows point to, names of inputs and outputs aside.
  struct Item {
    stage::Append append;
    message::Message message;
    std::uint32_t first_row = 0;
    std::uint32_t rows = 0;
    /// In the batch with the append, behind it; the front fills id and at.
    std::optional<stage::Supersede> supersede = std::nullopt;
  };

  std::vector<Item> items;
  /// Rows of all items, in order; next_at: not before this wall time, or zero.
  std::vector<stage::NewDelivery> rows;
  std::vector<LaneDoor*> doors;  ///< of the rows, one each
  std::size_t bytes = 0;         ///< of payloads, as reserved at the port

  void clear() {
    items.clear();
    rows.clear();
    doors.clear();
    bytes = 0;
  }
};

/// One delivery's next state. The front fills op.at, op.next_at, op.redrive_at and op.successor.
class SettleRequest : public Submission {
 public:
  SettleRequest() : Submission(Kind::kSettle) {}

  stage::Settle op;
  Duration wait = Duration::zero();  ///< kReady: until next_at; zero: it takes its place again
  Duration redrive_wait = Duration::zero();  ///< kDead: until redrive_at; zero: people decide
  WallTime place{};                          ///< the next_at that its row has, as the front told it
  std::string reason;
  std::string provider_id;
  /// The output that gets a delivery of its own with this: the fallback's beside kFellBack, a
  /// mirror's beside kDead. Empty: none.
  std::string successor_output;
  std::string successor_address;
  bool successor_is_mirror = false;
  bool in_line = false;  ///< as its claim said
  LaneDoor* door = nullptr;
  message::DeliveryClass queue = message::DeliveryClass::kNormal;
  std::uint32_t generation = 0;  ///< under which it was handed over
  bool holds_credit = true;

  /// In on_answered(): false when the row is no longer ours.
  bool ours() const { return committed() && (op.changed || op.cancelled); }
};

class CancelRequest : public Submission {
 public:
  CancelRequest() : Submission(Kind::kCancel) {}
  stage::Cancel op;
  std::string caller;
};

/// Another time for what waits of a notification. The front fills op.at and op.next_at.
class RescheduleRequest : public Submission {
 public:
  RescheduleRequest() : Submission(Kind::kReschedule) {}
  stage::Reschedule op;
  std::string caller;     ///< what op.caller views
  WallTime deliver_at{};  ///< by the wall clock
};

class ReviewRequest : public Submission {
 public:
  ReviewRequest() : Submission(Kind::kReview) {}
  stage::Review op;
};

/// What a provider says later of one delivery. The front fills op.at, op.reason, op.provider_id and
/// op.successor.
class AmendRequest : public Submission {
 public:
  AmendRequest() : Submission(Kind::kAmend) {}
  stage::Amend op;
  std::string output;  ///< of the delivery
  std::string reason;
  std::string provider_id;
  std::string mirror;  ///< the output that gets a copy of what dies by this; empty: none
};

/// One change of a record. The front fills op.now, op.version and op.expires_at.
class RecordRequest : public Submission {
 public:
  RecordRequest() : Submission(Kind::kRecord) {}
  stage::RecordChange op;
  std::string collection;
  std::string key;
  std::string value;
  Duration ttl = Duration::zero();  ///< of a put, from its commit on; zero: it stays

  std::size_t bytes() const { return collection.size() + key.size() + value.size(); }
};

class MoveRequest : public Submission {
 public:
  MoveRequest() : Submission(Kind::kMove) {}
  stage::Move op;
  std::string from;  ///< what op.from views
  std::string to;    ///< what op.to views
};

/// Opens a lane's door, gives it another capacity, or closes it: from then on all its rows are
/// written ready and none is claimed. Its answer comes behind everything that was handed to the
/// lane before. kRecovered: the lane's breaker has closed, so that dead letters of its output that
/// wait to be sent again are, now; committed once none of them is left. kProbe: the breaker lets an
/// attempt begin and the lane is empty, so that one of them is, unless something else is about to
/// come.
class DoorRequest : public Submission {
 public:
  DoorRequest(Kind kind, LaneDoor& which) : Submission(kind), door(which) {}
  LaneDoor& door;
  std::uint32_t capacity = 0;  ///< kResizeLane
  bool halted = false;         ///< kOpenLane, kResizeLane: as LaneDoor::halt()
};

/// What the front asks each loop: which of these do its lanes hold? Ascending.
struct HeldQuestion {
  std::uint64_t number = 0;
  std::vector<message::DeliveryId> ids;
};

/// And what a loop answers. Behind it nothing comes that was settled before it.
class HeldAnswer final : public Submission {
 public:
  HeldAnswer() : Submission(Kind::kHeld) {}
  void on_answered() override {}
  std::uint64_t number = 0;
  std::vector<message::DeliveryId> held;
};

/// A delivery on its way from an append's commit to its lane, without the store between.
struct HandOff {
  LaneDoor* door = nullptr;
  message::Message message;
  message::DeliveryId id;
  std::string_view address;  ///< in the message's bytes
  message::DeliveryClass queue = message::DeliveryClass::kNormal;
  WallTime accepted_at{};
  WallTime next_at{};  ///< of its row
  std::uint32_t generation = 0;
};

/// Rows claimed for one queue of a lane.
struct ClaimedRows {
  LaneDoor* door = nullptr;
  message::DeliveryClass queue = message::DeliveryClass::kNormal;
  std::uint32_t generation = 0;
  std::vector<stage::ClaimedDelivery> rows;
};

/// How the store does, as the front last told this loop.
struct StoreStatus {
  /// Who could not renew for half a lease starts no attempt: another may hold the rows by now.
  static constexpr Duration kLease = std::chrono::seconds(30);

  static constexpr std::uint32_t kNoGeneration = 0;

  bool up = false;         ///< commits succeed
  bool accepting = false;  ///< appends are taken
  MonoTime renewed_at{};
  std::uint32_t generation =
      kNoGeneration;  ///< of our epoch, counted from 1; older claims are void

  bool may_attempt(MonoTime now) const { return up && now - renewed_at < kLease / 2; }
};

/// What the front tells one loop after a batch, handled in this order.
struct Reply {
  SubmissionList answered;
  std::vector<HandOff> handed;
  std::vector<ClaimedRows> claimed;
  std::vector<message::NotificationId> cancelled;  ///< a cancel found some of it in flight
  std::optional<StoreStatus> status;
  std::shared_ptr<const HeldQuestion> question;

  /// Empty again, with the room it has grown to.
  void clear() {
    handed.clear();
    claimed.clear();
    cancelled.clear();
    status.reset();
    question.reset();
  }
};

}  // namespace tocsin::delivery
