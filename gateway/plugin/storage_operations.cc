#include "gateway/plugin/storage_operations.h"

#include "gateway/base/assert.h"
#include "gateway/plugin/text.h"

namespace tocsin::plugin {

namespace {

using stage::OperationKind;

std::int64_t ns_of(WallTime when) { return when.time_since_epoch().count(); }
std::int64_t ns_of(const std::optional<WallTime>& when) { return when ? ns_of(*when) : 0; }
WallTime time_of(std::int64_t ns) { return WallTime(Duration(ns)); }
std::optional<WallTime> optional_time_of(std::int64_t ns) {
  return ns == 0 ? std::nullopt : std::optional(time_of(ns));
}

template <typename C>
C headed(std::uint32_t kind) {
  C operation{};
  operation.size = sizeof(operation);
  operation.kind = kind;
  return operation;
}

tocsin_renew convert(const stage::Renew& from) {
  auto to = headed<tocsin_renew>(TOCSIN_OP_RENEW);
  to.high_mark = from.high_mark.value;
  to.at_ns = ns_of(from.at);
  return to;
}

tocsin_settle convert(const stage::Settle& from) {
  auto to = headed<tocsin_settle>(TOCSIN_OP_SETTLE);
  to.notification_id = from.id.notification.value;
  to.ordinal = from.id.ordinal;
  to.state = static_cast<std::uint32_t>(from.state);
  to.attempts = from.attempts;
  to.crashes = from.crashes;
  to.at_ns = ns_of(from.at);
  to.next_at_ns = ns_of(from.next_at);
  to.redrive_at_ns = ns_of(from.redrive_at);
  to.in_line = from.in_line ? 1 : 0;
  to.reason = str_of(from.reason);
  to.provider_id = str_of(from.provider_id);
  return to;
}

tocsin_cancel convert(const stage::Cancel& from) {
  auto to = headed<tocsin_cancel>(TOCSIN_OP_CANCEL);
  to.notification_id = from.id.value;
  to.caller = str_of(from.caller);
  to.at_ns = ns_of(from.at);
  return to;
}

tocsin_review convert(const stage::Review& from) {
  auto to = headed<tocsin_review>(TOCSIN_OP_REVIEW);
  to.notification_id = from.id.notification.value;
  to.ordinal = from.id.ordinal;
  to.verb = static_cast<std::uint32_t>(from.verb);
  to.at_ns = ns_of(from.at);
  return to;
}

tocsin_supersede convert(const stage::Supersede& from) {
  auto to = headed<tocsin_supersede>(TOCSIN_OP_SUPERSEDE);
  to.notification_id = from.id.value;
  to.caller = str_of(from.caller);
  to.group_key = str_of(from.group_key);
  to.at_ns = ns_of(from.at);
  to.limit = from.limit;
  return to;
}

tocsin_reschedule convert(const stage::Reschedule& from) {
  auto to = headed<tocsin_reschedule>(TOCSIN_OP_RESCHEDULE);
  to.notification_id = from.id.value;
  to.caller = str_of(from.caller);
  to.at_ns = ns_of(from.at);
  to.next_at_ns = ns_of(from.next_at);
  return to;
}

tocsin_redrive_due convert(const stage::RedriveDue& from) {
  auto to = headed<tocsin_redrive_due>(TOCSIN_OP_REDRIVE_DUE);
  to.now_ns = ns_of(from.now);
  to.limit = from.limit;
  to.output = str_of(from.output);
  return to;
}

tocsin_amend convert(const stage::Amend& from) {
  auto to = headed<tocsin_amend>(TOCSIN_OP_AMEND);
  to.notification_id = from.id.notification.value;
  to.ordinal = from.id.ordinal;
  to.state = static_cast<std::uint32_t>(from.state);
  to.was = static_cast<std::uint32_t>(from.was);
  to.was_updated_at_ns = ns_of(from.was_updated_at);
  to.at_ns = ns_of(from.at);
  to.reason = str_of(from.reason);
  to.provider_id = str_of(from.provider_id);
  return to;
}

tocsin_blame convert(const stage::Blame& from) {
  auto to = headed<tocsin_blame>(TOCSIN_OP_BLAME);
  to.notification_id = from.id.notification.value;
  to.ordinal = from.id.ordinal;
  return to;
}

tocsin_move convert(const stage::Move& from) {
  auto to = headed<tocsin_move>(TOCSIN_OP_MOVE);
  to.from = str_of(from.from);
  to.to = str_of(from.to);
  to.dead = from.dead ? 1 : 0;
  to.limit = from.limit;
  return to;
}

tocsin_claim convert(const stage::Claim& from) {
  auto to = headed<tocsin_claim>(TOCSIN_OP_CLAIM);
  to.output = str_of(from.output);
  to.delivery_class = static_cast<std::uint32_t>(from.queue);
  to.limit = from.limit;
  to.now_ns = ns_of(from.now);
  return to;
}

tocsin_purge convert(const stage::Purge& from) {
  auto to = headed<tocsin_purge>(TOCSIN_OP_PURGE);
  to.before_ns = ns_of(from.before);
  to.now_ns = ns_of(from.now);
  to.size_max = from.size_max;
  to.rows_max = from.rows_max;
  return to;
}

tocsin_look convert(const stage::Look& from) {
  auto to = headed<tocsin_look>(TOCSIN_OP_LOOK);
  to.now_ns = ns_of(from.now);
  return to;
}

tocsin_owned convert(const stage::Owned& from) {
  auto to = headed<tocsin_owned>(TOCSIN_OP_OWNED);
  to.after_notification_id = from.after.notification.value;
  to.after_ordinal = from.after.ordinal;
  to.limit = from.limit;
  return to;
}

tocsin_record_change convert(const stage::RecordChange& from) {
  auto to = headed<tocsin_record_change>(TOCSIN_OP_RECORD);
  to.verb = static_cast<std::uint32_t>(from.verb);
  to.collection = str_of(from.collection);
  to.key = str_of(from.key);
  to.value = str_of(from.value);
  to.if_version = from.if_version;
  to.version = from.version;
  to.now_ns = ns_of(from.now);
  to.expires_at_ns = ns_of(from.expires_at);
  return to;
}

// Its deliveries come later, when their array no longer moves; so does a settlement's successor.
tocsin_append convert(const stage::Append& from) {
  auto to = headed<tocsin_append>(TOCSIN_OP_APPEND);
  to.id = from.id.value;
  to.input = str_of(from.input);
  to.caller = str_of(from.caller);
  to.topic = str_of(from.topic);
  to.external_id = str_of(from.external_id);
  to.group_key = str_of(from.group_key);
  to.payload = str_of(from.payload);
  to.level = static_cast<std::uint32_t>(from.level);
  to.accepted_at_ns = ns_of(from.accepted_at);
  to.expires_at_ns = ns_of(from.expires_at);
  to.dropped_by = str_of(from.dropped_by);
  if (from.key) {
    to.keyed = 1;
    to.key_hash[0] = from.key->hash[0];
    to.key_hash[1] = from.key->hash[1];
    to.body_hash[0] = from.key->body_hash[0];
    to.body_hash[1] = from.key->body_hash[1];
    to.key_expires_at_ns = ns_of(from.key->expires_at);
  }
  if (from.position) {
    to.stream = str_of(from.position->source);
    to.stream_first = from.position->first;
    to.stream_next = from.position->next;
  }
  return to;
}

tocsin_new_delivery convert(const stage::NewDelivery& from) {
  tocsin_new_delivery to{};
  to.output = str_of(from.output);
  to.address = str_of(from.address);
  to.state = static_cast<std::uint32_t>(from.state);
  to.delivery_class = static_cast<std::uint32_t>(from.queue);
  to.mirror = from.mirror ? 1 : 0;
  to.ordering = static_cast<std::uint32_t>(from.ordering);
  to.next_at_ns = ns_of(from.next_at);
  return to;
}

bool read_back(const tocsin_append& from, stage::Append& to) {
  if (from.outcome > TOCSIN_APPEND_SKIPPED) return false;
  to.outcome = static_cast<stage::Append::Outcome>(from.outcome);
  to.earlier_id = {from.earlier_id};
  to.earlier_deliveries = from.earlier_deliveries;
  to.earlier_dropped_by = copy_of(from.earlier_dropped_by);
  return true;
}

bool read_back(const tocsin_claim& from, stage::Claim& to) {
  if (from.claimed_count > from.limit || (from.claimed_count > 0 && from.claimed == nullptr)) {
    return false;
  }
  to.next_due = optional_time_of(from.next_due_ns);
  to.claimed.clear();
  to.claimed.reserve(from.claimed_count);
  for (std::uint32_t i = 0; i < from.claimed_count; ++i) {
    const tocsin_claimed_delivery& row = item_of(from.claimed, from.claimed_stride, i);
    stage::ClaimedDelivery& claimed = to.claimed.emplace_back();
    claimed.id = {{row.notification_id}, row.ordinal};
    claimed.address = copy_of(row.address);
    claimed.attempts = row.attempts;
    claimed.crashes = row.crashes;
    claimed.next_at = time_of(row.next_at_ns);
    claimed.payload = copy_of(row.payload);
    claimed.accepted_at = time_of(row.accepted_at_ns);
    claimed.expires_at = optional_time_of(row.expires_at_ns);
    claimed.redriven = row.redriven != 0;
    claimed.redrives = row.redrives;
    claimed.mirror = row.mirror != 0;
    claimed.in_line = row.in_line != 0;
  }
  return true;
}

bool read_back(const tocsin_settle& from, stage::Settle& to) {
  to.changed = from.changed != 0;
  to.cancelled = from.cancelled != 0;
  to.successor_ordinal = from.successor_ordinal;
  to.freed = from.freed != 0;
  return true;
}

bool read_back(const tocsin_cancel& from, stage::Cancel& to) {
  to.found = from.found != 0;
  to.cancelled = from.cancelled;
  to.in_flight = from.in_flight;
  to.done = from.done;
  return true;
}

bool read_back(const tocsin_supersede& from, stage::Supersede& to) {
  if (from.in_flight_count > 0 && from.in_flight_ids == nullptr) return false;
  to.cancelled = from.cancelled;
  to.more = from.more != 0;
  to.in_flight.clear();
  for (std::uint32_t i = 0; i < from.in_flight_count; ++i) {
    to.in_flight.push_back({from.in_flight_ids[i]});
  }
  return from.cancelled <= to.limit;
}

bool read_back(const tocsin_reschedule& from, stage::Reschedule& to) {
  if (from.output_count > 0 && from.outputs == nullptr) return false;
  to.found = from.found != 0;
  to.expires = from.expires != 0;
  to.rescheduled = from.rescheduled;
  to.in_flight = from.in_flight;
  to.done = from.done;
  to.outputs.clear();
  for (std::uint32_t i = 0; i < from.output_count; ++i) {
    to.outputs.push_back(copy_of(from.outputs[i]));
  }
  return true;
}

bool read_back(const tocsin_redrive_due& from, stage::RedriveDue& to) {
  if (from.output_count > 0 && from.outputs == nullptr) return false;
  to.redriven = from.redriven;
  to.next_due = optional_time_of(from.next_due_ns);
  to.outputs.clear();
  for (std::uint32_t i = 0; i < from.output_count; ++i) {
    to.outputs.push_back(copy_of(from.outputs[i]));
  }
  return from.redriven <= to.limit && from.output_count == from.redriven;
}

bool read_back(const tocsin_review& from, stage::Review& to) {
  to.changed = from.changed != 0;
  to.output = copy_of(from.output);
  return true;
}

bool read_back(const tocsin_renew& from, stage::Renew& to) {
  to.others = from.others;
  return true;
}

bool read_back(const tocsin_look& from, stage::Look& to) {
  if (from.backlog_count > 0 && from.backlog == nullptr) return false;
  to.others = from.others;
  to.changed = from.changed != 0;
  to.taken_over = from.taken_over;
  to.backlog.clear();
  for (std::uint32_t i = 0; i < from.backlog_count; ++i) {
    const tocsin_backlog_count& row = item_of(from.backlog, from.backlog_stride, i);
    to.backlog.push_back({copy_of(row.output), row.ready, row.dead});
  }
  return true;
}

bool read_back(const tocsin_owned& from, stage::Owned& to) {
  to.owned.clear();
  if (from.owned_count > to.limit) return false;
  if (from.owned_count > 0 && from.owned == nullptr) return false;
  for (std::uint32_t i = 0; i < from.owned_count; ++i) {
    const tocsin_owned_delivery& row = item_of(from.owned, from.owned_stride, i);
    const bool owned = row.state == TOCSIN_STATE_CLAIMED || row.state == TOCSIN_STATE_SENDING;
    if (!owned || row.delivery_class > 1) return false;
    to.owned.push_back({.id = {{row.notification_id}, row.ordinal},
                        .output = copy_of(row.output),
                        .state = static_cast<message::DeliveryState>(row.state),
                        .queue = static_cast<message::DeliveryClass>(row.delivery_class),
                        .attempts = row.attempts,
                        .crashes = row.crashes});
  }
  return true;
}

bool read_back(const tocsin_amend& from, stage::Amend& to) {
  to.changed = from.changed != 0;
  to.mirror = from.mirror != 0;
  to.successor_ordinal = from.successor_ordinal;
  to.freed = from.freed != 0;
  return true;
}

bool read_back(const tocsin_blame& from, stage::Blame& to) {
  to.changed = from.changed != 0;
  return true;
}

bool read_back(const tocsin_move& from, stage::Move& to) {
  to.moved = from.moved;
  to.more = from.more != 0;
  return from.moved <= to.limit;
}

bool read_back(const tocsin_purge& from, stage::Purge& to) {
  to.deleted = from.deleted;
  to.more = from.more != 0;
  to.oversize = from.oversize != 0;
  return true;
}

bool read_back(const tocsin_record_change& from, stage::RecordChange& to) {
  to.changed = from.changed != 0;
  to.found = from.found_version;
  return true;
}

}  // namespace

union StorageOperations::AnyOperation {
  tocsin_operation head;
  tocsin_renew renew;
  tocsin_settle settle;
  tocsin_cancel cancel;
  tocsin_review review;
  tocsin_append append;
  tocsin_claim claim;
  tocsin_purge purge;
  tocsin_blame blame;
  tocsin_record_change record;
  tocsin_move move;
  tocsin_look look;
  tocsin_supersede supersede;
  tocsin_reschedule reschedule;
  tocsin_redrive_due redrive_due;
  tocsin_amend amend;
  tocsin_owned owned;
};

StorageOperations::StorageOperations() = default;
StorageOperations::~StorageOperations() = default;

void StorageOperations::load(std::span<stage::Operation* const> batch) {
  batch_ = batch;
  converted_.resize(batch.size());
  operations_.clear();
  deliveries_.clear();
  for (std::size_t i = 0; i < batch.size(); ++i) {
    convert_one(*batch[i], converted_[i]);
    operations_.push_back(&converted_[i].head);
  }
  std::size_t next = 0;
  for (std::size_t i = 0; i < batch.size(); ++i) {
    if (batch[i]->kind == OperationKind::kAppend) {
      tocsin_append& append = converted_[i].append;
      append.deliveries = deliveries_.data() + next;
      next += append.delivery_count;
    } else if (batch[i]->kind == OperationKind::kSettle &&
               static_cast<const stage::Settle&>(*batch[i]).successor) {
      converted_[i].settle.successor = deliveries_.data() + next++;
    } else if (batch[i]->kind == OperationKind::kAmend &&
               static_cast<const stage::Amend&>(*batch[i]).successor) {
      converted_[i].amend.successor = deliveries_.data() + next++;
    }
  }
}

void StorageOperations::convert_one(const stage::Operation& from, AnyOperation& to) {
  switch (from.kind) {
    case OperationKind::kRenew:
      to.renew = convert(static_cast<const stage::Renew&>(from));
      return;
    case OperationKind::kSettle: {
      const auto& settle = static_cast<const stage::Settle&>(from);
      to.settle = convert(settle);
      if (settle.successor) deliveries_.push_back(convert(*settle.successor));
      return;
    }
    case OperationKind::kCancel:
      to.cancel = convert(static_cast<const stage::Cancel&>(from));
      return;
    case OperationKind::kReview:
      to.review = convert(static_cast<const stage::Review&>(from));
      return;
    case OperationKind::kClaim:
      to.claim = convert(static_cast<const stage::Claim&>(from));
      return;
    case OperationKind::kBlame:
      to.blame = convert(static_cast<const stage::Blame&>(from));
      return;
    case OperationKind::kPurge:
      to.purge = convert(static_cast<const stage::Purge&>(from));
      return;
    case OperationKind::kRecord:
      to.record = convert(static_cast<const stage::RecordChange&>(from));
      return;
    case OperationKind::kMove:
      to.move = convert(static_cast<const stage::Move&>(from));
      return;
    case OperationKind::kLook:
      to.look = convert(static_cast<const stage::Look&>(from));
      return;
    case OperationKind::kSupersede:
      to.supersede = convert(static_cast<const stage::Supersede&>(from));
      return;
    case OperationKind::kReschedule:
      to.reschedule = convert(static_cast<const stage::Reschedule&>(from));
      return;
    case OperationKind::kRedriveDue:
      to.redrive_due = convert(static_cast<const stage::RedriveDue&>(from));
      return;
    case OperationKind::kAmend: {
      const auto& amend = static_cast<const stage::Amend&>(from);
      to.amend = convert(amend);
      if (amend.successor) deliveries_.push_back(convert(*amend.successor));
      return;
    }
    case OperationKind::kOwned:
      to.owned = convert(static_cast<const stage::Owned&>(from));
      return;
    case OperationKind::kAppend: {
      const auto& append = static_cast<const stage::Append&>(from);
      to.append = convert(append);
      to.append.delivery_count = static_cast<std::uint32_t>(append.deliveries.size());
      to.append.delivery_stride = sizeof(tocsin_new_delivery);
      for (const stage::NewDelivery& delivery : append.deliveries) {
        deliveries_.push_back(convert(delivery));
      }
      return;
    }
  }
  TOCSIN_ASSERT(false, "an operation of no kind");
}

bool StorageOperations::read_results() {
  for (std::size_t i = 0; i < batch_.size(); ++i) {
    if (!read_one(converted_[i], *batch_[i])) return false;
  }
  return true;
}

bool StorageOperations::read_one(const AnyOperation& from, stage::Operation& to) {
  switch (to.kind) {
    case OperationKind::kRenew:
      return read_back(from.renew, static_cast<stage::Renew&>(to));
    case OperationKind::kSettle:
      return read_back(from.settle, static_cast<stage::Settle&>(to));
    case OperationKind::kCancel:
      return read_back(from.cancel, static_cast<stage::Cancel&>(to));
    case OperationKind::kReview:
      return read_back(from.review, static_cast<stage::Review&>(to));
    case OperationKind::kAppend:
      return read_back(from.append, static_cast<stage::Append&>(to));
    case OperationKind::kClaim:
      return read_back(from.claim, static_cast<stage::Claim&>(to));
    case OperationKind::kBlame:
      return read_back(from.blame, static_cast<stage::Blame&>(to));
    case OperationKind::kPurge:
      return read_back(from.purge, static_cast<stage::Purge&>(to));
    case OperationKind::kRecord:
      return read_back(from.record, static_cast<stage::RecordChange&>(to));
    case OperationKind::kMove:
      return read_back(from.move, static_cast<stage::Move&>(to));
    case OperationKind::kLook:
      return read_back(from.look, static_cast<stage::Look&>(to));
    case OperationKind::kSupersede:
      return read_back(from.supersede, static_cast<stage::Supersede&>(to));
    case OperationKind::kReschedule:
      return read_back(from.reschedule, static_cast<stage::Reschedule&>(to));
    case OperationKind::kRedriveDue:
      return read_back(from.redrive_due, static_cast<stage::RedriveDue&>(to));
    case OperationKind::kAmend:
      return read_back(from.amend, static_cast<stage::Amend&>(to));
    case OperationKind::kOwned:
      return read_back(from.owned, static_cast<stage::Owned&>(to));
  }
  return false;
}

}  // namespace tocsin::plugin
