#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "gateway/delivery/batch.h"
#include "gateway/delivery/delivery_metrics.h"
#include "gateway/delivery/door_book.h"
#include "gateway/delivery/held_check.h"
#include "gateway/delivery/id_clock.h"
#include "gateway/delivery/idempotency.h"
#include "gateway/delivery/redrives.h"
#include "gateway/delivery/submission.h"
#include "gateway/delivery/waiting_room.h"
#include "gateway/event/loop.h"
#include "gateway/stage/storage.h"
#include "gateway/telemetry/log.h"

namespace tocsin::delivery {

class OutboxPort;

/// How long, and in how much room, what was settled is kept. Dead letters stay.
struct HistoryLimits {
  Duration keep = std::chrono::hours(24);
  std::uint64_t size_max = 0;  ///< bytes the store may hold; 0: any
  bool operator==(const HistoryLimits&) const = default;
};

struct FrontOptions {
  HistoryLimits history;
  KeySecret fresh_secret;  ///< random; for a store that has none yet
  stage::OpenOptions open;
  /// Found in an output's hands after a process died: told to the store before anything is claimed.
  std::vector<message::DeliveryId> blamed = {};
};

/// Where the gateway keeps records of its own.
inline constexpr std::string_view kOwnCollection = "gateway";
inline constexpr std::string_view kKeySecretKey = "key_secret";
inline constexpr std::string_view kProbeKey = "probe";

/// The one door to a store. Loops submit through their ports; the front forms batches and has
/// exactly one of them applied at a time: what was submitted meanwhile is the next batch, so the
/// batches grow with the load and no timer holds anything back. Within a batch renewals,
/// settlements, cancels, reviews and records come first, then appends as they arrived, then claims.
///
/// Lives on the storage's loop, whose thread may block in Storage::apply.
class OutboxFront final : private event::TickEnd {
 public:
  static constexpr Duration kRenewEvery = std::chrono::seconds(5);
  static constexpr Duration kRetryEvery = std::chrono::seconds(5);
  /// How far beyond now ids may be given before the mark in the store must move.
  static constexpr Duration kMarkAhead = std::chrono::seconds(10);
  /// Between looks for history to delete, and between steps while there is some.
  static constexpr Duration kPurgeEvery = std::chrono::minutes(1);
  static constexpr Duration kPurgeStep = std::chrono::milliseconds(20);
  /// How late what another gateway on the store made ready is noticed.
  static constexpr Duration kLookEvery = std::chrono::milliseconds(500);
  /// Between looks for rows that are ours in the store and in no memory, and between their pages.
  static constexpr Duration kHeldCheckEvery = std::chrono::seconds(30);
  static constexpr Duration kHeldCheckStep = std::chrono::milliseconds(20);
  /// The same while the store holds too much: as fast as rows can come in.
  static constexpr Duration kPurgeHurry = std::chrono::milliseconds(5);
  /// What is written to learn whether the store takes appends again; as large as a record may be.
  static constexpr std::size_t kProbeBytes = stage::kRecordValueBytesMax;
  /// How far the metrics of lanes may lag.
  static constexpr Duration kPublishEvery = std::chrono::seconds(1);

  OutboxFront(event::Loop& loop, stage::Storage& storage, telemetry::Metrics& metrics,
              telemetry::Log& log, FrontOptions options = {});
  ~OutboxFront();
  OutboxFront(const OutboxFront&) = delete;
  OutboxFront& operator=(const OutboxFront&) = delete;

  /// Opens the store; before any port is made, while nobody runs the loop. Errors are the storage's
  /// own and name what to do.
  Result<void> open();
  /// Takes no more appends, applies what waits, closes the store and calls `done`. What a store
  /// that is down could not be told stays claimed, and is taken over at the next start. Whatever is
  /// submitted later is answered as not committed. On the front's loop, as is `done`.
  void stop(Function<void()> done);

  /// The store's, once open: the same for everybody who ever opens it.
  const KeySecret& key_secret() const { return key_secret_; }

  /// Others than before count at once. On the front's loop.
  void set_history(const HistoryLimits& limits);

  /// Deliveries that wait in the store, as of the last second. Any thread.
  std::uint64_t backlog() const { return doors_.backlog(); }

  event::Loop& loop() { return loop_; }
  WaitingRoom& room() { return room_; }

  /// For ports: adds one, while nobody runs the loop.
  StoreStatus attach(OutboxPort& port);
  /// For ports: what one tick submitted.
  void receive(SubmissionList& list);

 private:
  void on_tick_end() override;

  // outbox_front.cc: life, and forming batches
  void on_opened(const stage::StoreState& state);
  void begin_epoch(const stage::StoreState& state);
  Result<void> find_key_secret();
  Result<std::optional<KeySecret>> read_key_secret();
  Result<void> keep_key_secret();
  void accept(Submission& one);
  void serve_doors();
  bool ready_for_batch();
  void form_batch();
  void take_blames();
  void take_supersedes(WallTime now);
  void take_urgent(WallTime now);
  void take_settle(SettleRequest& one, WallTime now);
  void take_record(RecordRequest& one, WallTime now);
  void take_amend(AmendRequest& one, WallTime now);
  void take_appends(WallTime now);
  void prepare(AppendGroup& group, WallTime now);
  bool may_claim() const;
  void take_claims(WallTime now);
  void take_purge(WallTime now);
  void take_renewal(WallTime now);
  void take_look(WallTime now);
  void take_unheld(WallTime now);
  void take_held_check();
  void take_probe(WallTime now);
  void wake();
  void finish_stop();

  // outbox_outcome.cc: what a batch came to
  void on_applied(const stage::Applied& applied);
  void commit_batch();
  bool end_probe();
  void come_up();
  void commit_one(Submission& one, WallTime now);
  void commit_appends(AppendGroup& group, WallTime now);
  void commit_row(AppendGroup& group, const AppendGroup::Item& item, std::uint32_t ordinal,
                  WallTime now);
  void commit_supersede(const stage::Supersede& op);
  void commit_supersedes();
  void look_up_supersedes();
  void commit_reschedule(const stage::Reschedule& op);
  void commit_amend(const AmendRequest& one);
  void commit_settle(SettleRequest& one, WallTime now);
  void commit_successor(const SettleRequest& one, WallTime now);
  void commit_claims(WallTime now);
  void commit_purge();
  void commit_renewal();
  void commit_look();
  void commit_unheld(WallTime now);
  void commit_held_check();
  void drop_held_check();
  void forget_blames();
  void fail_batch(const Error& error);
  void fail_appends(AppendGroup& group);
  void refuse(AppendGroup& group);
  void fail_claims();
  void refuse_waiting();
  bool takes(const Submission& one) const;
  bool resolve_unknown();
  void answer_unknown();
  Result<bool> batch_exists();
  Result<bool> records_exist();
  void release_claims();
  void set_status(bool up, bool accepting);
  void answer(Submission& one, bool committed);
  Reply& reply_to(OutboxPort& port);
  void send_replies();

  event::Loop& loop_;
  stage::Storage& storage_;
  telemetry::Log& log_;
  HistoryLimits history_;
  const KeySecret fresh_secret_;
  const stage::OpenOptions open_how_;
  FrontMetrics metrics_;
  DoorBook doors_;
  WaitingRoom room_;
  StoreClock clock_;
  stage::Epoch epoch_ = 0;
  KeySecret key_secret_;
  std::optional<IdClock> ids_;  // once the store was opened

  std::vector<OutboxPort*> ports_;
  std::vector<OutboxPort*> replying_;
  StoreStatus status_;

  SubmissionList door_requests_;
  SubmissionList urgent_;
  SubmissionList appends_;
  Batch batch_;
  bool applying_ = false;  // the batch is under way, or its outcome is unknown
  MonoTime applied_at_{};
  std::uint32_t batch_generation_ = 0;
  bool batch_has_more_ = false;  // than settlements and a renewal

  stage::Renew renew_;
  bool renew_due_ = true;
  bool renewing_ = false;
  message::NotificationId mark_;       // in the store: no id above it may be given
  message::NotificationId newest_id_;  // given
  std::vector<stage::Blame> blames_;   // not yet in the store
  std::size_t blames_taken_ = 0;       // of those, in the batch
  /// What a superseding append left to cancel, with strings of its own.
  struct SupersedeRest {
    explicit SupersedeRest(const stage::Supersede& from)
        : op(from), caller(from.caller), group_key(from.group_key) {}
    stage::Supersede op;
    std::string caller;
    std::string group_key;
  };
  std::deque<SupersedeRest> supersedes_;
  std::size_t supersedes_taken_ = 0;  // of those, in the batch
  stage::Purge purge_;
  bool purge_due_ = false;
  bool purging_ = false;
  Redrives redrives_;
  stage::Look look_;
  bool look_due_ = false;
  bool looking_ = false;

  HeldCheck held_check_;
  bool held_check_due_ = false;
  std::vector<stage::Settle> unheld_;  // what HeldCheck found, in the batch

  stage::RecordChange probe_;
  std::string probe_value_;  // while it is under way
  bool probe_due_ = false;
  bool claims_held_ = false;  // they failed while appends are refused: not before the next probe
  bool probing_ = false;

  bool retry_due_ = false;
  bool unknown_ = false;  // the batch's outcome must be looked up
  bool store_open_ = false;
  Function<void()> on_stopped_;
  bool stopping_ = false;
  bool stopped_ = false;

  event::Timer renew_timer_;
  event::Timer retry_timer_;
  event::Timer purge_timer_;
  event::Timer look_timer_;  // only while others live on the store
  event::Timer held_check_timer_;
  event::Timer publish_timer_;  // armed by a commit
};

}  // namespace tocsin::delivery
