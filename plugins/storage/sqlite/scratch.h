#pragma once

#include <tocsin/plugin.h>

#include <cstddef>
#include <cstring>
#include <memory>
#include <vector>

namespace tocsin::sqlite {

/// The memory of one batch's results: handed out piece by piece, taken back as a whole by the next
/// batch. Pieces never move.
class Scratch {
 public:
  static constexpr std::size_t kBlockBytes = std::size_t{256} << 10;
  /// Blocks of usual size that are kept for the next batch.
  static constexpr std::size_t kBlocksKept = 4;

  void* take(std::size_t bytes) {
    bytes = (bytes + kAlign - 1) / kAlign * kAlign;
    if (bytes > kBlockBytes / 2) {
      large_.push_back(std::make_unique<std::byte[]>(bytes));
      return large_.back().get();
    }
    if (used_ == 0 || filled_ + bytes > kBlockBytes) {
      if (used_ == blocks_.size()) blocks_.push_back(std::make_unique<std::byte[]>(kBlockBytes));
      ++used_;
      filled_ = 0;
    }
    std::byte* piece = blocks_[used_ - 1].get() + filled_;
    filled_ += bytes;
    return piece;
  }

  tocsin_str copy(tocsin_str text) {
    if (text.len == 0) return {nullptr, 0};
    auto* bytes = static_cast<char*>(take(text.len));
    std::memcpy(bytes, text.ptr, text.len);
    return {bytes, text.len};
  }

  void clear() {
    large_.clear();
    if (blocks_.size() > kBlocksKept) blocks_.resize(kBlocksKept);
    used_ = 0;
    filled_ = 0;
  }

 private:
  static constexpr std::size_t kAlign = alignof(std::max_align_t);
  std::vector<std::unique_ptr<std::byte[]>> blocks_;
  std::vector<std::unique_ptr<std::byte[]>> large_;
  std::size_t used_ = 0;
  std::size_t filled_ = 0;  // of the last used block
};

}  // namespace tocsin::sqlite
