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
      {.output = "chat", .next_at = WallTime(Duration(77))}};
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
    purged.deleted = 12;
    purged.more = 1;
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

}  // namespace
}  // namespace tocsin::plugin
