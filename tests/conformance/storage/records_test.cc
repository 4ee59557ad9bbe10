// Named collections of small values beside the outbox.
#include "tests/conformance/storage/storage_test.h"

namespace tocsin::conformance {

namespace {

class StorageRecords : public StorageTest {
 protected:
  /// "a=1 b=2": what a scan finds.
  std::string found(const tocsin_record_scan& scan) {
    const RecordPage page = store().scan(scan);
    EXPECT_EQ(page.status, std::uint32_t{TOCSIN_OK}) << page.fault;
    std::string all;
    for (const RecordRow& row : page.records) {
      if (!all.empty()) all += ' ';
      all += row.key + "=" + row.value;
    }
    return all;
  }
  /// The value of a record, or "none".
  std::string value(std::string_view key, std::int64_t now_ns = kStart) {
    const RecordPage page = store().record(key, now_ns);
    EXPECT_EQ(page.status, std::uint32_t{TOCSIN_OK}) << page.fault;
    return page.records.empty() ? "none" : page.records.front().value;
  }
  void put(std::string_view key, std::string_view value, std::int64_t expires_at_ns = 0) {
    auto op = put_of(key, value, next_version_++, TOCSIN_VERSION_ANY, expires_at_ns);
    EXPECT_APPLIED(store().apply(op));
    EXPECT_EQ(op.changed, 1U);
  }

  std::uint64_t next_version_ = 100;
};

INSTANTIATE_TEST_SUITE_P(All, StorageRecords, testing::ValuesIn(storages()),
                         [](const auto& kind) { return kind.param.name; });

TEST_P(StorageRecords, ARecordIsFoundWithAllThatWasPut) {
  auto op = put_of("team:ops", std::string_view("\0\xFF", 2), 41, 0, kStart + 100);
  EXPECT_APPLIED(store().apply(op));
  EXPECT_EQ(op.changed, 1U);
  EXPECT_EQ(op.found_version, 0U);
  const RecordPage page = store().record("team:ops");
  ASSERT_EQ(page.records.size(), 1U);
  EXPECT_EQ(page.records[0].key, "team:ops");
  EXPECT_EQ(page.records[0].value, std::string("\0\xFF", 2));
  EXPECT_EQ(page.records[0].version, 41U);
  EXPECT_EQ(page.records[0].expires_at_ns, kStart + 100);
  EXPECT_EQ(value("team:op"), "none");
  EXPECT_TRUE(store().record("team:ops", kStart, "other").records.empty());
}

TEST_P(StorageRecords, OutliveTheEpochThatPutThem) {
  put("a", "1");
  ASSERT_EQ(reopen().status, std::uint32_t{TOCSIN_OK});
  EXPECT_EQ(value("a"), "1");
}

TEST_P(StorageRecords, APutThatMustBeTheFirstIsNot) {
  put("a", "1");
  auto second = put_of("a", "2", 200, 0);
  EXPECT_APPLIED(store().apply(second));
  EXPECT_EQ(second.changed, 0U);
  EXPECT_EQ(second.found_version, 100U);
  EXPECT_EQ(value("a"), "1");
}

TEST_P(StorageRecords, APutReplacesOnlyTheVersionItKnows) {
  put("a", "1");
  auto known = put_of("a", "2", 200, 100);
  auto stale = put_of("a", "3", 201, 100);
  auto absent = put_of("b", "3", 202, 100);
  EXPECT_APPLIED(store().apply(known, stale, absent));
  EXPECT_EQ(known.changed, 1U);
  EXPECT_EQ(known.found_version, 100U);
  EXPECT_EQ(stale.changed, 0U);
  EXPECT_EQ(stale.found_version, 200U);
  EXPECT_EQ(absent.changed, 0U);
  EXPECT_EQ(absent.found_version, 0U);
  EXPECT_EQ(found(scan_of()), "a=2");
}

TEST_P(StorageRecords, ARemovalKnowsWhatItRemoves) {
  put("a", "1");
  auto stale = remove_of("a", 99);
  auto known = remove_of("a", 100);
  auto again = remove_of("a");
  EXPECT_APPLIED(store().apply(stale, known, again));
  EXPECT_EQ(stale.changed, 0U);
  EXPECT_EQ(stale.found_version, 100U);
  EXPECT_EQ(known.changed, 1U);
  EXPECT_EQ(again.changed, 0U);
  EXPECT_EQ(again.found_version, 0U);
  EXPECT_EQ(value("a"), "none");
}

TEST_P(StorageRecords, ABatchMayBeAppliedTwice) {
  auto first = put_of("a", "1", 100, 0);
  auto other = put_of("b", "2", 101);
  EXPECT_APPLIED(store().apply(first, other));
  EXPECT_APPLIED(store().apply(first, other));
  EXPECT_EQ(first.changed, 1U);
  EXPECT_EQ(other.changed, 1U);
  EXPECT_EQ(found(scan_of()), "a=1 b=2");
}

TEST_P(StorageRecords, KeysAndValuesMayBeAsLongAsAllowed) {
  const std::string key(TOCSIN_RECORD_KEY_BYTES_MAX, '\xFF');
  const std::string large(TOCSIN_RECORD_VALUE_BYTES_MAX, 'v');
  put(key, large);
  put("empty", "");
  EXPECT_EQ(value(key), large);
  EXPECT_EQ(value("empty"), "");
  EXPECT_EQ(store().scan(scan_of()).records.size(), 2U);
}

// ---- scans

TEST_P(StorageRecords, AScanFindsAPrefixInTheOrderOfBytes) {
  for (const char* key : {"b", "a\xFF", "a", "ab", "a\xFF\xFF", "\xFF", "aa"}) put(key, "1");
  EXPECT_EQ(found(scan_of("a")), "a=1 aa=1 ab=1 a\xFF=1 a\xFF\xFF=1");
  EXPECT_EQ(found(scan_of("a\xFF")), "a\xFF=1 a\xFF\xFF=1");
  EXPECT_EQ(found(scan_of("\xFF")), "\xFF=1");
  EXPECT_EQ(found(scan_of("c")), "");
  EXPECT_EQ(store().scan(scan_of()).records.size(), 7U);
}

TEST_P(StorageRecords, AScanGoesOnBehindAKeyInEitherDirection) {
  for (const char* key : {"x", "xa", "xb", "xc", "y"}) put(key, "1");
  EXPECT_EQ(found(scan_of("x", {}, 2)), "x=1 xa=1");
  EXPECT_EQ(found(scan_of("x", "xa", 2)), "xb=1 xc=1");
  EXPECT_EQ(found(scan_of("x", "xc")), "");
  EXPECT_EQ(found(scan_of("x", "a")), "x=1 xa=1 xb=1 xc=1") << "before the prefix";
  tocsin_record_scan down = scan_of("x", {}, 2);
  down.descending = 1;
  EXPECT_EQ(found(down), "xc=1 xb=1");
  down.after = str("xb");
  EXPECT_EQ(found(down), "xa=1 x=1");
  down.after = str("z");
  EXPECT_EQ(found(down), "xc=1 xb=1");
  down.after = str("x");
  EXPECT_EQ(found(down), "");
}

TEST_P(StorageRecords, AScanKeepsToItsCollection) {
  put("a", "1");
  auto other = put_of("a", "2", 200);
  other.collection = str("d");
  EXPECT_APPLIED(store().apply(other));
  EXPECT_EQ(found(scan_of()), "a=1");
  EXPECT_EQ(store().record("a", kStart, "d").records.at(0).value, "2");
}

TEST_P(StorageRecords, APageOfRecordsHasAtMostFiveHundred) {
  std::vector<std::string> keys;
  std::vector<tocsin_record_change> puts;
  std::vector<tocsin_operation*> operations;
  for (int i = 0; i < 510; ++i) keys.push_back(std::to_string(10'000 + i));
  for (const std::string& key : keys) puts.push_back(put_of(key, "v", next_version_++));
  for (auto& one : puts) operations.push_back(StorageUnderTest::pointer_to(one));
  EXPECT_APPLIED(store().apply_all(operations));
  const RecordPage page = store().scan(scan_of({}, {}, 4000));
  ASSERT_EQ(page.records.size(), 500U);
  EXPECT_EQ(store().scan(scan_of({}, page.records.back().key)).records.size(), 10U);
}

TEST_P(StorageRecords, APageOfLargeRecordsEndsEarly) {
  const std::string large(TOCSIN_RECORD_VALUE_BYTES_MAX, 'v');
  for (int i = 10; i < 30; ++i) put(std::to_string(i), large);
  const RecordPage page = store().scan(scan_of());
  EXPECT_EQ(page.records.size(), 16U);
  EXPECT_EQ(store().scan(scan_of({}, page.records.back().key)).records.size(), 4U);
}

// ---- the end of a record

TEST_P(StorageRecords, WhatHasExpiredIsNotThere) {
  put("a", "1", kStart + 100);
  put("b", "2", kStart + 200);
  put("c", "3");
  EXPECT_EQ(value("a", kStart + 99), "1");
  EXPECT_EQ(value("a", kStart + 100), "none");
  auto scan = scan_of();
  scan.now_ns = kStart + 150;
  EXPECT_EQ(found(scan), "b=2 c=3");
  scan.descending = 1;
  EXPECT_EQ(found(scan), "c=3 b=2");

  auto removal = remove_of("a");
  auto first = put_of("a", "4", 900, 0);
  removal.now_ns = first.now_ns = kStart + 150;
  EXPECT_APPLIED(store().apply(removal, first));
  EXPECT_EQ(removal.changed, 0U);
  EXPECT_EQ(first.changed, 1U) << "nothing is there any more";
  EXPECT_EQ(value("a", kStart + 1'000), "4") << "the new one has no end";
}

TEST_P(StorageRecords, APurgeTakesWhatHasExpiredInSmallSteps) {
  for (int i = 0; i < 25; ++i) put("old" + std::to_string(i), "v", kStart + 10 + i);
  put("later", "v", kStart + 1'000);
  put("forever", "v");
  std::uint32_t deleted = 0;
  for (int step = 0; step < 3; ++step) {
    auto purge = purge_of(kStart, kStart + 500, 10);
    EXPECT_APPLIED(store().apply(purge));
    EXPECT_LE(purge.deleted, 10U);
    EXPECT_EQ(purge.more, step < 2 ? 1U : 0U);
    deleted += purge.deleted;
  }
  EXPECT_EQ(deleted, 25U);
  EXPECT_EQ(found(scan_of()), "forever=v later=v");
}

TEST_P(StorageRecords, AreReadOnlyWhileTheStoreIsOpen) {
  store().close();
  EXPECT_EQ(store().record("a").status, std::uint32_t{TOCSIN_UNAVAILABLE});
  EXPECT_EQ(store().scan(scan_of()).status, std::uint32_t{TOCSIN_UNAVAILABLE});
}

}  // namespace

}  // namespace tocsin::conformance
