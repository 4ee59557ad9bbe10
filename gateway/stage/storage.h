#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/base/clock.h"
#include "gateway/base/function.h"
#include "gateway/base/result.h"
#include "gateway/message/delivery.h"
#include "gateway/message/notification.h"
#include "gateway/stage/record.h"

// The durable side of the outbox. The host forms batches of operations, a storage applies each
// batch as one transaction: whole or not at all. Operations are written so that data cannot make
// them fail (upserts, conditional updates): what one came to is in its result fields, valid once
// the batch is done. Strings are borrowed from the host until then.

namespace tocsin::stage {

/// An instance of the gateway on a store, from one start to its end. 0 is nobody.
using Epoch = std::uint32_t;

enum class OperationKind : std::uint8_t {
  kRenew,
  kSettle,
  kCancel,
  kReview,
  kAppend,
  kClaim,
  kPurge,
  kBlame,
  kRecord,
  kMove,
  kLook,
  kOwned,
  kSupersede,
  kReschedule,
  kRedriveDue,
  kAmend
};

struct Operation {
  explicit Operation(OperationKind k) : kind(k) {}
  OperationKind kind;
};

/// Deliveries that one Supersede cancels at most.
inline constexpr std::uint32_t kSupersedeRowsMax = 1000;

/// Whether a delivery waits for others of its output and group key: only the first in line may be
/// claimed, until it is delivered, dead, cancelled or fell back. What is redriven, or moved to
/// another output, is in no line.
enum class Ordering : std::uint8_t {
  kNone,
  kJoin,     ///< in line from now on
  kWhenDue,  ///< it joins when its next_at has come
};

/// A row of an append.
struct NewDelivery {
  std::string_view output;
  std::string_view address;  ///< "kind:value", or empty: the output's own
  message::DeliveryState state =
      message::DeliveryState::kReady;  ///< or kClaimed, by the batch's epoch
  WallTime next_at{};                  ///< not before
  message::DeliveryClass queue = message::DeliveryClass::kNormal;  ///< in every state, for ever
  bool mirror = false;                  ///< a copy of a dead letter, never copied again
  Ordering ordering = Ordering::kNone;  ///< only with a group key
};

/// 128 bits over (input, caller, key); ascending keys of the same hour lie together in an index.
struct IdempotencyKey {
  std::uint64_t hash[2] = {0, 0};
  std::uint64_t body_hash[2] = {0, 0};
  WallTime expires_at{};
};

/// A place in a stream the input reads (a Kafka partition): kept in the same transaction.
struct StreamPosition {
  std::string_view source;
  std::uint64_t first = 0;  ///< of this append
  std::uint64_t next = 0;   ///< kept; an append with first below the kept one is skipped
};

/// Adds a notification and its deliveries, which count their ordinals from 0 in the order given.
struct Append : Operation {
  Append() : Operation(OperationKind::kAppend) {}
  enum class Outcome : std::uint8_t {
    kCommitted,
    kReplayed,  ///< the key was used with the same body: `earlier_*` say what came of it
    kConflict,  ///< the key was used with another body
    kSkipped,   ///< the stream is past it
  };

  message::NotificationId id;
  std::string_view input;   ///< the input's name
  std::string_view caller;  ///< whose it is; empty: nobody's
  std::string_view topic;
  message::Level level = message::Level::kInfo;
  std::string_view external_id;
  std::string_view group_key;  ///< the notification's `key`; empty: none
  std::string_view payload;    ///< the wire text
  WallTime accepted_at{};
  std::optional<WallTime> expires_at;
  std::span<const NewDelivery> deliveries;  ///< none: only the key is kept, with `dropped_by`
  std::string_view dropped_by;              ///< the filter that dropped it, for a later replay
  std::optional<IdempotencyKey> key;
  std::optional<StreamPosition> position;

  Outcome outcome = Outcome::kCommitted;
  message::NotificationId earlier_id;
  std::uint32_t earlier_deliveries = 0;
  std::string earlier_dropped_by;
};

/// A row handed to a lane, with strings of its own.
struct ClaimedDelivery {
  message::DeliveryId id;
  std::string address;
  std::uint32_t attempts = 0;  ///< begun and finished before
  std::uint32_t crashes = 0;
  WallTime next_at{};
  std::string payload;
  WallTime accepted_at{};
  std::optional<WallTime> expires_at;
  bool redriven = false;       ///< somebody sent a dead letter again, however late that is
  std::uint32_t redrives = 0;  ///< how often it was sent again by the clock
  bool mirror = false;
  bool in_line = false;  ///< its settlement says so, too
};

/// Makes up to `limit` ready rows of an output claimed by the epoch, in the order of next_at and
/// id, where next_at <= now.
struct Claim : Operation {
  Claim() : Operation(OperationKind::kClaim) {}
  std::string_view output;
  message::DeliveryClass queue = message::DeliveryClass::kNormal;
  std::uint32_t limit = 0;
  WallTime now{};

  std::vector<ClaimedDelivery> claimed;
  /// The earliest next_at of a ready row left in this queue; nothing: none is left.
  std::optional<WallTime> next_due;
};

/// Moves one delivery on, only while the batch's epoch owns it; kSending and kClaimed stay its own.
struct Settle : Operation {
  Settle() : Operation(OperationKind::kSettle) {}
  message::DeliveryId id;
  message::DeliveryState state = message::DeliveryState::kDelivered;
  std::uint32_t attempts = 0;
  std::uint32_t crashes = 0;
  WallTime at{};                       ///< when it was decided
  WallTime next_at{};                  ///< kReady only
  std::optional<WallTime> redrive_at;  ///< kDead: when it is sent again; nothing: people decide
  std::string_view reason;             ///< kDead: why; kReady: of the last failure
  std::string_view provider_id;        ///< kDelivered
  /// Added to the notification's deliveries, behind the last, with the state and only when that is
  /// written as asked: the fallback's beside kFellBack, a mirror's beside kDead. It is kReady, and
  /// in the queue of the delivery it follows.
  std::optional<NewDelivery> successor;
  bool in_line = false;  ///< as its claim said

  bool changed = false;    ///< false: no longer ours, or cancelled meanwhile; nothing was written
  bool cancelled = false;  ///< a cancel had been requested: written as kCancelled
  std::uint32_t successor_ordinal = 0;  ///< of the one that was added
  bool freed = false;                   ///< the next in line is ready
};

/// Cancels what has not been settled of one notification of one caller.
struct Cancel : Operation {
  Cancel() : Operation(OperationKind::kCancel) {}
  message::NotificationId id;
  std::string_view caller;
  WallTime at{};

  bool found = false;
  std::uint32_t cancelled = 0;  ///< ready rows, done
  std::uint32_t in_flight = 0;  ///< claimed or sending: asked for
  std::uint32_t done = 0;       ///< settled before
};

/// A notification takes the place of its caller's earlier ones with its key: cancels what is ready
/// of them, asks for it where they are under way. Nothing when `id` is not stored, because its
/// append was answered otherwise.
struct Supersede : Operation {
  Supersede() : Operation(OperationKind::kSupersede) {}
  message::NotificationId id;  ///< the newer one
  std::string_view caller;
  std::string_view group_key;
  WallTime at{};
  std::uint32_t limit = kSupersedeRowsMax;  ///< deliveries of one step

  std::uint32_t cancelled = 0;
  std::vector<message::NotificationId> in_flight;  ///< asked for, each once
  bool more = false;                               ///< there are more of them
};

/// Gives what is ready of one notification of one caller another time, unless it expires before.
struct Reschedule : Operation {
  Reschedule() : Operation(OperationKind::kReschedule) {}
  message::NotificationId id;
  std::string_view caller;
  WallTime at{};
  WallTime next_at{};

  bool found = false;
  bool expires = false;  ///< before next_at: nothing was written
  std::uint32_t rescheduled = 0;
  std::uint32_t in_flight = 0;
  std::uint32_t done = 0;
  std::vector<std::string> outputs;  ///< of what was rescheduled, each once
};

/// What people do with one dead letter.
struct Review : Operation {
  Review() : Operation(OperationKind::kReview) {}
  enum class Verb : std::uint8_t { kRedrive, kApprove, kDiscard };
  message::DeliveryId id;
  Verb verb = Verb::kRedrive;
  WallTime at{};

  bool changed = false;  ///< false: no dead letter has this id
  std::string output;    ///< kRedrive: whose backlog it joined
};

/// Sends dead letters again whose redrive_at has come, the earliest first; of one output also those
/// that wait for it still.
struct RedriveDue : Operation {
  RedriveDue() : Operation(OperationKind::kRedriveDue) {}
  WallTime now{};
  std::uint32_t limit = 0;
  std::string_view output;  ///< only its own, due or not; empty: what is due of any

  std::uint32_t redriven = 0;
  std::optional<WallTime> next_due;  ///< the earliest that is left, of any output
  std::vector<std::string> outputs;  ///< of what was redriven, one for each of it
};

/// Corrects a delivery that is in nobody's hands by what its provider said later, and only if it is
/// still as a query told it.
struct Amend : Operation {
  Amend() : Operation(OperationKind::kAmend) {}
  message::DeliveryId id;
  message::DeliveryState was = message::DeliveryState::kDelivered;  ///< kReady, or settled
  WallTime was_updated_at{};
  /// kDelivered, kDead for people to decide, or the one it has, of which this says more.
  message::DeliveryState state = message::DeliveryState::kDelivered;
  WallTime at{};
  std::string_view reason;       ///< empty where it stays what it is: it keeps its own
  std::string_view provider_id;  ///< kept where none is
  /// As a settlement's beside kDead; a mirror has none.
  std::optional<NewDelivery> successor;

  bool changed = false;  ///< false: it is not as it was; nothing was written
  bool mirror = false;   ///< it is a copy itself
  std::uint32_t successor_ordinal = 0;
  bool freed = false;  ///< the next in line is ready
};

/// The process that owned a delivery died while its output had it in hand: adds one to `crashes` of
/// what is not settled, whoever owns it.
struct Blame : Operation {
  Blame() : Operation(OperationKind::kBlame) {}
  message::DeliveryId id;

  bool changed = false;
};

/// Tells the store that the epoch lives.
struct Renew : Operation {
  Renew() : Operation(OperationKind::kRenew) {}
  message::NotificationId high_mark;  ///< no id above it was given before the next renewal's
  WallTime at{};

  /// Other epochs on the store, those included that died and were not taken over.
  std::uint32_t others = 0;
};

/// Deletes settled history older than `before` (dead letters stay, unless discarded; a notification
/// goes when all its deliveries may), keys and records past their time, a bounded number of rows.
/// While the store holds more than `size_max`, history goes however young it is, the oldest first.
/// Looks at a bounded number, too, and goes on there the next time.
struct Purge : Operation {
  Purge() : Operation(OperationKind::kPurge) {}
  WallTime before{};
  WallTime now{};
  std::uint64_t size_max = 0;  ///< bytes; 0: any
  std::uint32_t rows_max = 500;

  std::uint32_t deleted = 0;  ///< of every kind; the last notification may exceed rows_max
  bool more = false;          ///< not everything was looked at
  bool oversize = false;      ///< it held more than size_max before this
};

/// Puts or removes one record when `if_version` is met; what has expired by now is not there. A put
/// that finds its own version counts as changed, so that a batch may be applied twice.
struct RecordChange : Operation {
  RecordChange() : Operation(OperationKind::kRecord) {}
  enum class Verb : std::uint8_t { kPut, kRemove };
  Verb verb = Verb::kPut;
  std::string_view collection;
  std::string_view key;
  std::string_view value;  ///< kPut
  RecordVersion if_version = kAnyVersion;
  RecordVersion version = kNoVersion;  ///< kPut: its new one, never given before
  WallTime now{};
  std::optional<WallTime> expires_at;  ///< kPut; nothing: it stays

  bool changed = false;  ///< false: if_version was not met, or there was nothing to remove
  RecordVersion found = kNoVersion;  ///< the version of what was there before
};

/// Gives deliveries of one output to another: the ready ones, earliest first, or the dead letters
/// that are not discarded, oldest first. They keep their ids, addresses, attempts and reasons.
struct Move : Operation {
  Move() : Operation(OperationKind::kMove) {}
  std::string_view from;
  std::string_view to;
  bool dead = false;        ///< true: dead letters; false: what is ready
  std::uint32_t limit = 0;  ///< at most kMoveRowsMax

  std::uint32_t moved = 0;
  bool more = false;  ///< there are more of them
};
inline constexpr std::uint32_t kMoveRowsMax = 500;

struct BacklogCount {
  std::string output;
  std::uint64_t ready = 0;                 ///< after takeover nothing is claimed
  std::uint64_t dead = 0;                  ///< not discarded
  std::optional<WallTime> oldest_ready{};  ///< the earliest next_at of those; told by queries alone
};

/// Takes over what other epochs left that died or went, and tells what others did since the last
/// look. For stores that are shared; cheap when nothing happened.
struct Look : Operation {
  Look() : Operation(OperationKind::kLook) {}
  WallTime now{};

  std::uint32_t others = 0;      ///< as of a renewal
  bool changed = false;          ///< somebody else changed the store, or it was taken over from
  std::uint64_t taken_over = 0;  ///< deliveries: ready, or dead as ambiguous
  std::vector<BacklogCount> backlog;  ///< if changed: as the batch leaves it
};

/// A row that the epoch owns.
struct OwnedDelivery {
  message::DeliveryId id;
  std::string output;
  message::DeliveryState state = message::DeliveryState::kClaimed;  ///< or kSending
  message::DeliveryClass queue = message::DeliveryClass::kNormal;
  std::uint32_t attempts = 0;
  std::uint32_t crashes = 0;
};

/// Tells which rows the epoch owns, as of this place in the batch: in the order of their ids, those
/// behind `after`.
struct Owned : Operation {
  Owned() : Operation(OperationKind::kOwned) {}
  message::DeliveryId after;  ///< no id: from the first
  std::uint32_t limit = 0;    ///< at most kPageRowsMax

  std::vector<OwnedDelivery> owned;  ///< fewer than `limit`: there are no more
};

/// How a store is opened.
struct OpenOptions {
  /// Beside the gateways that use the store already, as the next process of an upgrade does. Else
  /// the storage's own settings say whether it may be shared.
  bool join = false;
};

/// What a storage found when it was opened.
struct StoreState {
  Epoch epoch = 0;                    ///< ours, new
  std::uint32_t node = 0;             ///< 0..1023, no living epoch has it
  message::NotificationId high_mark;  ///< no id at or below may be given again
  std::uint64_t taken_over = 0;       ///< deliveries of dead epochs: ready, or dead as ambiguous
  std::vector<BacklogCount> backlog;
};

/// A page of what is stored.
struct Query {
  enum class What : std::uint8_t {
    kNotification,  ///< one, by `id`, and all its deliveries
    kDeadLetters,   ///< newest first, below `before` when given, of `output` when given;
                    ///< discarded ones too
    kHealth,        ///< no rows: only QueryResult::health
    kBacklog,       ///< no deliveries: only QueryResult::backlog
    kExists,        ///< of `ids`, those that are stored: after a commit of unknown outcome
    kByKey,         ///< notifications whose key is `text`, newest first, below `before` when given;
                    ///< their deliveries are not told. Code::kNotFound: the store is not made to
                    ///< search by it
    kByExternalId,  ///< the same, by external_id
  };
  What what = What::kNotification;
  message::NotificationId id;
  std::string output;
  std::optional<message::DeliveryId> before;
  std::uint32_t limit = 100;  ///< at most kPageRowsMax
  std::vector<message::NotificationId> ids;
  std::string text;
};
inline constexpr std::uint32_t kPageRowsMax = 500;

struct DeliveryRow {
  message::DeliveryId id;
  std::string output;
  std::string address;
  message::DeliveryState state = message::DeliveryState::kReady;
  message::ReviewState review = message::ReviewState::kPending;
  std::uint32_t attempts = 0;
  WallTime next_at{};  ///< kDead: when it died
  WallTime updated_at{};
  std::string reason;
  std::string provider_id;
  bool cancel_requested = false;
  std::optional<WallTime> redrive_at;  ///< of a dead one
};

struct NotificationRow {
  message::NotificationId id;
  std::string input;
  std::string caller;
  WallTime accepted_at{};
  std::string payload;
};

struct StoreHealth {
  std::uint64_t size_bytes = 0;  ///< on disk, logs included
  std::uint64_t free_disk_bytes = 0;
  std::optional<WallTime> oldest_ready;  ///< the earliest next_at that waits
};

struct QueryResult {
  std::optional<NotificationRow> notification;
  std::vector<DeliveryRow> deliveries;
  std::vector<NotificationRow> notifications;  ///< found, or those of kDeadLetters' rows, once each
  std::vector<BacklogCount> backlog;
  std::vector<message::NotificationId> found;  ///< kExists
  StoreHealth health;
};

/// How a batch ended.
struct Applied {
  enum class Kind : std::uint8_t {
    kCommitted,
    kFailed,   ///< nothing was written; the same batch may be applied again. kFull: the disk is
               ///< full, and what has no appends may still fit
    kUnknown,  ///< the commit's outcome is unknown: reopen and look
  };
  Kind kind = Kind::kCommitted;
  Error error;  ///< unless kCommitted; kFull: the disk
};

/// A store of the outbox. Everything but the reads and blocking() is called on the storage's loop.
class Storage {
 public:
  virtual ~Storage() = default;

  /// True: apply() blocks, so the host gives it a loop that may.
  virtual bool blocking() const = 0;

  /// Opens or creates the store, migrates it forward, begins a new epoch, and takes over what dead
  /// epochs left. Errors name what to do: a newer schema, a corrupt file, no permission, another
  /// gateway that uses it and may not be joined. After a close() that followed kUnknown the epoch
  /// goes on: the state's is the same, nothing of it is taken over.
  virtual Result<StoreState> open(WallTime now, const OpenOptions& options) = 0;

  /// Applies the operations in order as one transaction. `done` is called once, on the storage's
  /// loop, possibly before this returns. Never called while another batch is under way.
  virtual void apply(std::span<Operation* const> batch, Function<void(Applied)> done) = 0;

  /// Reads through a connection of its own. Any thread but a serving loop; at most one page and
  /// 100 ms. Errors: kUnavailable, kIo.
  virtual Result<QueryResult> query(const Query& query) = 0;

  /// One record, or nothing; as query() reads. What has expired by `now` is not there.
  virtual Result<std::optional<Record>> get_record(std::string_view collection,
                                                   std::string_view key, WallTime now) = 0;
  /// A page of a collection; as query() reads.
  virtual Result<RecordPage> scan_records(const RecordScan& scan, WallTime now) = 0;

  /// Gives up what open() took, the epoch included unless the last outcome was kUnknown. No batch
  /// is under way.
  virtual void close() = 0;
};

}  // namespace tocsin::stage
