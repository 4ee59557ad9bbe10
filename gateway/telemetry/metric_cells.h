#pragma once

#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace tocsin::telemetry {

/// Which row of cells the calling thread may write alone. Set by a ShardClaim.
struct ShardSlot {
  const void* owner = nullptr;
  std::size_t offset = 0;  // in cells, from an instrument's first cell
};
extern constinit thread_local ShardSlot this_thread_shard;

/// The memory under the instruments. A slab is a table of 64-bit cells: one row per shard, one
/// column per value, rows on cache lines of their own. A loop writes its row alone with plain loads
/// and stores; every other thread shares the last row and adds atomically. Reading sums a column.
///
///              column 0  1  2 ...            kColumns - 1
///   shard 0    [ loop 0 writes here                     ]
///   shard 1    [ loop 1                                 ]
///   shared     [ control and pool threads, read-modify-write ]
class CellSlabs {
 public:
  static constexpr std::size_t kColumns = 512;
  using Cell = std::atomic<std::uint64_t>;

  explicit CellSlabs(std::size_t shards) : rows_(shards + 1) {}
  CellSlabs(const CellSlabs&) = delete;
  CellSlabs& operator=(const CellSlabs&) = delete;

  std::size_t shards() const { return rows_ - 1; }
  /// `count` neighbouring columns, at most kColumns, zeroed; the row-0 cell of the first. They live
  /// as long as the slabs do.
  Cell* take_columns(std::size_t count);

 private:
  struct alignas(64) Line {
    Cell cells[8];
  };

  const std::size_t rows_;
  std::vector<std::unique_ptr<Line[]>> slabs_;
  std::size_t columns_used_ = kColumns;
};

/// A run of columns as an instrument sees them.
class Cells {
 public:
  Cells(CellSlabs& slabs, std::size_t count)
      : first_(slabs.take_columns(count)),
        shared_offset_(slabs.shards() * CellSlabs::kColumns),
        owner_(&slabs) {}

  void add(std::size_t column, std::uint64_t amount) {
    if (owned_by_this_thread()) [[likely]] {
      CellSlabs::Cell& cell = own(column);
      cell.store(cell.load(std::memory_order_relaxed) + amount, std::memory_order_relaxed);
    } else {
      shared(column).fetch_add(amount, std::memory_order_relaxed);
    }
  }
  /// The cell holds the bits of a double.
  void add(std::size_t column, double amount) {
    if (owned_by_this_thread()) [[likely]] {
      CellSlabs::Cell& cell = own(column);
      cell.store(plus(cell.load(std::memory_order_relaxed), amount), std::memory_order_relaxed);
    } else {
      CellSlabs::Cell& cell = shared(column);
      std::uint64_t seen = cell.load(std::memory_order_relaxed);
      while (!cell.compare_exchange_weak(seen, plus(seen, amount), std::memory_order_relaxed)) {
      }
    }
  }
  void set_shared(std::size_t column, double value) {
    shared(column).store(std::bit_cast<std::uint64_t>(value), std::memory_order_relaxed);
  }

  std::uint64_t sum(std::size_t column) const;
  double sum_of_doubles(std::size_t column) const;

 private:
  bool owned_by_this_thread() const { return this_thread_shard.owner == owner_; }
  CellSlabs::Cell& own(std::size_t column) { return first_[this_thread_shard.offset + column]; }
  CellSlabs::Cell& shared(std::size_t column) { return first_[shared_offset_ + column]; }
  static std::uint64_t plus(std::uint64_t bits, double amount) {
    return std::bit_cast<std::uint64_t>(std::bit_cast<double>(bits) + amount);
  }

  CellSlabs::Cell* const first_;
  const std::size_t shared_offset_;
  const CellSlabs* const owner_;
};

}  // namespace tocsin::telemetry
