#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <new>
#include <optional>
#include <span>
#include <string_view>
#include <type_traits>
#include <utility>

#include "gateway/base/assert.h"

// Memory that is written once, read by many and returned as a whole.
//
//   BlockPool    one per loop: equal blocks on a free list, so that the steady state never calls
//   malloc Arena        one per request, notification or attempt while it is being built: a bump
//   allocator SealedArena  what an Arena becomes when nothing more is written: counted, immutable,
//   any thread
//
// Journey of a block:
//
//   take()            seal()               last handle dropped
//   pool ---> Arena ---------> SealedArena --+-- on the owner thread ---> free list
//    ^                                       +-- elsewhere: one push ---> returns list
//    +------------------- collect(): one exchange -------------------------+

namespace tocsin {

/// Blocks of one size for the thread that owns the pool: the first that takes one. Everything here
/// is for that thread, except give_back() and drop_large(). Must outlive every block: destroying it
/// with blocks outstanding is a bug and asserts. The destructor may run on any thread once the
/// owner is done.
class BlockPool {
 public:
  struct Options {
    std::size_t block_bytes = 4096;  ///< of one block, its 16-byte header included; at least 256
    std::size_t kept_max = 1024;     ///< free blocks kept; more go back to the allocator
  };

  /// Header of a block; the payload follows it. Blocks of one holder are a chain through `next`.
  struct alignas(std::max_align_t) Block {
    Block* next = nullptr;
    std::size_t capacity = 0;  ///< payload bytes
    std::byte* payload() { return reinterpret_cast<std::byte*>(this + 1); }
  };

  struct Stats {
    std::size_t outstanding = 0;        ///< blocks taken and not yet seen again
    std::size_t kept = 0;               ///< free blocks ready to be taken
    std::uint64_t made = 0;             ///< blocks ever asked of the allocator
    std::size_t large_outstanding = 0;  ///< single blocks beyond the common size, now
    std::uint64_t large_made = 0;       ///< and ever
  };

  BlockPool() : BlockPool(Options{}) {}
  explicit BlockPool(Options options);
  ~BlockPool();
  BlockPool(const BlockPool&) = delete;
  BlockPool& operator=(const BlockPool&) = delete;

  /// Payload bytes of every common block.
  std::size_t block_capacity() const { return options_.block_bytes - sizeof(Block); }

  /// A block with `next` null and undefined payload; null when the machine has no memory.
  Block* take();
  /// A single block of at least `capacity` payload bytes straight from the allocator; null when
  /// there is no memory. Ends in drop_large().
  Block* take_large(std::size_t capacity);

  /// Returns the chain from `first` to `last` (whose `next` is overwritten). Any thread, lock-free;
  /// the pool is not touched after the chain is handed over.
  void give_back(Block* first, Block* last);
  /// Frees a chain of large blocks at once. Any thread.
  void drop_large(Block* first);

  /// Moves what other threads returned to the free list and trims that to kept_max. take() does it
  /// when the list is empty; a loop may call it when idle.
  void collect();

  /// Collects, then counts.
  Stats stats();

 private:
  void assert_owner() const;
  void keep_or_free(Block* block);

  Options options_;
  const void* owner_ =
      nullptr;  ///< written before the first block leaves, hence seen by its holders
  Block* free_ = nullptr;
  std::size_t kept_ = 0;
  std::size_t outstanding_ = 0;
  std::uint64_t made_ = 0;
  std::uint64_t large_made_ = 0;
  std::atomic<std::size_t> large_outstanding_{0};
  /// Chains pushed by other threads. Pushing compares heads only, and the owner takes the whole
  /// list with one exchange and never pops, so a head seen twice does no harm (no ABA).
  alignas(64) std::atomic<Block*> returned_{nullptr};
};

class SealedArena;

/// A bump allocator with a limit. One owner; used on the thread that owns the pool. Memory comes
/// back when the arena or the last handle of what it was sealed into dies; destructors of what
/// lives inside never run, so only trivially destructible types are made here.
///
/// Failure (the limit, or no memory) is a null pointer or an empty optional, and changes nothing.
/// Leaving a block for a roomier one wastes less than the allocation that caused it, so an arena
/// holds at most twice bytes_used() plus one block, and a string grown beyond a block its size
/// again.
class Arena {
 public:
  /// `bytes_max` limits bytes_used(). Takes no block before the first allocation.
  Arena(BlockPool& pool, std::size_t bytes_max) : pool_(&pool), bytes_max_(bytes_max) {}
  ~Arena() { release(); }
  Arena(Arena&& other) noexcept { steal(other); }
  Arena& operator=(Arena&& other) noexcept {
    if (this != &other) {
      release();
      steal(other);
    }
    return *this;
  }
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;

  /// `size` bytes, undefined, at a multiple of `align` (a power of two up to alignof(max_align_t)).
  /// Valid until reset() or death, or through sealing as long as a handle lives.
  void* allocate(std::size_t size, std::size_t align = alignof(std::max_align_t)) {
    TOCSIN_ASSERT(align != 0 && (align & (align - 1)) == 0 && align <= alignof(std::max_align_t),
                  "an alignment no block can give");
    const std::size_t padding = -reinterpret_cast<std::uintptr_t>(cursor_) & (align - 1);
    const auto room = static_cast<std::size_t>(end_ - cursor_);
    if (padding <= room && size <= room - padding && size + padding <= bytes_max_ - used_ &&
        cursor_ != nullptr) [[likely]] {
      return bump(padding, size);
    }
    return allocate_elsewhere(size, 0);
  }

  /// A T in the arena, or null.
  template <typename T, typename... Args>
  T* make(Args&&... args) {
    static_assert(std::is_trivially_destructible_v<T>, "the arena runs no destructors");
    static_assert(alignof(T) <= alignof(std::max_align_t));
    void* place = allocate(sizeof(T), alignof(T));
    return place == nullptr ? nullptr : new (place) T(std::forward<Args>(args)...);
  }

  /// `count` value-initialised Ts, or nothing.
  template <typename T>
  std::optional<std::span<T>> make_array(std::size_t count) {
    static_assert(std::is_trivially_destructible_v<T>, "the arena runs no destructors");
    static_assert(alignof(T) <= alignof(std::max_align_t));
    if (count > bytes_max_ / sizeof(T)) return std::nullopt;
    void* place = allocate(count * sizeof(T), alignof(T));
    if (place == nullptr) return std::nullopt;
    auto* items = static_cast<T*>(place);
    for (std::size_t i = 0; i < count; ++i) new (items + i) T();
    return std::span<T>(items, count);
  }

  /// The arena's own copy of `text`; takes nothing for an empty one, or for what is already the
  /// newest allocation here.
  std::optional<std::string_view> copy(std::string_view text);

  /// `text` followed by `more`. When `text` is the newest allocation and there is room behind it,
  /// it grows in place; else both are copied to where there is room to grow further, and what the
  /// copy left behind stays counted. Either view may lie in this arena.
  std::optional<std::string_view> grow(std::string_view text, std::string_view more);

  /// Forgets everything and keeps the first block for the next use.
  void reset();

  /// Bytes handed out, padding and left-behind copies included.
  std::size_t bytes_used() const { return used_; }
  std::size_t bytes_max() const { return bytes_max_; }
  /// Allocations that needed a block of their own since the last reset.
  std::size_t large_blocks() const { return large_blocks_; }

  /// Ends writing: the bytes live on, immutable, in the handle. Use as std::move(arena).seal(); the
  /// arena is empty afterwards and may be used again. An arena never written to seals to an empty
  /// handle.
  SealedArena seal() &&;

 private:
  friend class SealedArena;
  using Block = BlockPool::Block;

  /// Sits at the head of the first block, so that sealing allocates nothing.
  struct Core {
    std::atomic<std::uint32_t> holders{1};
    BlockPool* pool = nullptr;
    Block* last = nullptr;
    Block* large = nullptr;
    std::size_t bytes_used = 0;
  };
  static constexpr std::size_t kCoreBytes =
      (sizeof(Core) + alignof(std::max_align_t) - 1) & ~(alignof(std::max_align_t) - 1);

  void* bump(std::size_t padding, std::size_t size) {
    std::byte* place = cursor_ + padding;
    cursor_ = place + size;
    used_ += padding + size;
    return place;
  }
  void* allocate_elsewhere(std::size_t size, std::size_t room_to_grow);
  bool take_first();
  Block* take_block(std::size_t size, std::size_t room_to_grow);
  void rewind_to_first();
  void release();
  void steal(Arena& other) noexcept;
  static void return_all(BlockPool& pool, Block* first, Block* last, Block* large);

  BlockPool* pool_ = nullptr;
  std::size_t bytes_max_ = 0;
  std::size_t used_ = 0;
  std::byte* cursor_ = nullptr;
  std::byte* end_ = nullptr;
  Block* first_ = nullptr;
  Block* last_ = nullptr;
  Block* large_ = nullptr;
  std::size_t large_blocks_ = 0;
};

/// A counted handle on sealed bytes: views into them live as long as any handle does. Copying adds
/// a holder, the last one to go returns all blocks to the pool in one step. Handles may cross
/// threads and be dropped anywhere; one handle object belongs to one thread at a time.
class SealedArena {
 public:
  SealedArena() = default;
  SealedArena(const SealedArena& other) noexcept : first_(other.first_) {
    if (first_ != nullptr) core()->holders.fetch_add(1, std::memory_order_relaxed);
  }
  SealedArena(SealedArena&& other) noexcept : first_(std::exchange(other.first_, nullptr)) {}
  SealedArena& operator=(SealedArena other) noexcept {
    std::swap(first_, other.first_);
    return *this;
  }
  ~SealedArena() { drop(); }

  /// False when it holds nothing.
  explicit operator bool() const { return first_ != nullptr; }
  std::size_t bytes_used() const { return first_ == nullptr ? 0 : core()->bytes_used; }
  /// Holders at this instant; exact only when no other thread can change it.
  std::size_t holders() const {
    return first_ == nullptr ? 0 : core()->holders.load(std::memory_order_relaxed);
  }

 private:
  friend class Arena;
  explicit SealedArena(BlockPool::Block* first) : first_(first) {}
  Arena::Core* core() const {
    return std::launder(reinterpret_cast<Arena::Core*>(first_->payload()));
  }
  void drop() noexcept;

  BlockPool::Block* first_ = nullptr;
};

}  // namespace tocsin
