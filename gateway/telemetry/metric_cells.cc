#include "gateway/telemetry/metric_cells.h"

#include "gateway/base/assert.h"

namespace tocsin::telemetry {

constinit thread_local ShardSlot this_thread_shard;

CellSlabs::Cell* CellSlabs::take_columns(std::size_t count) {
  TOCSIN_ASSERT(count <= kColumns, "an instrument is wider than a slab");
  constexpr std::size_t kCellsInLine = sizeof(Line::cells) / sizeof(Cell);
  static_assert(kColumns % kCellsInLine == 0, "rows must end where cache lines end");
  if (columns_used_ + count > kColumns) {
    slabs_.push_back(std::make_unique<Line[]>(rows_ * kColumns / kCellsInLine));
    columns_used_ = 0;
  }
  Cell* const first = slabs_.back()[0].cells + columns_used_;
  columns_used_ += count;
  return first;
}

std::uint64_t Cells::sum(std::size_t column) const {
  std::uint64_t total = 0;
  for (std::size_t row = 0; row <= shared_offset_; row += CellSlabs::kColumns) {
    total += first_[row + column].load(std::memory_order_relaxed);
  }
  return total;
}

double Cells::sum_of_doubles(std::size_t column) const {
  double total = 0;
  for (std::size_t row = 0; row <= shared_offset_; row += CellSlabs::kColumns) {
    total += std::bit_cast<double>(first_[row + column].load(std::memory_order_relaxed));
  }
  return total;
}

}  // namespace tocsin::telemetry
