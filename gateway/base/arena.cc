// A block on the wire between holders:
//
//   | next | capacity | payload ................................ |
//                     ^ of the first block of an arena only:
//                     | holders, pool, last, large, bytes_used | bytes handed out ...
//
// So a sealed arena is one pointer, and dropping the last handle costs one push however long the
// chain.
#include "gateway/base/arena.h"

#include <algorithm>

#if defined(__SANITIZE_ADDRESS__)
#define TOCSIN_ADDRESS_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define TOCSIN_ADDRESS_SANITIZER 1
#endif
#endif
#if defined(TOCSIN_ADDRESS_SANITIZER)
#include <sanitizer/asan_interface.h>
#endif

namespace tocsin {

namespace {

/// An address no other living thread has: cheaper to compare than a thread id.
const void* this_thread_mark() {
  thread_local const char mark = 0;
  return &mark;
}

// A recycled block would hide a view that outlived its arena, so free blocks are poisoned.
void forbid_access([[maybe_unused]] BlockPool::Block* first,
                   [[maybe_unused]] BlockPool::Block* last) {
#if defined(TOCSIN_ADDRESS_SANITIZER)
  for (BlockPool::Block* block = first;; block = block->next) {
    ASAN_POISON_MEMORY_REGION(block->payload(), block->capacity);
    if (block == last) return;
  }
#endif
}

void allow_access([[maybe_unused]] BlockPool::Block* block) {
#if defined(TOCSIN_ADDRESS_SANITIZER)
  ASAN_UNPOISON_MEMORY_REGION(block->payload(), block->capacity);
#endif
}

BlockPool::Block* make_block(std::size_t capacity) {
  if (capacity > SIZE_MAX - sizeof(BlockPool::Block)) return nullptr;
  void* memory = ::operator new(sizeof(BlockPool::Block) + capacity, std::nothrow);
  if (memory == nullptr) return nullptr;
  auto* block = new (memory) BlockPool::Block;
  block->capacity = capacity;
  return block;
}

void free_block(BlockPool::Block* block) {
  allow_access(block);
  ::operator delete(block);
}

}  // namespace

BlockPool::BlockPool(Options options) : options_(options) {
  TOCSIN_ASSERT(options_.block_bytes >= 256 && options_.block_bytes % sizeof(Block) == 0,
                "blocks are multiples of their header and hold more than bookkeeping");
}

BlockPool::~BlockPool() {
  collect();
  TOCSIN_ASSERT(outstanding_ == 0 && large_outstanding_.load(std::memory_order_acquire) == 0,
                "a pool died before its blocks came home");
  while (free_ != nullptr) free_block(std::exchange(free_, free_->next));
}

void BlockPool::assert_owner() const {
  TOCSIN_ASSERT(owner_ == nullptr || owner_ == this_thread_mark(),
                "a pool serves its owner thread");
}

BlockPool::Block* BlockPool::take() {
  if (owner_ == nullptr) owner_ = this_thread_mark();
  assert_owner();
  if (free_ == nullptr) collect();
  Block* block = free_;
  if (block != nullptr) {
    free_ = block->next;
    --kept_;
    allow_access(block);
    block->next = nullptr;
  } else {
    block = make_block(block_capacity());
    if (block == nullptr) return nullptr;
    ++made_;
  }
  ++outstanding_;
  return block;
}

BlockPool::Block* BlockPool::take_large(std::size_t capacity) {
  assert_owner();
  Block* block = make_block(capacity);
  if (block == nullptr) return nullptr;
  ++large_made_;
  large_outstanding_.fetch_add(1, std::memory_order_relaxed);
  return block;
}

void BlockPool::give_back(Block* first, Block* last) {
  forbid_access(first, last);
  last->next = nullptr;
  if (owner_ == this_thread_mark()) {
    while (first != nullptr) keep_or_free(std::exchange(first, first->next));
    return;
  }
  Block* head = returned_.load(std::memory_order_relaxed);
  do {
    last->next = head;
  } while (!returned_.compare_exchange_weak(head, first, std::memory_order_release,
                                            std::memory_order_relaxed));
}

void BlockPool::drop_large(Block* first) {
  while (first != nullptr) {
    free_block(std::exchange(first, first->next));
    large_outstanding_.fetch_sub(1, std::memory_order_release);
  }
}

void BlockPool::collect() {
  if (returned_.load(std::memory_order_relaxed) == nullptr) return;
  Block* block = returned_.exchange(nullptr, std::memory_order_acquire);
  while (block != nullptr) keep_or_free(std::exchange(block, block->next));
}

void BlockPool::keep_or_free(Block* block) {
  TOCSIN_ASSERT(outstanding_ > 0, "a block came back twice");
  --outstanding_;
  if (kept_ >= options_.kept_max) {
    free_block(block);
    return;
  }
  block->next = free_;
  free_ = block;
  ++kept_;
}

BlockPool::Stats BlockPool::stats() {
  assert_owner();
  collect();
  return Stats{outstanding_, kept_, made_, large_outstanding_.load(std::memory_order_acquire),
               large_made_};
}

bool Arena::take_first() {
  first_ = pool_->take();
  if (first_ == nullptr) return false;
  last_ = first_;
  rewind_to_first();
  return true;
}

void Arena::rewind_to_first() {
  cursor_ = first_->payload() + kCoreBytes;
  end_ = first_->payload() + first_->capacity;
}

// The slow path: no block yet, the current one has too little room, or the limit is reached. Fresh
// blocks are aligned for anything, so no padding is needed there.
void* Arena::allocate_elsewhere(std::size_t size, std::size_t room_to_grow) {
  if (size > bytes_max_ - used_) return nullptr;
  if (first_ == nullptr) {
    if (!take_first()) return nullptr;
    if (size <= static_cast<std::size_t>(end_ - cursor_)) return bump(0, size);
  }
  Block* block = take_block(size, room_to_grow);
  if (block == nullptr) return nullptr;
  used_ += size;
  // Go on in whichever block has more room; the one left behind is then more than half full.
  if (block->capacity - size > static_cast<std::size_t>(end_ - cursor_)) {
    cursor_ = block->payload() + size;
    end_ = block->payload() + block->capacity;
  }
  return block->payload();
}

Arena::Block* Arena::take_block(std::size_t size, std::size_t room_to_grow) {
  if (size > pool_->block_capacity()) {
    Block* block = pool_->take_large(size + std::min(room_to_grow, bytes_max_ - used_ - size));
    if (block == nullptr) return nullptr;
    block->next = std::exchange(large_, block);
    ++large_blocks_;
    return block;
  }
  Block* block = pool_->take();
  if (block == nullptr) return nullptr;
  block->next = std::exchange(first_->next, block);
  if (last_ == first_) last_ = block;
  return block;
}

std::optional<std::string_view> Arena::copy(std::string_view text) { return grow(text, {}); }

std::optional<std::string_view> Arena::grow(std::string_view text, std::string_view more) {
  if (more.empty() && text.empty()) return std::string_view("");
  const bool newest = cursor_ != nullptr && !text.empty() &&
                      reinterpret_cast<const std::byte*>(text.data() + text.size()) == cursor_;
  if (newest && more.size() <= static_cast<std::size_t>(end_ - cursor_)) {
    if (more.size() > bytes_max_ - used_) return std::nullopt;
    if (!more.empty()) std::memcpy(bump(0, more.size()), more.data(), more.size());
    return std::string_view(text.data(), text.size() + more.size());
  }
  if (more.size() > bytes_max_ || text.size() > bytes_max_ - more.size()) return std::nullopt;
  const std::size_t size = text.size() + more.size();
  const auto room = static_cast<std::size_t>(end_ - cursor_);
  const bool fits = cursor_ != nullptr && size <= room && size <= bytes_max_ - used_;
  // A string that outgrew its block will grow again: twice the room keeps the copies linear.
  void* place = fits ? bump(0, size) : allocate_elsewhere(size, more.empty() ? 0 : size);
  if (place == nullptr) return std::nullopt;
  auto* bytes = static_cast<char*>(place);
  if (!text.empty()) std::memcpy(bytes, text.data(), text.size());
  if (!more.empty()) std::memcpy(bytes + text.size(), more.data(), more.size());
  return std::string_view(bytes, size);
}

void Arena::reset() {
  used_ = 0;
  large_blocks_ = 0;
  if (first_ == nullptr) return;
  pool_->drop_large(std::exchange(large_, nullptr));
  if (last_ != first_) pool_->give_back(first_->next, last_);
  first_->next = nullptr;
  last_ = first_;
  rewind_to_first();
}

void Arena::return_all(BlockPool& pool, Block* first, Block* last, Block* large) {
  pool.drop_large(large);
  pool.give_back(first, last);
}

void Arena::release() {
  if (first_ == nullptr) return;
  return_all(*pool_, first_, last_, large_);
  first_ = last_ = large_ = nullptr;
  cursor_ = end_ = nullptr;
}

void Arena::steal(Arena& other) noexcept {
  pool_ = other.pool_;
  bytes_max_ = other.bytes_max_;
  used_ = std::exchange(other.used_, 0);
  cursor_ = std::exchange(other.cursor_, nullptr);
  end_ = std::exchange(other.end_, nullptr);
  first_ = std::exchange(other.first_, nullptr);
  last_ = std::exchange(other.last_, nullptr);
  large_ = std::exchange(other.large_, nullptr);
  large_blocks_ = std::exchange(other.large_blocks_, 0);
}

SealedArena Arena::seal() && {
  if (first_ == nullptr) return SealedArena();
  auto* core = new (first_->payload()) Core;
  core->pool = pool_;
  core->last = std::exchange(last_, nullptr);
  core->large = std::exchange(large_, nullptr);
  core->bytes_used = std::exchange(used_, 0);
  cursor_ = end_ = nullptr;
  large_blocks_ = 0;
  return SealedArena(std::exchange(first_, nullptr));
}

void SealedArena::drop() noexcept {
  if (first_ == nullptr) return;
  Arena::Core* shared = core();
  if (shared->holders.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
  Arena::return_all(*shared->pool, first_, shared->last, shared->large);
}

}  // namespace tocsin
