// A chunk goes round: free -> a loop's LineBuffer -> waiting -> the writer thread -> free. Their
// number is bounded, so a stalled disk stops the round and lines find no chunk to be written to.
#include "gateway/telemetry/line_log.h"

#include <pthread.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "gateway/base/assert.h"

namespace tocsin::telemetry {

LineLog::LineLog(std::unique_ptr<ByteSink> sink, std::size_t bytes_max)
    : writer_(std::move(sink)), chunks_max_(std::max<std::size_t>(1, bytes_max / kLineChunkBytes)) {
  free_.reserve(chunks_max_);
  waiting_.reserve(chunks_max_);
  thread_ = std::thread([this] { write_until_stopped(); });
  pthread_setname_np(thread_.native_handle(), "tocsin-linelog");
}

LineLog::~LineLog() {
  TOCSIN_ASSERT(buffers_.load() == 0, "a line log ended before its buffers");
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  handed_over_changed_.notify_one();
  thread_.join();
}

bool LineLog::flush(Duration limit) {
  std::unique_lock lock(mutex_);
  const std::uint64_t target = chunks_handed_over_;
  return written_changed_.wait_for(lock, limit, [&] { return chunks_written_ >= target; });
}

LineLog::ChunkPtr LineLog::take_chunk() {
  {
    const std::lock_guard lock(mutex_);
    if (!free_.empty()) {
      ChunkPtr chunk = std::move(free_.back());
      free_.pop_back();
      return chunk;
    }
    if (chunks_made_ == chunks_max_) return nullptr;
    ++chunks_made_;
  }
  return std::make_unique_for_overwrite<Chunk>();
}

void LineLog::hand_over(ChunkPtr chunk) {
  {
    const std::lock_guard lock(mutex_);
    waiting_.push_back(std::move(chunk));
    ++chunks_handed_over_;
  }
  handed_over_changed_.notify_one();
}

void LineLog::give_back(ChunkPtr chunk) {
  chunk->used = 0;
  {
    const std::lock_guard lock(mutex_);
    free_.push_back(std::move(chunk));
    ++chunks_written_;
  }
  written_changed_.notify_all();
}

void LineLog::write_until_stopped() {
  std::vector<ChunkPtr> batch;
  batch.reserve(chunks_max_);
  while (true) {
    {
      std::unique_lock lock(mutex_);
      handed_over_changed_.wait(lock, [this] { return !waiting_.empty() || stopping_; });
      if (waiting_.empty()) return;
      batch.swap(waiting_);
    }
    for (ChunkPtr& chunk : batch) {
      writer_.write({chunk->bytes, chunk->used});
      give_back(std::move(chunk));
    }
    batch.clear();
  }
}

LineBuffer::LineBuffer(LineLog& log) : log_(log) { log_.buffers_.fetch_add(1); }

LineBuffer::~LineBuffer() {
  flush();
  log_.buffers_.fetch_sub(1);
}

void LineBuffer::append(std::string_view line) {
  const bool cut = line.size() >= kLineBytesMax;
  if (cut) line = line.substr(0, kLineBytesMax - 1 - kCutMark.size());
  const std::size_t bytes = line.size() + (cut ? kCutMark.size() : 0);
  const std::span<char> room = prepare(bytes);
  if (room.data() == nullptr) return;
  std::memcpy(room.data(), line.data(), line.size());
  if (cut) {
    note_cut();
    std::memcpy(room.data() + line.size(), kCutMark.data(), kCutMark.size());
  }
  commit(bytes);
}

std::span<char> LineBuffer::prepare(std::size_t bytes) {
  TOCSIN_ASSERT(bytes < kLineBytesMax, "a line longer than the limit was prepared");
  if (chunk_ && sizeof(chunk_->bytes) - chunk_->used < bytes + 1) flush();
  if (!chunk_) chunk_ = log_.take_chunk();
  if (!chunk_) {
    log_.lines_dropped_.fetch_add(1, std::memory_order_relaxed);
    return {};
  }
  // One byte is kept back for the newline.
  return {chunk_->bytes + chunk_->used, sizeof(chunk_->bytes) - chunk_->used - 1};
}

void LineBuffer::commit(std::size_t bytes) {
  TOCSIN_ASSERT(chunk_ && chunk_->used + bytes < sizeof(chunk_->bytes),
                "a line was committed beyond its prepared room");
  chunk_->bytes[chunk_->used + bytes] = '\n';
  chunk_->used += bytes + 1;
}

void LineBuffer::flush() {
  if (chunk_ && chunk_->used > 0) log_.hand_over(std::move(chunk_));
}

}  // namespace tocsin::telemetry
