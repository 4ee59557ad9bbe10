#include "gateway/base/arena.h"

#include <gtest/gtest.h>

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <mutex>
#include <random>
#include <string>
#include <thread>
#include <vector>

namespace tocsin {
namespace {

constexpr std::size_t kPlenty = std::size_t{1} << 24;

BlockPool::Options small_blocks(std::size_t kept_max = 1024) {
  return BlockPool::Options{.block_bytes = 256, .kept_max = kept_max};
}

bool is_aligned(const void* place, std::size_t align) {
  return reinterpret_cast<std::uintptr_t>(place) % align == 0;
}

TEST(BlockPool, ReusesWhatCameBackInsteadOfAskingTheAllocator) {
  BlockPool pool;
  for (int round = 0; round < 100; ++round) {
    BlockPool::Block* one = pool.take();
    BlockPool::Block* two = pool.take();
    one->next = two;
    pool.give_back(one, two);
  }
  const BlockPool::Stats stats = pool.stats();
  EXPECT_EQ(stats.made, 2u);
  EXPECT_EQ(stats.kept, 2u);
  EXPECT_EQ(stats.outstanding, 0u);
}

TEST(BlockPool, KeepsNoMoreFreeBlocksThanTold) {
  BlockPool pool(small_blocks(3));
  BlockPool::Block* chain = nullptr;
  BlockPool::Block* last = nullptr;
  for (int i = 0; i < 10; ++i) {
    BlockPool::Block* block = pool.take();
    block->next = std::exchange(chain, block);
    if (last == nullptr) last = block;
  }
  pool.give_back(chain, last);
  EXPECT_EQ(pool.stats().kept, 3u);
  EXPECT_EQ(pool.stats().outstanding, 0u);
}

TEST(BlockPoolDeathTest, RefusesToDieBeforeItsBlocksComeHome) {
  EXPECT_DEATH(
      {
        BlockPool pool;
        pool.take();
      },
      "before its blocks came home");
}

TEST(BlockPoolDeathTest, RefusesAThreadThatIsNotItsOwner) {
  EXPECT_DEATH(
      {
        BlockPool pool;
        BlockPool::Block* block = pool.take();
        pool.give_back(block, block);
        std::thread([&] { pool.take(); }).join();
      },
      "serves its owner thread");
}

TEST(Arena, TakesNoBlockBeforeItIsUsed) {
  BlockPool pool;
  Arena arena(pool, kPlenty);
  EXPECT_EQ(arena.copy("")->size(), 0u);
  EXPECT_EQ(pool.stats().outstanding, 0u);
  EXPECT_TRUE(arena.copy("a"));
  EXPECT_EQ(pool.stats().outstanding, 1u);
}

TEST(Arena, AlignsAsAsked) {
  BlockPool pool(small_blocks());
  Arena arena(pool, kPlenty);
  for (int round = 0; round < 200; ++round) {
    for (std::size_t align : {1u, 2u, 4u, 8u, 16u}) {
      ASSERT_TRUE(is_aligned(arena.allocate(1, align), align));
    }
  }
}

TEST(Arena, CopiesAndKeepsText) {
  BlockPool pool;
  Arena arena(pool, kPlenty);
  std::string original = "checkout is down";
  const auto copied = arena.copy(original);
  original.assign(original.size(), '#');
  EXPECT_EQ(copied, "checkout is down");
}

TEST(Arena, MakesValuesAndArrays) {
  struct Pair {
    int a = 0;
    double b = 0;
  };
  BlockPool pool;
  Arena arena(pool, kPlenty);
  ASSERT_TRUE(arena.copy("x"));
  Pair* pair = arena.make<Pair>(3, 1.5);
  ASSERT_NE(pair, nullptr);
  EXPECT_TRUE(is_aligned(pair, alignof(Pair)));
  EXPECT_EQ(pair->a, 3);
  const auto numbers = arena.make_array<std::uint64_t>(10);
  ASSERT_TRUE(numbers);
  EXPECT_EQ(numbers->size(), 10u);
  for (std::uint64_t number : *numbers) EXPECT_EQ(number, 0u);
}

TEST(Arena, RefusesAnArrayWhoseSizeWouldOverflow) {
  BlockPool pool;
  Arena arena(pool, SIZE_MAX);
  EXPECT_FALSE(arena.make_array<std::uint64_t>(SIZE_MAX / 4));
}

TEST(Arena, FailsAtItsLimitAndChangesNothing) {
  BlockPool pool;
  Arena arena(pool, 100);
  ASSERT_NE(arena.allocate(60, 1), nullptr);
  EXPECT_EQ(arena.allocate(41, 1), nullptr);
  EXPECT_EQ(arena.allocate(SIZE_MAX, 1), nullptr);
  EXPECT_FALSE(arena.copy(std::string(41, 'x')));
  EXPECT_EQ(arena.bytes_used(), 60u);
  EXPECT_NE(arena.allocate(40, 1), nullptr);
  EXPECT_EQ(arena.bytes_used(), 100u);
  EXPECT_EQ(arena.allocate(1, 1), nullptr);
}

TEST(Arena, GivesLargeAllocationsABlockOfTheirOwn) {
  BlockPool pool(small_blocks());
  {
    Arena arena(pool, kPlenty);
    const auto large = arena.copy(std::string(100'000, 'z'));
    ASSERT_TRUE(large);
    EXPECT_EQ(large->size(), 100'000u);
    EXPECT_EQ(arena.large_blocks(), 1u);
    EXPECT_EQ(pool.stats().large_outstanding, 1u);
    EXPECT_EQ(pool.stats().outstanding, 1u) << "small allocations go on in the first block";
  }
  EXPECT_EQ(pool.stats().large_outstanding, 0u);
  EXPECT_EQ(pool.stats().outstanding, 0u);
}

TEST(Arena, GrowsTheNewestTextInPlace) {
  BlockPool pool;
  Arena arena(pool, kPlenty);
  const auto first = arena.copy("content-");
  const auto second = arena.grow(*first, "type");
  ASSERT_TRUE(second);
  EXPECT_EQ(*second, "content-type");
  EXPECT_EQ(second->data(), first->data());
  EXPECT_EQ(arena.bytes_used(), second->size());
}

TEST(Arena, CopiesATextThatIsNoLongerTheNewest) {
  BlockPool pool;
  Arena arena(pool, kPlenty);
  const auto first = arena.copy("content-");
  const auto other = arena.copy("other");
  const auto grown = arena.grow(*first, "length");
  ASSERT_TRUE(grown);
  EXPECT_EQ(*grown, "content-length");
  EXPECT_NE(grown->data(), first->data());
  EXPECT_EQ(*first, "content-");
  EXPECT_EQ(*other, "other");
}

TEST(Arena, GrowsATextOverManyBlocksWithFewCopies) {
  BlockPool pool(small_blocks());
  Arena arena(pool, kPlenty);
  std::string expected;
  std::string_view text;
  for (int i = 0; i < 20'000; ++i) {
    const std::string more = std::to_string(i);
    const auto grown = arena.grow(text, more);
    ASSERT_TRUE(grown);
    text = *grown;
    expected += more;
  }
  EXPECT_EQ(text, expected);
  EXPECT_LE(arena.bytes_used(), 3 * expected.size()) << "copies must stay linear";
  EXPECT_LE(arena.large_blocks(), 12u);
}

TEST(Arena, DoesNotGrowBeyondItsLimit) {
  BlockPool pool;
  Arena arena(pool, 10);
  const auto text = arena.copy("12345678");
  EXPECT_FALSE(arena.grow(*text, "901"));
  EXPECT_EQ(arena.bytes_used(), 8u);
  EXPECT_EQ(arena.grow(*text, "90"), "1234567890");
}

TEST(Arena, ResetKeepsTheFirstBlockOnly) {
  BlockPool pool(small_blocks());
  Arena arena(pool, kPlenty);
  const void* first = arena.allocate(16);
  for (int i = 0; i < 50; ++i) ASSERT_TRUE(arena.copy(std::string(100, 'a')));
  ASSERT_TRUE(arena.copy(std::string(1000, 'b')));
  EXPECT_GT(pool.stats().outstanding, 10u);
  arena.reset();
  EXPECT_EQ(arena.bytes_used(), 0u);
  EXPECT_EQ(pool.stats().outstanding, 1u);
  EXPECT_EQ(pool.stats().large_outstanding, 0u);
  EXPECT_EQ(arena.allocate(16), first);
}

TEST(Arena, HoldsAtMostTwiceWhatWasUsed) {
  std::mt19937_64 random(7);
  BlockPool pool(small_blocks());
  for (int round = 0; round < 50; ++round) {
    Arena arena(pool, kPlenty);
    for (int i = 0; i < 300; ++i) ASSERT_NE(arena.allocate(1 + random() % 239, 1), nullptr);
    const std::size_t held = pool.stats().outstanding * 256;
    EXPECT_LE(held, 2 * arena.bytes_used() + pool.stats().outstanding * 16 + 512);
  }
}

TEST(Arena, NeverLetsAllocationsOverlap) {
  std::mt19937_64 random(11);
  BlockPool pool(small_blocks());
  for (int round = 0; round < 30; ++round) {
    Arena arena(pool, kPlenty);
    std::vector<std::pair<std::string, std::string_view>> texts;
    for (int i = 0; i < 400; ++i) {
      const std::string more(random() % 40, static_cast<char>('a' + random() % 26));
      if (!texts.empty() && random() % 2 == 0) {
        auto& [model, view] = texts[random() % texts.size()];
        const auto grown = arena.grow(view, more);
        ASSERT_TRUE(grown);
        view = *grown;
        model += more;
      } else {
        texts.emplace_back(more, *arena.copy(more));
      }
    }
    for (const auto& [model, view] : texts) ASSERT_EQ(view, model);
  }
  EXPECT_EQ(pool.stats().outstanding, 0u);
}

TEST(Arena, AllocatesNothingInTheSteadyState) {
  BlockPool pool;
  const auto one_request = [&pool] {
    Arena arena(pool, kPlenty);
    for (int i = 0; i < 100; ++i) ASSERT_TRUE(arena.copy("a header field of usual length, or so"));
    const SealedArena sealed = std::move(arena).seal();
    const SealedArena shared = sealed;  // NOLINT(performance-unnecessary-copy-initialization)
  };
  one_request();
  const std::uint64_t made = pool.stats().made;
  for (int i = 0; i < 1000; ++i) one_request();
  EXPECT_EQ(pool.stats().made, made);
  EXPECT_EQ(pool.stats().large_made, 0u);
}

TEST(Arena, MovesWithItsMemory) {
  BlockPool pool;
  Arena arena(pool, kPlenty);
  const auto text = arena.copy("kept");
  Arena moved = std::move(arena);
  EXPECT_EQ(*text, "kept");
  Arena other(pool, kPlenty);
  ASSERT_TRUE(other.copy("dropped"));
  other = std::move(moved);
  EXPECT_EQ(*text, "kept");
  EXPECT_EQ(other.bytes_used(), 4u);
  EXPECT_EQ(pool.stats().outstanding, 1u);
}

TEST(SealedArena, KeepsTheBytesUntilItsLastHolderGoes) {
  BlockPool pool;
  Arena arena(pool, kPlenty);
  const std::string_view text = *arena.copy("sealed words");
  SealedArena one = std::move(arena).seal();
  EXPECT_EQ(one.bytes_used(), 12u);
  {
    SealedArena two = one;
    EXPECT_EQ(one.holders(), 2u);
    one = SealedArena();
    EXPECT_EQ(text, "sealed words");
    EXPECT_EQ(two.holders(), 1u);
    EXPECT_EQ(pool.stats().outstanding, 1u);
  }
  EXPECT_FALSE(one);
  EXPECT_EQ(pool.stats().outstanding, 0u);
}

TEST(SealedArena, OfAnUnusedArenaIsEmpty) {
  BlockPool pool;
  Arena arena(pool, kPlenty);
  const SealedArena sealed = std::move(arena).seal();
  EXPECT_FALSE(sealed);
  EXPECT_EQ(sealed.holders(), 0u);
}

TEST(SealedArena, LeavesTheArenaReadyForTheNextUse) {
  BlockPool pool;
  Arena arena(pool, 8);
  const std::string_view before = *arena.copy("12345678");
  const SealedArena sealed = std::move(arena).seal();
  const auto after = arena.copy("abcdefgh");  // NOLINT(bugprone-use-after-move): promised
  EXPECT_EQ(before, "12345678");
  EXPECT_EQ(after, "abcdefgh");
}

/// A bounded hand-over between the thread that seals and those that release.
class Handover {
 public:
  void put(SealedArena arena, std::string_view text) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return items_.size() < 64; });
    items_.emplace_back(std::move(arena), text);
    changed_.notify_all();
  }
  void end() {
    std::lock_guard lock(mutex_);
    ended_ = true;
    changed_.notify_all();
  }
  std::optional<std::pair<SealedArena, std::string_view>> get() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return ended_ || !items_.empty(); });
    if (items_.empty()) return std::nullopt;
    auto item = std::move(items_.front());
    items_.pop_front();
    changed_.notify_all();
    return item;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::pair<SealedArena, std::string_view>> items_;
  bool ended_ = false;
};

TEST(SealedArena, ReturnsItsBlocksFromAnyThread) {
  constexpr int kArenas = 4000;
  BlockPool pool(small_blocks());
  Handover handover;
  std::atomic<std::uint64_t> bytes_seen{0};
  std::vector<std::thread> holders;
  for (int i = 0; i < 3; ++i) {
    holders.emplace_back([&] {
      while (auto item = handover.get()) {
        const SealedArena twin = item->first;
        bytes_seen += item->second.size();
        EXPECT_EQ(item->second.front(), item->second.back());
      }
    });
  }
  std::mt19937_64 random(3);
  std::uint64_t bytes_sent = 0;
  for (int i = 0; i < kArenas; ++i) {
    Arena arena(pool, kPlenty);
    for (std::size_t n = random() % 6; n > 0; --n) ASSERT_TRUE(arena.copy(std::string(90, 'p')));
    const std::string_view text = *arena.copy(std::string(1 + random() % 600, 'q'));
    bytes_sent += text.size();
    handover.put(std::move(arena).seal(), text);
  }
  handover.end();
  for (std::thread& holder : holders) holder.join();
  const BlockPool::Stats stats = pool.stats();
  EXPECT_EQ(bytes_seen.load(), bytes_sent);
  EXPECT_EQ(stats.outstanding, 0u);
  EXPECT_EQ(stats.large_outstanding, 0u);
  EXPECT_LT(stats.made, 2000u) << "blocks must come round again";
}

TEST(SealedArena, SurvivesTheThreadThatOwnsThePool) {
  BlockPool pool;
  SealedArena sealed;
  std::string_view text;
  std::thread([&] {
    Arena arena(pool, kPlenty);
    text = *arena.copy("written by a loop that has ended");
    sealed = std::move(arena).seal();
  }).join();
  EXPECT_EQ(text, "written by a loop that has ended");
  sealed = SealedArena();
}

#if defined(__SANITIZE_ADDRESS__)
TEST(SealedArenaDeathTest, ShowsAViewThatOutlivedItsBytesToTheSanitizer) {
  EXPECT_DEATH(
      {
        BlockPool pool;
        Arena arena(pool, kPlenty);
        const std::string_view text = *arena.copy("gone");
        {
          const SealedArena sealed = std::move(arena).seal();
        }
        std::fputc(text.front(), stderr);
      },
      "use-after-poison");
}
#endif

}  // namespace
}  // namespace tocsin
