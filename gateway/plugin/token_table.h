#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "tocsin/plugin.h"

namespace tocsin::plugin {

/// Objects under way, named by tokens: a slot and its generation, so that a token that is over
/// never names the slot's next object. Objects are kept for the next use, with their buffers. One
/// thread.
///
///   bits 63..32 generation   31..24 which table, never 0   23..0 slot
template <typename T>
class TokenTable {
 public:
  static constexpr std::size_t kSlotsMax = std::size_t{1} << 24;
  static constexpr std::size_t kSparesMax = 1024;

  /// `mark` tells the tables of one worker apart.
  TokenTable(std::uint8_t mark, std::size_t size_max) : mark_(mark), size_max_(size_max) {}

  /// An object that was used before, else what `make` returns as unique_ptr; null when the table is
  /// full.
  template <typename Make>
  T* add(tocsin_token& token, Make&& make) {
    if (size_ >= size_max_) return nullptr;
    std::uint32_t slot = 0;
    if (free_.empty()) {
      slot = static_cast<std::uint32_t>(slots_.size());
      slots_.emplace_back();
    } else {
      slot = free_.back();
      free_.pop_back();
    }
    if (spares_.empty()) {
      slots_[slot].object = make();
    } else {
      slots_[slot].object = std::move(spares_.back());
      spares_.pop_back();
    }
    ++size_;
    token = token_of(slot);
    return slots_[slot].object.get();
  }
  T* add(tocsin_token& token) {
    return add(token, [] { return std::make_unique<T>(); });
  }

  T* find(tocsin_token token) {
    Slot* slot = slot_of(token);
    return slot == nullptr ? nullptr : slot->object.get();
  }

  /// Ends the token; null when it was over. The object stays alive in the caller's hands.
  std::unique_ptr<T> take(tocsin_token token) {
    Slot* slot = slot_of(token);
    if (slot == nullptr) return nullptr;
    std::unique_ptr<T> object = std::move(slot->object);
    ++slot->generation;
    free_.push_back(static_cast<std::uint32_t>(slot - slots_.data()));
    --size_;
    return object;
  }
  /// For the next add().
  void give_back(std::unique_ptr<T> object) {
    if (spares_.size() < kSparesMax) spares_.push_back(std::move(object));
  }

  /// The token of the first object for which `holds` is true; 0: there is none.
  template <typename Predicate>
  tocsin_token find_if(Predicate holds) const {
    for (std::size_t i = 0; i < slots_.size(); ++i) {
      if (slots_[i].object != nullptr && holds(*slots_[i].object)) return token_of(i);
    }
    return 0;
  }
  /// Every token that is not over.
  std::vector<tocsin_token> all() const {
    std::vector<tocsin_token> tokens;
    tokens.reserve(size_);
    for (std::size_t i = 0; i < slots_.size(); ++i) {
      if (slots_[i].object != nullptr) tokens.push_back(token_of(i));
    }
    return tokens;
  }
  std::size_t size() const { return size_; }

 private:
  struct Slot {
    std::uint32_t generation = 1;
    std::unique_ptr<T> object;
  };

  tocsin_token token_of(std::size_t slot) const {
    return (std::uint64_t{slots_[slot].generation} << 32) | (std::uint64_t{mark_} << 24) | slot;
  }
  Slot* slot_of(tocsin_token token) {
    const std::size_t index = token & (kSlotsMax - 1);
    if (((token >> 24) & 0xFF) != mark_ || index >= slots_.size()) return nullptr;
    Slot& slot = slots_[index];
    const bool current = slot.object != nullptr && slot.generation == token >> 32;
    return current ? &slot : nullptr;
  }

  const std::uint8_t mark_;
  const std::size_t size_max_;
  std::size_t size_ = 0;
  std::vector<Slot> slots_;
  std::vector<std::uint32_t> free_;
  std::vector<std::unique_ptr<T>> spares_;
};

}  // namespace tocsin::plugin
