#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "gateway/base/assert.h"
#include "gateway/base/clock.h"

namespace tocsin::policy {

/// A key and its hash, so that it is hashed once however many maps are asked.
struct KeyView {
  std::string_view text;
  std::uint64_t hash;
};

/// A hash map whose entries end by themselves, with an order of ending. A heap holds a lower bound
/// of every entry's end; an end that moves later leaves the heap alone and is put right when it
/// reaches the top, so that touching an entry costs nothing but the lookup. Work at the top is
/// bounded by the caller. Not synchronised; hashes come from the caller, who may have them seeded.
template <typename Value>
class ExpiringMap {
 public:
  std::size_t size() const { return map_.size(); }
  /// What the entries were inserted with, summed.
  std::size_t bytes() const { return bytes_; }

  /// The live value, or null. Valid until the entry is removed.
  Value* find(const KeyView& key, MonoTime now) {
    const auto at = map_.find(key);
    return at == map_.end() || at->second.ends_at <= now ? nullptr : &at->second.value;
  }

  /// Adds an entry; an ended one of the same key must have been removed before, a live one is a
  /// bug.
  void insert(const KeyView& key, Value value, MonoTime ends_at, std::size_t bytes) {
    const auto [at, added] = map_.try_emplace(Key{std::string(key.text), key.hash});
    TOCSIN_ASSERT(added, "a key was inserted twice");
    at->second = Entry{std::move(value), ends_at, heap_.size(), bytes};
    bytes_ += bytes;
    heap_.push_back({ends_at, &*at});
    sift_up(heap_.size() - 1);
  }

  /// Moves the end of an existing entry.
  void set_end(const KeyView& key, MonoTime ends_at) {
    const auto at = map_.find(key);
    TOCSIN_ASSERT(at != map_.end(), "the end of a missing entry was moved");
    at->second.ends_at = ends_at;
    const std::size_t place = at->second.place;
    if (ends_at >= heap_[place].ends_at_least) return;
    heap_[place].ends_at_least = ends_at;
    sift_up(place);
  }

  /// Removes the entry, live or ended; hands its value to `last_look` first. False when absent.
  template <typename LastLook>
  bool remove(const KeyView& key, LastLook&& last_look) {
    const auto at = map_.find(key);
    if (at == map_.end()) return false;
    last_look(at->second.value);
    remove_node(&*at);
    return true;
  }

  /// Removes ended entries, looking at no more than `looks_max` of them; `last_look` sees each
  /// value. Returns how many went.
  template <typename LastLook>
  std::size_t sweep(MonoTime now, std::size_t looks_max, LastLook&& last_look) {
    std::size_t removed = 0;
    for (; looks_max > 0 && !heap_.empty() && heap_[0].ends_at_least <= now; --looks_max) {
      if (correct_top()) continue;
      last_look(heap_[0].node->second.value);
      remove_node(heap_[0].node);
      ++removed;
    }
    return removed;
  }

  /// Removes the entry that would end soonest, exactly so unless more than `looks_max` ends have
  /// moved since they were last looked at. False when empty.
  bool displace_soonest(std::size_t looks_max) {
    if (heap_.empty()) return false;
    while (looks_max > 0 && correct_top()) --looks_max;
    remove_node(heap_[0].node);
    return true;
  }

 private:
  struct Key {
    std::string text;
    std::uint64_t hash;
  };
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(const Key& key) const { return key.hash; }
    std::size_t operator()(const KeyView& key) const { return key.hash; }
  };
  struct Equal {
    using is_transparent = void;
    template <typename A, typename B>
    bool operator()(const A& a, const B& b) const {
      return a.text == b.text;
    }
  };
  struct Entry {
    Value value{};
    MonoTime ends_at;
    std::size_t place = 0;  ///< in heap_
    std::size_t bytes = 0;
  };
  using Map = std::unordered_map<Key, Entry, Hash, Equal>;
  using Node = typename Map::value_type;  ///< its address is stable while it is in the map
  struct HeapItem {
    MonoTime ends_at_least;
    Node* node;
  };

  void set(std::size_t place, HeapItem item) {
    heap_[place] = item;
    item.node->second.place = place;
  }

  void sift_up(std::size_t place) {
    const HeapItem item = heap_[place];
    while (place > 0) {
      const std::size_t parent = (place - 1) / 2;
      if (heap_[parent].ends_at_least <= item.ends_at_least) break;
      set(place, heap_[parent]);
      place = parent;
    }
    set(place, item);
  }

  void sift_down(std::size_t place) {
    const HeapItem item = heap_[place];
    for (;;) {
      std::size_t child = 2 * place + 1;
      if (child >= heap_.size()) break;
      const std::size_t right = child + 1;
      if (right < heap_.size() && heap_[right].ends_at_least < heap_[child].ends_at_least) {
        child = right;
      }
      if (heap_[child].ends_at_least >= item.ends_at_least) break;
      set(place, heap_[child]);
      place = child;
    }
    set(place, item);
  }

  /// True when the top's end had moved later and the heap was put right.
  bool correct_top() {
    const MonoTime truth = heap_[0].node->second.ends_at;
    if (heap_[0].ends_at_least >= truth) return false;
    heap_[0].ends_at_least = truth;
    sift_down(0);
    return true;
  }

  void remove_node(Node* node) {
    const std::size_t place = node->second.place;
    bytes_ -= node->second.bytes;
    const HeapItem last = heap_.back();
    heap_.pop_back();
    if (place < heap_.size()) {
      set(place, last);
      sift_up(place);
      sift_down(last.node->second.place);
    }
    map_.erase(map_.find(KeyView{node->first.text, node->first.hash}));
  }

  Map map_;
  std::vector<HeapItem> heap_;
  std::size_t bytes_ = 0;
};

}  // namespace tocsin::policy
