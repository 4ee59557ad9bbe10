#include "gateway/plugin/storage_adapter.h"

#include <gtest/gtest.h>

#include "tests/unit/plugin/plugin_harness.h"

namespace tocsin::plugin {
namespace {

using message::DeliveryState;

struct StoreScript {
  std::function<void(const sdk::Host&, tocsin_operation* const*, std::uint32_t, tocsin_token)>
      apply;
  std::function<bool(const tocsin_query&, const tocsin_row_sink&, sdk::Fault&)> query;
  std::function<bool(tocsin_store_state&, sdk::Fault&)> open;
  std::function<bool(std::string_view, std::string_view, const tocsin_record_sink&, sdk::Fault&)>
      get;
  std::function<bool(const tocsin_record_scan&, const tocsin_record_sink&, sdk::Fault&)> scan;
  bool closed = false;
  bool joins = false;
};

class ScriptedStore final : public sdk::Storage {
 public:
  using Script = Scripted<StoreScript>;
  struct Settings {
    bool load(const sdk::Setup&, sdk::Fault&) { return true; }
  };
  static constexpr sdk::About kAbout = {"scripted", "0.0.1", "Does what a test says."};
  static constexpr bool kBlocking = true;
  static bool query(Settings&, const tocsin_query& asked, const tocsin_row_sink& sink,
                    sdk::Fault& fault) {
    return Script::script->query(asked, sink, fault);
  }
  static bool get_record(Settings&, std::string_view collection, std::string_view key,
                         sdk::Duration now, const tocsin_record_sink& sink, sdk::Fault& fault) {
    EXPECT_EQ(now, std::chrono::seconds(5));
    return Script::script->get(collection, key, sink, fault);
  }
  static bool scan_records(Settings&, const tocsin_record_scan& scan,
                           const tocsin_record_sink& sink, sdk::Fault& fault) {
    return Script::script->scan(scan, sink, fault);
  }

  ScriptedStore(const Settings&, sdk::Host host) : host_(host) {}
  bool open(const tocsin_store_open& how, tocsin_store_state& state, sdk::Fault& fault) override {
    EXPECT_EQ(Duration(how.now_ns), std::chrono::seconds(5));
    Script::script->joins = how.join != 0;
    return Script::script->open(state, fault);
  }
  void apply(tocsin_operation* const* operations, std::uint32_t count,
             tocsin_token batch) override {
    Script::script->apply(host_, operations, count, batch);
  }
  void close() override { Script::script->closed = true; }

 private:
  sdk::Host host_;
};

template <typename C>
C& as(tocsin_operation* operation) {
  EXPECT_EQ(operation->size, sizeof(C));
  return *reinterpret_cast<C*>(operation);
}

void applied(const sdk::Host& host, tocsin_token batch, std::uint32_t outcome) {
  host.c_host().applied(host.c_worker(), batch, outcome, nullptr);
}

class StorageAdapterTest : public PluginTest {
 protected:
  StorageAdapterTest() {
    ScriptedStore::Script::script = &script;
    environment.may_block = true;
    instance = instance_of<ScriptedStore>(Kind::kStorage);
    worker = &start(*instance);
    adapter = std::make_unique<StorageAdapter>(*worker);
  }
  ~StorageAdapterTest() override {
    adapter.reset();
    worker->finish();
  }
  void apply(std::vector<stage::Operation*> operations) {
    batch = std::move(operations);
    adapter->apply(batch, [this](stage::Applied outcome) { heard.push_back(std::move(outcome)); });
  }

  StoreScript script;
  InstancePtr instance;
  Worker* worker = nullptr;
  std::unique_ptr<StorageAdapter> adapter;
  std::vector<stage::Operation*> batch;
  std::vector<stage::Applied> heard;
};

TEST_F(StorageAdapterTest, TellsTheStorageToJoinTheLiving) {
  script.open = [](tocsin_store_state& state, sdk::Fault&) {
    state.epoch = 1;
    return true;
  };
  const WallTime now(std::chrono::seconds(5));
  ASSERT_TRUE(adapter->open(now, {.join = true}));
  EXPECT_TRUE(script.joins);
  ASSERT_TRUE(adapter->open(now, {}));
  EXPECT_FALSE(script.joins);
}

TEST_F(StorageAdapterTest, OpensAndReportsWhatWasFound) {
  EXPECT_TRUE(adapter->blocking());
  const tocsin_backlog_count rows[] = {{sdk::to_c("mail"), 3, 1}, {sdk::to_c("chat"), 0, 2}};
  script.open = [&](tocsin_store_state& state, sdk::Fault&) {
    state.epoch = 9;
    state.node = 4;
    state.high_mark = 1000;
    state.taken_over = 7;
    state.backlog = rows;
    state.backlog_count = 2;
    state.backlog_stride = sizeof(rows[0]);
    return true;
  };
  const auto opened = adapter->open(WallTime(std::chrono::seconds(5)), {});
  ASSERT_TRUE(opened) << opened.error().text();
  EXPECT_EQ(opened->epoch, 9U);
  EXPECT_EQ(opened->node, 4U);
  EXPECT_EQ(opened->high_mark.value, 1000U);
  EXPECT_EQ(opened->taken_over, 7U);
  ASSERT_EQ(opened->backlog.size(), 2U);
  EXPECT_EQ(opened->backlog[0].output, "mail");
  EXPECT_EQ(opened->backlog[0].ready, 3U);
  EXPECT_EQ(opened->backlog[1].dead, 2U);
  adapter->close();
  EXPECT_TRUE(script.closed);
}

TEST_F(StorageAdapterTest, ReportsWhyItCannotOpen) {
  script.open = [](tocsin_store_state&, sdk::Fault& fault) {
    return fault.fail(TOCSIN_UNAVAILABLE, "the database is newer than this gateway");
  };
  const auto opened = adapter->open(WallTime(std::chrono::seconds(5)), {});
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, Code::kUnavailable);
  EXPECT_EQ(opened.error().what, "the database is newer than this gateway");
}

TEST_F(StorageAdapterTest, DoesNotBelieveAStoreWithoutAnEpoch) {
  script.open = [](tocsin_store_state&, sdk::Fault&) { return true; };
  EXPECT_FALSE(adapter->open(WallTime(std::chrono::seconds(5)), {}));
}

TEST_F(StorageAdapterTest, CarriesAnAppendThereAndItsOutcomeBack) {
  const stage::NewDelivery deliveries[] = {
      {.output = "mail", .address = "email:a@b", .state = DeliveryState::kClaimed},
      {.output = "chat",
       .next_at = WallTime(Duration(77)),
       .queue = message::DeliveryClass::kCritical}};
  stage::Append append;
  append.id = {5};
  append.input = "api";
  append.topic = "orders";
  append.level = message::Level::kCritical;
  append.payload = "{}";
  append.accepted_at = WallTime(Duration(11));
  append.deliveries = deliveries;
  append.key = stage::IdempotencyKey{{1, 2}, {3, 4}, WallTime(Duration(99))};
  append.position = stage::StreamPosition{"k/0", 10, 12};
  script.apply = [](const sdk::Host& host, tocsin_operation* const* operations, std::uint32_t count,
                    tocsin_token token) {
    ASSERT_EQ(count, 1U);
    auto& seen = as<tocsin_append>(operations[0]);
    EXPECT_EQ(seen.kind, std::uint32_t{TOCSIN_OP_APPEND});
    EXPECT_EQ(seen.id, 5U);
    EXPECT_EQ(sdk::view(seen.input), "api");
    EXPECT_EQ(seen.level, std::uint32_t{TOCSIN_LEVEL_CRITICAL});
    EXPECT_EQ(seen.keyed, 1U);
    EXPECT_EQ(seen.body_hash[1], 4U);
    EXPECT_EQ(seen.key_expires_at_ns, 99);
    EXPECT_EQ(sdk::view(seen.stream), "k/0");
    EXPECT_EQ(seen.stream_next, 12U);
    const sdk::Items<tocsin_new_delivery> rows(seen.deliveries, seen.delivery_count,
                                               seen.delivery_stride);
    ASSERT_EQ(rows.size(), 2U);
    EXPECT_EQ(sdk::view(rows[0].address), "email:a@b");
    EXPECT_EQ(rows[0].state, std::uint32_t{TOCSIN_STATE_CLAIMED});
    EXPECT_EQ(rows[1].next_at_ns, 77);
    EXPECT_EQ(rows[0].delivery_class, 1U);
    EXPECT_EQ(rows[1].delivery_class, 0U);
    seen.outcome = TOCSIN_APPEND_REPLAYED;
    seen.earlier_id = 3;
    seen.earlier_deliveries = 2;
    seen.earlier_dropped_by = sdk::to_c("dedup");
    applied(host, token, TOCSIN_APPLIED);
  };
  apply({&append});
  ASSERT_EQ(heard.size(), 1U);
  EXPECT_EQ(heard[0].kind, stage::Applied::Kind::kCommitted);
  EXPECT_EQ(append.outcome, stage::Append::Outcome::kReplayed);
  EXPECT_EQ(append.earlier_id.value, 3U);
  EXPECT_EQ(append.earlier_deliveries, 2U);
  EXPECT_EQ(append.earlier_dropped_by, "dedup");
}

TEST_F(StorageAdapterTest, KeepsTheDeliveriesOfEachAppendApart) {
  const stage::NewDelivery one[] = {{.output = "a"}, {.output = "b"}};
  const stage::NewDelivery two[] = {{.output = "c"}};
  stage::Append first;
  first.deliveries = one;
  stage::Append second;
  second.deliveries = two;
  std::string seen;
  script.apply = [&](const sdk::Host& host, tocsin_operation* const* operations,
                     std::uint32_t count, tocsin_token token) {
    for (std::uint32_t i = 0; i < count; ++i) {
      auto& append = as<tocsin_append>(operations[i]);
      for (std::uint32_t d = 0; d < append.delivery_count; ++d) {
        seen += sdk::view(append.deliveries[d].output);
      }
      seen += ";";
    }
    applied(host, token, TOCSIN_APPLIED);
  };
  apply({&first, &second});
  EXPECT_EQ(seen, "ab;c;");
}

TEST_F(StorageAdapterTest, CopiesClaimedRowsOut) {
  stage::Claim claim;
  claim.output = "mail";
  claim.limit = 10;
  claim.queue = message::DeliveryClass::kCritical;
  script.apply = [](const sdk::Host& host, tocsin_operation* const* operations, std::uint32_t,
                    tocsin_token token) {
    auto& seen = as<tocsin_claim>(operations[0]);
    EXPECT_EQ(sdk::view(seen.output), "mail");
    EXPECT_EQ(seen.limit, 10U);
    EXPECT_EQ(seen.delivery_class, 0U);
    std::string payload = "{1}";
    tocsin_claimed_delivery row{};
    row.notification_id = 8;
    row.ordinal = 2;
    row.attempts = 4;
    row.payload = sdk::to_c(payload);
    row.expires_at_ns = 55;
    seen.claimed = &row;
    seen.claimed_count = 1;
    seen.claimed_stride = sizeof(row);
    seen.next_due_ns = 66;
    applied(host, token, TOCSIN_APPLIED);
    payload = "gone";
  };
  apply({&claim});
  ASSERT_EQ(claim.claimed.size(), 1U);
  EXPECT_EQ(claim.claimed[0].id, (message::DeliveryId{{8}, 2}));
  EXPECT_EQ(claim.claimed[0].attempts, 4U);
  EXPECT_EQ(claim.claimed[0].payload, "{1}");
  EXPECT_EQ(claim.claimed[0].expires_at, WallTime(Duration(55)));
  EXPECT_EQ(claim.next_due, WallTime(Duration(66)));
}

TEST_F(StorageAdapterTest, CarriesTheOtherOperations) {
  stage::Settle settle;
  settle.id = {{1}, 2};
  settle.state = DeliveryState::kDead;
  settle.reason = "no";
  stage::Cancel cancel;
  cancel.caller = "shop";
  stage::Review review;
  review.verb = stage::Review::Verb::kDiscard;
  stage::Purge purge;
  purge.size_max = 4096;
  stage::Renew renew;
  renew.high_mark = {70};
  script.apply = [](const sdk::Host& host, tocsin_operation* const* all, std::uint32_t,
                    tocsin_token token) {
    EXPECT_EQ(as<tocsin_renew>(all[0]).high_mark, 70U);
    auto& settled = as<tocsin_settle>(all[1]);
    EXPECT_EQ(settled.ordinal, 2U);
    EXPECT_EQ(settled.state, std::uint32_t{TOCSIN_STATE_DEAD});
    EXPECT_EQ(sdk::view(settled.reason), "no");
    settled.changed = 1;
    settled.cancelled = 1;
    auto& cancelled = as<tocsin_cancel>(all[2]);
    EXPECT_EQ(sdk::view(cancelled.caller), "shop");
    cancelled.found = 1;
    cancelled.in_flight = 3;
    auto& reviewed = as<tocsin_review>(all[3]);
    EXPECT_EQ(reviewed.verb, std::uint32_t{TOCSIN_DISCARD});
    reviewed.changed = 1;
    reviewed.output = sdk::to_c("mail");
    auto& purged = as<tocsin_purge>(all[4]);
    EXPECT_EQ(purged.rows_max, 500U);
    EXPECT_EQ(purged.size_max, 4096U);
    purged.deleted = 12;
    purged.more = 1;
    purged.oversize = 1;
    applied(host, token, TOCSIN_APPLIED);
  };
  apply({&renew, &settle, &cancel, &review, &purge});
  ASSERT_EQ(heard.size(), 1U);
  EXPECT_TRUE(settle.changed);
  EXPECT_TRUE(settle.cancelled);
  EXPECT_TRUE(cancel.found);
  EXPECT_EQ(cancel.in_flight, 3U);
  EXPECT_TRUE(review.changed);
  EXPECT_EQ(review.output, "mail");
  EXPECT_EQ(purge.deleted, 12U);
  EXPECT_TRUE(purge.more);
  EXPECT_TRUE(purge.oversize);
}

TEST_F(StorageAdapterTest, CarriesARecordThereAndWhatCameOfItBack) {
  stage::RecordChange put;
  put.collection = "teams";
  put.key = "ops";
  put.value = "{}";
  put.if_version = 4;
  put.version = 9;
  put.now = WallTime(Duration(50));
  put.expires_at = WallTime(Duration(60));
  stage::RecordChange removal;
  removal.verb = stage::RecordChange::Verb::kRemove;
  script.apply = [](const sdk::Host& host, tocsin_operation* const* all, std::uint32_t,
                    tocsin_token token) {
    auto& first = as<tocsin_record_change>(all[0]);
    EXPECT_EQ(first.kind, std::uint32_t{TOCSIN_OP_RECORD});
    EXPECT_EQ(first.verb, std::uint32_t{TOCSIN_RECORD_PUT});
    EXPECT_EQ(sdk::view(first.collection), "teams");
    EXPECT_EQ(sdk::view(first.key), "ops");
    EXPECT_EQ(sdk::view(first.value), "{}");
    EXPECT_EQ(first.if_version, 4U);
    EXPECT_EQ(first.version, 9U);
    EXPECT_EQ(first.now_ns, 50);
    EXPECT_EQ(first.expires_at_ns, 60);
    first.changed = 1;
    first.found_version = 4;
    auto& second = as<tocsin_record_change>(all[1]);
    EXPECT_EQ(second.verb, std::uint32_t{TOCSIN_RECORD_REMOVE});
    EXPECT_EQ(second.if_version, TOCSIN_VERSION_ANY);
    EXPECT_EQ(second.expires_at_ns, 0);
    applied(host, token, TOCSIN_APPLIED);
  };
  apply({&put, &removal});
  EXPECT_TRUE(put.changed);
  EXPECT_EQ(put.found, 4U);
  EXPECT_FALSE(removal.changed);
}

TEST_F(StorageAdapterTest, KeepsASettlementsSuccessorApartFromTheAppends) {
  const stage::NewDelivery rows[] = {{.output = "a"}, {.output = "b"}};
  stage::Settle plain;
  stage::Settle first;
  first.successor = {
      .output = "fallback", .address = "email:a@b", .next_at = WallTime(Duration(7))};
  stage::Append append;
  append.deliveries = rows;
  stage::Settle second;
  second.successor = {.output = "mirror"};
  script.apply = [](const sdk::Host& host, tocsin_operation* const* all, std::uint32_t,
                    tocsin_token token) {
    EXPECT_EQ(as<tocsin_settle>(all[0]).successor, nullptr);
    auto& settled = as<tocsin_settle>(all[1]);
    EXPECT_EQ(sdk::view(settled.successor->output), "fallback");
    EXPECT_EQ(sdk::view(settled.successor->address), "email:a@b");
    EXPECT_EQ(settled.successor->state, std::uint32_t{TOCSIN_STATE_READY});
    EXPECT_EQ(settled.successor->next_at_ns, 7);
    settled.changed = 1;
    settled.successor_ordinal = 4;
    EXPECT_EQ(sdk::view(as<tocsin_append>(all[2]).deliveries[1].output), "b");
    EXPECT_EQ(sdk::view(as<tocsin_settle>(all[3]).successor->output), "mirror");
    applied(host, token, TOCSIN_APPLIED);
  };
  apply({&plain, &first, &append, &second});
  EXPECT_EQ(first.successor_ordinal, 4U);
}

TEST_F(StorageAdapterTest, MayBeGivenTheNextBatchByTheOneThatEnded) {
  stage::Renew renew;
  script.apply = [](const sdk::Host& host, tocsin_operation* const*, std::uint32_t,
                    tocsin_token token) { applied(host, token, TOCSIN_APPLIED); };
  int left = 1000;
  std::vector<stage::Operation*> operations = {&renew};
  std::function<void()> next = [&] {
    adapter->apply(operations, [&](const stage::Applied&) {
      if (--left > 0) next();
    });
  };
  next();
  EXPECT_EQ(left, 0);
}

TEST_F(StorageAdapterTest, TellsFailedFromUnknown) {
  stage::Renew renew;
  std::uint32_t outcome = TOCSIN_APPLY_FAILED;
  script.apply = [&](const sdk::Host& host, tocsin_operation* const*, std::uint32_t,
                     tocsin_token token) {
    tocsin_fault fault{};
    fault.size = sizeof(fault);
    sdk::Fault(&fault).fail(TOCSIN_FULL, "the disk is full");
    host.c_host().applied(host.c_worker(), token, outcome, &fault);
  };
  apply({&renew});
  outcome = TOCSIN_APPLY_UNKNOWN;
  apply({&renew});
  ASSERT_EQ(heard.size(), 2U);
  EXPECT_EQ(heard[0].kind, stage::Applied::Kind::kFailed);
  EXPECT_EQ(heard[0].error.code, Code::kFull);
  EXPECT_EQ(heard[0].error.what, "the disk is full");
  EXPECT_EQ(heard[1].kind, stage::Applied::Kind::kUnknown);
}

TEST_F(StorageAdapterTest, DoesNotBelieveResultsThatCannotBe) {
  stage::Claim claim;
  claim.limit = 1;
  script.apply = [](const sdk::Host& host, tocsin_operation* const* all, std::uint32_t,
                    tocsin_token token) {
    as<tocsin_claim>(all[0]).claimed_count = 2;
    applied(host, token, TOCSIN_APPLIED);
  };
  apply({&claim});
  ASSERT_EQ(heard.size(), 1U);
  EXPECT_EQ(heard[0].kind, stage::Applied::Kind::kUnknown);
}

TEST_F(StorageAdapterTest, CountsASecondEndOfABatch) {
  stage::Renew renew;
  script.apply = [](const sdk::Host& host, tocsin_operation* const*, std::uint32_t,
                    tocsin_token token) {
    applied(host, token, TOCSIN_APPLIED);
    applied(host, token, TOCSIN_APPLY_FAILED);
  };
  apply({&renew});
  ASSERT_EQ(heard.size(), 1U);
  EXPECT_EQ(heard[0].kind, stage::Applied::Kind::kCommitted);
  EXPECT_EQ(instance->metrics().late_completions->value(), 1U);
}

TEST_F(StorageAdapterTest, ABatchWhoseStorageThrowsIsInDoubt) {
  stage::Renew renew;
  script.apply = [](const sdk::Host&, tocsin_operation* const*, std::uint32_t, tocsin_token) {
    throw std::runtime_error("torn");
  };
  apply({&renew});
  ASSERT_EQ(heard.size(), 1U);
  EXPECT_EQ(heard[0].kind, stage::Applied::Kind::kUnknown);
}

TEST_F(StorageAdapterTest, CollectsTheRowsOfAQuery) {
  script.query = [](const tocsin_query& asked, const tocsin_row_sink& rows, sdk::Fault&) {
    EXPECT_EQ(asked.kind, std::uint32_t{TOCSIN_QUERY_DEAD_LETTERS});
    EXPECT_EQ(sdk::view(asked.output), "mail");
    EXPECT_EQ(asked.before_notification_id, 30U);
    EXPECT_EQ(asked.limit, 500U);
    tocsin_stored_notification notification{};
    notification.id = 20;
    notification.caller = sdk::to_c("shop");
    rows.notification(rows.user, &notification);
    tocsin_stored_delivery delivery{};
    delivery.notification_id = 20;
    delivery.state = TOCSIN_STATE_DEAD;
    delivery.reason = sdk::to_c("rejected");
    rows.delivery(rows.user, &delivery);
    delivery.state = 99;  // no state: not believed
    rows.delivery(rows.user, &delivery);
    return true;
  };
  stage::Query query;
  query.what = stage::Query::What::kDeadLetters;
  query.output = "mail";
  query.before = message::DeliveryId{{30}, 0};
  query.limit = 9999;
  const auto result = adapter->query(query);
  ASSERT_TRUE(result) << result.error().text();
  ASSERT_EQ(result->notifications.size(), 1U);
  EXPECT_EQ(result->notifications[0].caller, "shop");
  ASSERT_EQ(result->deliveries.size(), 1U);
  EXPECT_EQ(result->deliveries[0].state, DeliveryState::kDead);
  EXPECT_EQ(result->deliveries[0].reason, "rejected");
}

TEST_F(StorageAdapterTest, ReportsWhyAQueryFailed) {
  script.query = [](const tocsin_query&, const tocsin_row_sink&, sdk::Fault& fault) {
    return fault.fail(TOCSIN_UNAVAILABLE, "busy");
  };
  const auto result = adapter->query({});
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, Code::kUnavailable);
}

const WallTime kNow(std::chrono::seconds(5));

void give(const tocsin_record_sink& sink, std::string_view key, std::string_view value) {
  tocsin_record record{};
  record.key = sdk::to_c(key);
  record.value = sdk::to_c(value);
  record.version = 3;
  record.expires_at_ns = key == "ends" ? 70 : 0;
  sink.record(sink.user, &record);
}

TEST_F(StorageAdapterTest, GetsOneRecordOrNone) {
  script.get = [](std::string_view collection, std::string_view key, const tocsin_record_sink& rows,
                  sdk::Fault&) {
    EXPECT_EQ(collection, "teams");
    if (key != "none") give(rows, key, "v");
    return true;
  };
  const auto stays = adapter->get_record("teams", "stays", kNow);
  ASSERT_TRUE(stays && *stays);
  EXPECT_EQ((*stays)->value, "v");
  EXPECT_EQ((*stays)->version, 3U);
  EXPECT_EQ((*stays)->expires_at, std::nullopt);
  EXPECT_EQ((*adapter->get_record("teams", "ends", kNow))->expires_at, WallTime(Duration(70)));
  const auto none = adapter->get_record("teams", "none", kNow);
  ASSERT_TRUE(none);
  EXPECT_EQ(*none, std::nullopt);
}

TEST_F(StorageAdapterTest, CollectsAPageOfRecordsAndSaysWhetherThereIsMore) {
  script.scan = [](const tocsin_record_scan& asked, const tocsin_record_sink& rows, sdk::Fault&) {
    EXPECT_EQ(sdk::view(asked.prefix), "team:");
    EXPECT_EQ(sdk::view(asked.after), "team:a");
    EXPECT_EQ(asked.descending, 1U);
    EXPECT_EQ(asked.now_ns, kNow.time_since_epoch().count());
    // One more than it was asked for.
    for (std::uint32_t i = 0; i <= asked.limit; ++i) give(rows, "k", "v");
    return true;
  };
  const stage::RecordScan scan{
      .collection = "teams", .prefix = "team:", .after = "team:a", .descending = true, .limit = 2};
  const auto page = adapter->scan_records(scan, kNow);
  ASSERT_TRUE(page) << page.error().text();
  EXPECT_EQ(page->records.size(), 2U);
  EXPECT_TRUE(page->more);
  script.scan = [](const tocsin_record_scan& asked, const tocsin_record_sink& rows, sdk::Fault&) {
    EXPECT_EQ(asked.limit, stage::kRecordPageRowsMax);
    give(rows, "k", "v");
    return true;
  };
  EXPECT_FALSE(adapter->scan_records({.collection = "teams", .limit = 9999}, kNow)->more);
}

TEST_F(StorageAdapterTest, ReportsWhyRecordsCannotBeRead) {
  script.get = [](std::string_view, std::string_view, const tocsin_record_sink&,
                  sdk::Fault& fault) { return fault.fail(TOCSIN_UNAVAILABLE, "busy"); };
  script.scan = [](const tocsin_record_scan&, const tocsin_record_sink&, sdk::Fault&) -> bool {
    throw std::runtime_error("torn");
  };
  EXPECT_EQ(adapter->get_record("teams", "a", kNow).error().code, Code::kUnavailable);
  EXPECT_FALSE(adapter->scan_records({.collection = "teams"}, kNow));
}

}  // namespace
}  // namespace tocsin::plugin
