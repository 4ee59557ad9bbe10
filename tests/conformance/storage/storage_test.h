#pragma once

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <functional>
#include <memory>
#include <ostream>
#include <string>
#include <vector>

#include "tests/conformance/storage/storage_under_test.h"

namespace tocsin::conformance {

/// One storage the suite runs on.
struct StorageKind {
  std::string name;
  std::string library;
  /// What a new, empty store in this folder is made with.
  Settings (*settings)(const std::filesystem::path& folder);
};
inline void PrintTo(const StorageKind& kind, std::ostream* out) { *out << kind.name; }

/// Every storage of this build; a new one is added in storages.cc.
std::vector<StorageKind> storages();

/// A store in a folder of its own, open.
class StorageTest : public testing::TestWithParam<StorageKind> {
 protected:
  void SetUp() override {
    folder_ = std::filesystem::path(testing::TempDir()) /
              ("tocsin-storage-" + std::to_string(::getpid()));
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
    make();
    const Opened opened = store_->open();
    ASSERT_EQ(opened.status, std::uint32_t{TOCSIN_OK}) << opened.fault;
    epoch_ = opened.epoch;
  }
  void TearDown() override {
    store_.reset();
    std::filesystem::remove_all(folder_);
  }

  void make() {
    store_ = std::make_unique<StorageUnderTest>(GetParam().library, GetParam().settings(folder_));
  }
  /// Closes the store, then lets another process open it, do `deeds` and die without a farewell.
  void another_dies_after(const std::function<void(StorageUnderTest&)>& deeds) {
    store_.reset();
    const pid_t child = ::fork();
    if (child == 0) {
      make();
      EXPECT_EQ(store_->open().status, std::uint32_t{TOCSIN_OK});
      deeds(*store_);
      std::_Exit(HasFailure() ? 1 : 0);
    }
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << "the other process failed";
    make();
  }
  Opened reopen(std::int64_t now_ns = kStart) {
    store_->close();
    return store_->open(now_ns);
  }

  StorageUnderTest& store() { return *store_; }

  std::filesystem::path folder_;
  std::unique_ptr<StorageUnderTest> store_;
  std::uint32_t epoch_ = 0;
};

#define EXPECT_APPLIED(...)                                                       \
  do {                                                                            \
    const ::tocsin::conformance::Applied applied_ = (__VA_ARGS__);                \
    EXPECT_EQ(applied_.outcome, std::uint32_t{TOCSIN_APPLIED}) << applied_.fault; \
  } while (false)

}  // namespace tocsin::conformance
