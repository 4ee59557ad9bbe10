// Two processes that append, claim and settle on one store while one after the other is killed in
// the middle of whatever it does, and another takes its place.
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <deque>
#include <fstream>
#include <map>
#include <random>
#include <thread>

#include "tests/conformance/storage/storage_test.h"

namespace tocsin::conformance {

namespace {

using Clock = std::chrono::steady_clock;

std::int64_t now() { return Clock::now().time_since_epoch().count(); }

constexpr int kKills = 40;

/// Lines that are in the file once the call returns, whatever becomes of the process.
class Journal {
 public:
  explicit Journal(const std::filesystem::path& path)
      : file_(::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600)) {}
  ~Journal() { ::close(file_); }
  Journal(const Journal&) = delete;
  Journal& operator=(const Journal&) = delete;
  void write(const std::string& line) const {
    EXPECT_EQ(::write(file_, line.data(), line.size()), static_cast<ssize_t>(line.size()));
  }

 private:
  const int file_;
};

class StorageTorture : public StorageTest {
 protected:
  void SetUp() override {
    StorageTest::SetUp();
    store_.reset();
  }
  std::filesystem::path accepted() const { return folder_ / "accepted"; }
  std::filesystem::path attempts() const { return folder_ / "attempts"; }

  /// A gateway's life until it is killed; `run` is its number.
  pid_t start(std::uint64_t run) {
    const pid_t child = ::fork();
    if (child != 0) return child;
    make();
    const Opened opened = store_->open(kStart, true);
    if (opened.status != TOCSIN_OK) {
      Journal(folder_ / "faults").write(opened.fault + "\n");
      std::_Exit(1);
    }
    const Journal taken(accepted());
    const Journal tried(attempts());
    for (std::uint64_t round = 0;; ++round) {
      const std::uint64_t first = (run * 1'000'000 + round * 10) << 12 | opened.node;
      if (!work(run, round, first, taken, tried)) std::_Exit(1);
    }
  }

  bool work(std::uint64_t run, std::uint64_t round, std::uint64_t first, const Journal& taken,
            const Journal& tried) {
    std::deque<Append> appends;
    std::vector<tocsin_operation*> batch;
    for (std::uint64_t i = 0; i < 1 + round % 8; ++i) {
      Append& append = appends.emplace_back(first + (i << 12));
      append.to("mail").keyed(append.op.id, 1, kStart + 3600 * kSecond);
      batch.push_back(StorageUnderTest::pointer_to(append));
    }
    auto claim = claim_of("mail", 8);
    batch.push_back(StorageUnderTest::pointer_to(claim));
    auto look = look_of();
    if (round % 4 == 0) batch.push_back(StorageUnderTest::pointer_to(look));
    if (!applied(batch)) return false;
    std::string lines;
    for (const Append& append : appends) lines += std::to_string(append.op.id) + "\n";
    taken.write(lines);
    std::vector<std::uint64_t> ids;
    for (std::uint32_t i = 0; i < claim.claimed_count; ++i) {
      ids.push_back(claim.claimed[i].notification_id);
      tried.write(std::to_string(ids.back()) + " " + std::to_string(run) + " " +
                  std::to_string(now()) + "\n");
    }
    std::deque<tocsin_settle> settles;
    batch.clear();
    for (const std::uint64_t id : ids) {
      batch.push_back(StorageUnderTest::pointer_to(
          settles.emplace_back(settle_of(id, TOCSIN_STATE_DELIVERED))));
    }
    if (!batch.empty() && !applied(batch)) return false;
    for (const tocsin_settle& settle : settles) {
      if (settle.changed == 1) continue;
      Journal(folder_ / "faults").write("a healthy one lost its claim\n");
      return false;
    }
    return true;
  }
  bool applied(const std::vector<tocsin_operation*>& batch) {
    const Applied applied = store_->apply_all(batch);
    if (applied.outcome == TOCSIN_APPLIED) return true;
    Journal(folder_ / "faults").write(applied.fault + "\n");
    return false;
  }
};

INSTANTIATE_TEST_SUITE_P(All, StorageTorture, testing::ValuesIn(storages()),
                         testing::PrintToStringParamName());

TEST_P(StorageTorture, NothingIsLostAndNothingIsDoneTwiceByHealthyOnes) {
  std::mt19937 random(7);
  std::uint64_t runs = 0;
  struct Life {
    pid_t process;
    std::uint64_t run;
  };
  std::vector<Life> lives;
  std::map<std::uint64_t, std::int64_t> killed_at;  // by run
  for (; runs < 2; ++runs) lives.push_back({start(runs), runs});
  const auto end = [&](const Life& life) {
    killed_at[life.run] = now();
    ::kill(life.process, SIGKILL);
    int status = 0;
    ASSERT_EQ(::waitpid(life.process, &status, 0), life.process);
    EXPECT_TRUE(WIFSIGNALED(status)) << "run " << life.run << " ended by itself";
  };
  for (int kill = 0; kill < kKills; ++kill) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5 + random() % 60));
    Life& victim = lives[random() % lives.size()];
    end(victim);
    victim = {start(runs), runs};
    ++runs;
  }
  for (const Life& life : lives) end(life);
  std::string faults;
  std::getline(std::ifstream(folder_ / "faults"), faults);
  EXPECT_EQ(faults, "");

  make();
  ASSERT_EQ(store_->open().status, std::uint32_t{TOCSIN_OK});
  std::size_t count = 0;
  std::ifstream journal(accepted());
  for (std::uint64_t id = 0; journal >> id; ++count) {
    const int state = store_->state_of(id);
    ASSERT_TRUE(state == TOCSIN_STATE_READY || state == TOCSIN_STATE_DELIVERED)
        << id << " is " << state;
  }
  EXPECT_GT(count, 100U);

  std::map<std::uint64_t, std::uint64_t> tried_by;
  std::ifstream tries(attempts());
  std::uint64_t id = 0;
  std::uint64_t run = 0;
  std::int64_t at = 0;
  std::size_t repeated = 0;
  while (tries >> id >> run >> at) {
    const auto [before, first] = tried_by.try_emplace(id, run);
    if (first) continue;
    ++repeated;
    EXPECT_GT(at, killed_at.at(before->second))
        << id << " was tried by run " << run << " while run " << before->second << " lived";
    before->second = run;
  }
  EXPECT_LE(repeated, std::size_t{8} * kKills);
  std::printf("%zu accepted, %zu repeated by successors of the killed\n", count, repeated);
}

}  // namespace

}  // namespace tocsin::conformance
