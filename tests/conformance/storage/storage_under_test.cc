#include "tests/conformance/storage/storage_under_test.h"

#include <dlfcn.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <deque>

namespace tocsin::conformance {

namespace {

const tocsin_plugin* load(const std::string& library) {
  void* handle = ::dlopen(library.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (handle == nullptr) {
    ADD_FAILURE() << ::dlerror();
    std::abort();
  }
  const auto entry = reinterpret_cast<tocsin_entry_fn>(::dlsym(handle, "tocsin_plugin_v0"));
  return entry();
}

std::string words_of(const tocsin_fault& fault) { return {fault.what, fault.what_len}; }

struct SettingValues {
  explicit SettingValues(const Settings& settings) {
    for (const Setting& setting : settings) {
      tocsin_value value{};
      value.size = sizeof value;
      value.text = str(setting.text);
      value.integer = setting.number;
      std::vector<tocsin_value>& items = lists.emplace_back();
      for (const std::string& text : setting.list) {
        items.push_back({});
        items.back().size = sizeof(tocsin_value);
        items.back().text = str(text);
      }
      value.items = items.data();
      value.count = static_cast<std::uint32_t>(items.size());
      value.stride = sizeof(tocsin_value);
      values.push_back(value);
      keys.push_back(str(setting.key));
    }
    table.size = sizeof table;
    table.type = TOCSIN_MAP;
    table.items = values.data();
    table.keys = keys.data();
    table.count = static_cast<std::uint32_t>(values.size());
    table.stride = sizeof(tocsin_value);
  }
  std::vector<tocsin_value> values;
  std::deque<std::vector<tocsin_value>> lists;
  std::vector<tocsin_str> keys;
  tocsin_value table{};
};

template <typename Operation>
Operation make(std::uint32_t kind) {
  Operation operation{};
  operation.size = sizeof operation;
  operation.kind = kind;
  return operation;
}

tocsin_row_sink sink_into(Page& page) {
  tocsin_row_sink sink{};
  sink.size = sizeof sink;
  sink.user = &page;
  sink.notification = [](void* user, const tocsin_stored_notification* row) {
    static_cast<Page*>(user)->notifications.push_back(
        {row->id, text(row->input), text(row->caller), text(row->payload), row->accepted_at_ns});
  };
  sink.delivery = [](void* user, const tocsin_stored_delivery* row) {
    static_cast<Page*>(user)->deliveries.push_back(
        {row->notification_id, row->ordinal, row->state, row->review, row->attempts,
         row->cancel_requested != 0, text(row->output), text(row->address), text(row->reason),
         text(row->provider_id), row->next_at_ns, row->updated_at_ns, row->redrive_at_ns});
  };
  sink.backlog = [](void* user, const tocsin_backlog_count* row) {
    static_cast<Page*>(user)->backlog[text(row->output)] = {row->ready, row->dead};
    static_cast<Page*>(user)->oldest_ready_ns[text(row->output)] = row->oldest_ready_ns;
  };
  sink.found = [](void* user, std::uint64_t id) { static_cast<Page*>(user)->found.push_back(id); };
  sink.health = [](void* user, const tocsin_store_health* health) {
    static_cast<Page*>(user)->health = *health;
  };
  return sink;
}

tocsin_record_sink sink_into(RecordPage& page) {
  tocsin_record_sink sink{};
  sink.size = sizeof sink;
  sink.user = &page;
  sink.record = [](void* user, const tocsin_record* row) {
    static_cast<RecordPage*>(user)->records.push_back(
        {text(row->key), text(row->value), row->version, row->expires_at_ns});
  };
  return sink;
}

}  // namespace

// ---- operations

Append::Append(std::uint64_t id, std::string_view payload) {
  op = make<tocsin_append>(TOCSIN_OP_APPEND);
  op.id = id;
  op.input = str("api");
  op.topic = str("t");
  op.payload = str(payload);
  op.level = TOCSIN_LEVEL_INFO;
  op.accepted_at_ns = kStart;
  op.delivery_stride = sizeof(tocsin_new_delivery);
}

Append& Append::to(std::string_view output, std::uint32_t state, std::int64_t next_at_ns,
                   std::string_view address) {
  tocsin_new_delivery row{};
  row.output = str(output);
  row.address = str(address);
  row.state = state;
  row.delivery_class = class_;
  row.next_at_ns = next_at_ns;
  rows_.push_back(row);
  return *this;
}

Append& Append::keyed(std::uint64_t key, std::uint64_t body, std::int64_t expires_at_ns) {
  op.keyed = 1;
  // Spread as a hash spreads them.
  op.key_hash[0] = key * 0x9E3779B97F4A7C15U;
  op.key_hash[1] = (key + 1) * 0xC2B2AE3D27D4EB4FU;
  op.body_hash[0] = body;
  op.body_hash[1] = ~body;
  op.key_expires_at_ns = expires_at_ns;
  return *this;
}

Append& Append::in_stream(std::string_view name, std::uint64_t first, std::uint64_t next) {
  op.stream = str(name);
  op.stream_first = first;
  op.stream_next = next;
  return *this;
}

Append& Append::from(std::string_view caller) {
  op.caller = str(caller);
  return *this;
}

Append& Append::level(std::uint32_t level) {
  op.level = level;
  return *this;
}

Append& Append::in_class(std::uint32_t delivery_class) {
  class_ = delivery_class;
  return *this;
}

Append& Append::dropped_by(std::string_view filter) {
  op.dropped_by = str(filter);
  return *this;
}

Append& Append::at(std::int64_t accepted_at_ns) {
  op.accepted_at_ns = accepted_at_ns;
  return *this;
}

Append& Append::grouped(std::string_view key) {
  op.group_key = str(key);
  return *this;
}

Append& Append::ordered(std::uint32_t ordering) {
  rows_.back().ordering = ordering;
  return *this;
}

Append& Append::due(std::int64_t next_at_ns) {
  rows_.back().next_at_ns = next_at_ns;
  return *this;
}

Append& Append::external(std::string_view id) {
  op.external_id = str(id);
  return *this;
}

Append& Append::expires(std::int64_t expires_at_ns) {
  op.expires_at_ns = expires_at_ns;
  return *this;
}

tocsin_claim claim_of(std::string_view output, std::uint32_t limit, std::int64_t now_ns,
                      std::uint32_t delivery_class) {
  auto op = make<tocsin_claim>(TOCSIN_OP_CLAIM);
  op.output = str(output);
  op.limit = limit;
  op.now_ns = now_ns;
  op.delivery_class = delivery_class;
  return op;
}

tocsin_settle settle_of(std::uint64_t id, std::uint32_t state, std::uint32_t ordinal,
                        std::int64_t at_ns) {
  auto op = make<tocsin_settle>(TOCSIN_OP_SETTLE);
  op.notification_id = id;
  op.ordinal = ordinal;
  op.state = state;
  op.at_ns = at_ns;
  return op;
}

tocsin_cancel cancel_of(std::uint64_t id, std::string_view caller) {
  auto op = make<tocsin_cancel>(TOCSIN_OP_CANCEL);
  op.notification_id = id;
  op.caller = str(caller);
  op.at_ns = kStart;
  return op;
}

tocsin_supersede supersede_of(std::uint64_t id, std::string_view caller, std::string_view key,
                              std::uint32_t limit) {
  auto op = make<tocsin_supersede>(TOCSIN_OP_SUPERSEDE);
  op.notification_id = id;
  op.caller = str(caller);
  op.group_key = str(key);
  op.at_ns = kStart;
  op.limit = limit;
  return op;
}

tocsin_reschedule reschedule_of(std::uint64_t id, std::string_view caller,
                                std::int64_t next_at_ns) {
  auto op = make<tocsin_reschedule>(TOCSIN_OP_RESCHEDULE);
  op.notification_id = id;
  op.caller = str(caller);
  op.at_ns = kStart;
  op.next_at_ns = next_at_ns;
  return op;
}

tocsin_redrive_due redrive_due_of(std::int64_t now_ns, std::uint32_t limit,
                                  std::string_view output) {
  auto op = make<tocsin_redrive_due>(TOCSIN_OP_REDRIVE_DUE);
  op.now_ns = now_ns;
  op.limit = limit;
  op.output = str(output);
  return op;
}

tocsin_amend amend_of(std::uint64_t id, std::uint32_t was, std::uint32_t state,
                      std::string_view reason, std::string_view provider_id,
                      std::int64_t was_updated_at_ns) {
  auto op = make<tocsin_amend>(TOCSIN_OP_AMEND);
  op.notification_id = id;
  op.was = was;
  op.state = state;
  op.was_updated_at_ns = was_updated_at_ns;
  op.at_ns = kStart + kSecond;
  op.reason = str(reason);
  op.provider_id = str(provider_id);
  return op;
}

tocsin_review review_of(std::uint64_t id, std::uint32_t verb, std::uint32_t ordinal) {
  auto op = make<tocsin_review>(TOCSIN_OP_REVIEW);
  op.notification_id = id;
  op.ordinal = ordinal;
  op.verb = verb;
  op.at_ns = kStart;
  return op;
}

tocsin_move move_of(std::string_view from, std::string_view to, std::uint32_t limit, bool dead) {
  auto op = make<tocsin_move>(TOCSIN_OP_MOVE);
  op.from = str(from);
  op.to = str(to);
  op.limit = limit;
  op.dead = dead ? 1 : 0;
  return op;
}

tocsin_blame blame_of(std::uint64_t id, std::uint32_t ordinal) {
  auto op = make<tocsin_blame>(TOCSIN_OP_BLAME);
  op.notification_id = id;
  op.ordinal = ordinal;
  return op;
}

tocsin_purge purge_of(std::int64_t before_ns, std::int64_t now_ns, std::uint32_t rows_max,
                      std::uint64_t size_max) {
  auto op = make<tocsin_purge>(TOCSIN_OP_PURGE);
  op.before_ns = before_ns;
  op.now_ns = now_ns;
  op.rows_max = rows_max;
  op.size_max = size_max;
  return op;
}

tocsin_owned owned_of(std::uint32_t limit, std::uint64_t after_id, std::uint32_t after_ordinal) {
  tocsin_owned op{};
  op.size = sizeof(op);
  op.kind = TOCSIN_OP_OWNED;
  op.after_notification_id = after_id;
  op.after_ordinal = after_ordinal;
  op.limit = limit;
  return op;
}

tocsin_look look_of(std::int64_t now_ns) {
  auto op = make<tocsin_look>(TOCSIN_OP_LOOK);
  op.now_ns = now_ns;
  return op;
}

tocsin_renew renew_of(std::uint64_t high_mark) {
  auto op = make<tocsin_renew>(TOCSIN_OP_RENEW);
  op.high_mark = high_mark;
  op.at_ns = kStart;
  return op;
}

tocsin_record_change put_of(std::string_view key, std::string_view value, std::uint64_t version,
                            std::uint64_t if_version, std::int64_t expires_at_ns) {
  auto op = make<tocsin_record_change>(TOCSIN_OP_RECORD);
  op.verb = TOCSIN_RECORD_PUT;
  op.collection = str("c");
  op.key = str(key);
  op.value = str(value);
  op.version = version;
  op.if_version = if_version;
  op.now_ns = kStart;
  op.expires_at_ns = expires_at_ns;
  return op;
}

tocsin_record_change remove_of(std::string_view key, std::uint64_t if_version) {
  tocsin_record_change op = put_of(key, {}, 0, if_version);
  op.verb = TOCSIN_RECORD_REMOVE;
  return op;
}

tocsin_record_scan scan_of(std::string_view prefix, std::string_view after, std::uint32_t limit) {
  tocsin_record_scan scan{};
  scan.size = sizeof scan;
  scan.collection = str("c");
  scan.prefix = str(prefix);
  scan.after = str(after);
  scan.limit = limit;
  scan.now_ns = kStart;
  return scan;
}

// ---- the host

// The contract's opaque worker and instance are the test's own object.
struct StorageUnderTest::HostDoor {
  static void log(tocsin_instance* instance, std::uint32_t, tocsin_str message) {
    reinterpret_cast<StorageUnderTest*>(instance)->log_lines.push_back(text(message));
  }
  static std::uint32_t log_enabled(tocsin_instance*, std::uint32_t) { return 1; }
  static std::int64_t wall_ns(tocsin_instance* instance) {
    return reinterpret_cast<StorageUnderTest*>(instance)->wall_ns;
  }
  static std::uint32_t applied(tocsin_worker* worker, tocsin_token token, std::uint32_t outcome,
                               const tocsin_fault* fault) {
    auto& self = *reinterpret_cast<StorageUnderTest*>(worker);
    EXPECT_EQ(token, self.token_) << "a batch was completed twice, or another one";
    self.token_ = 0;
    self.applied_ = {outcome, fault->code, words_of(*fault)};
    return TOCSIN_OK;
  }
  static const tocsin_host* table() {
    static const tocsin_host host = [] {
      tocsin_host made{};
      made.size = sizeof made;
      made.abi_major = TOCSIN_ABI_MAJOR;
      made.log = log;
      made.log_enabled = log_enabled;
      made.wall_ns = wall_ns;
      made.applied = applied;
      return made;
    }();
    return &host;
  }
};

StorageUnderTest::StorageUnderTest(const std::string& library, const Settings& settings)
    : plugin_(load(library)) {
  const SettingValues values(settings);
  tocsin_create create{};
  create.size = sizeof create;
  create.host = HostDoor::table();
  create.instance = reinterpret_cast<tocsin_instance*>(this);
  create.id = str("storage");
  create.settings = &values.table;
  tocsin_fault fault{};
  fault.size = sizeof fault;
  EXPECT_EQ(plugin_->create(&create, &self_, &fault), std::uint32_t{TOCSIN_OK}) << words_of(fault);
  plugin_->worker_init(self_, reinterpret_cast<tocsin_worker*>(this), &worker_self_, &fault);
}

StorageUnderTest::~StorageUnderTest() {
  plugin_->worker_fini(worker_self_);
  plugin_->destroy(self_);
}

Opened StorageUnderTest::open(std::int64_t now_ns, bool join) {
  const tocsin_store_open how{sizeof(tocsin_store_open), join ? 1U : 0U, now_ns};
  tocsin_store_state state{};
  state.size = sizeof state;
  tocsin_fault fault{};
  fault.size = sizeof fault;
  Opened opened;
  opened.status = plugin_->storage->open(worker_self_, &how, &state, &fault);
  opened.fault = words_of(fault);
  if (opened.status != TOCSIN_OK) return opened;
  opened.epoch = state.epoch;
  opened.node = state.node;
  opened.high_mark = state.high_mark;
  opened.taken_over = state.taken_over;
  const auto* bytes = reinterpret_cast<const char*>(state.backlog);
  for (std::uint32_t i = 0; i < state.backlog_count; ++i, bytes += state.backlog_stride) {
    const auto& count = *reinterpret_cast<const tocsin_backlog_count*>(bytes);
    opened.backlog[text(count.output)] = {count.ready, count.dead};
  }
  return opened;
}

void StorageUnderTest::close() { plugin_->storage->close(worker_self_); }

tocsin_operation* StorageUnderTest::seal(Append& append) {
  append.op.deliveries = append.rows_.data();
  append.op.delivery_count = static_cast<std::uint32_t>(append.rows_.size());
  return reinterpret_cast<tocsin_operation*>(&append.op);
}

Applied StorageUnderTest::apply_all(const std::vector<tocsin_operation*>& operations) {
  applied_ = {};
  token_ = 7;
  plugin_->storage->apply(worker_self_, operations.data(),
                          static_cast<std::uint32_t>(operations.size()), token_);
  // An asynchronous storage will need a loop here.
  EXPECT_EQ(token_, 0U) << "the batch was not completed";
  return applied_;
}

Page StorageUnderTest::query(const tocsin_query& query) {
  Page page;
  const tocsin_row_sink sink = sink_into(page);
  tocsin_fault fault{};
  fault.size = sizeof fault;
  page.status = plugin_->storage->query(self_, &query, &sink, &fault);
  page.fault = words_of(fault);
  return page;
}

Page StorageUnderTest::notification(std::uint64_t id) {
  tocsin_query query{};
  query.size = sizeof query;
  query.kind = TOCSIN_QUERY_NOTIFICATION;
  query.notification_id = id;
  return this->query(query);
}

int StorageUnderTest::state_of(std::uint64_t id, std::uint32_t ordinal) {
  for (const DeliveryRow& row : notification(id).deliveries) {
    if (row.ordinal == ordinal) return static_cast<int>(row.state);
  }
  return -1;
}

Page StorageUnderTest::dead_letters(std::string_view output, std::uint32_t limit,
                                    std::uint64_t before_id, std::uint32_t before_ordinal) {
  tocsin_query query{};
  query.size = sizeof query;
  query.kind = TOCSIN_QUERY_DEAD_LETTERS;
  query.output = str(output);
  query.limit = limit;
  query.before_notification_id = before_id;
  query.before_ordinal = before_ordinal;
  return this->query(query);
}

Page StorageUnderTest::find(std::uint32_t kind, std::string_view text, std::uint32_t limit,
                            std::uint64_t before_id) {
  tocsin_query query{};
  query.size = sizeof query;
  query.kind = kind;
  query.text = str(text);
  query.limit = limit;
  query.before_notification_id = before_id;
  return this->query(query);
}

Backlogs StorageUnderTest::backlog() { return backlog_page().backlog; }

Page StorageUnderTest::backlog_page() {
  tocsin_query query{};
  query.size = sizeof query;
  query.kind = TOCSIN_QUERY_BACKLOG;
  return this->query(query);
}

std::vector<std::uint64_t> StorageUnderTest::existing(const std::vector<std::uint64_t>& ids) {
  tocsin_query query{};
  query.size = sizeof query;
  query.kind = TOCSIN_QUERY_EXISTS;
  query.ids = ids.data();
  query.id_count = static_cast<std::uint32_t>(ids.size());
  return this->query(query).found;
}

RecordPage StorageUnderTest::record(std::string_view key, std::int64_t now_ns,
                                    std::string_view collection) {
  RecordPage page;
  const tocsin_record_sink sink = sink_into(page);
  tocsin_fault fault{};
  fault.size = sizeof fault;
  page.status =
      plugin_->storage->records->get(self_, str(collection), str(key), now_ns, &sink, &fault);
  page.fault = words_of(fault);
  return page;
}

RecordPage StorageUnderTest::scan(const tocsin_record_scan& scan) {
  RecordPage page;
  const tocsin_record_sink sink = sink_into(page);
  tocsin_fault fault{};
  fault.size = sizeof fault;
  page.status = plugin_->storage->records->scan(self_, &scan, &sink, &fault);
  page.fault = words_of(fault);
  return page;
}

}  // namespace tocsin::conformance
