// Order and completeness of the bytes, whatever way they take: copied, written in place, sent at
// once or queued behind a slow reader.
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <random>
#include <string>

#include "gateway/event/tcp.h"
#include "tests/unit/event/loopback.h"

namespace tocsin::event {
namespace {

using std::chrono::seconds;
using testing::Door;
using testing::turn_until;

/// The bytes of a seeded stream, made on both sides.
class Pattern {
 public:
  explicit Pattern(std::uint64_t seed) : state_(seed) {}
  char next() {
    state_ = state_ * 6364136223846793005ULL + 1442695040888963407ULL;
    return static_cast<char>(state_ >> 56);
  }
  void fill(char* bytes, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) bytes[i] = next();
  }

 private:
  std::uint64_t state_;
};

/// Sends a pattern in pieces of every size by every way of writing, and checks that the other
/// side's pattern arrives whole, reading in fits and starts.
class Half : public Stream::Events {
 public:
  Half(std::uint64_t seed, std::size_t bytes) : random_(seed), sent_(seed), left_(bytes) {}

  void start(std::unique_ptr<Stream> stream, std::uint64_t peer_seed) {
    stream_ = std::move(stream);
    expected_.emplace(peer_seed);
    stream_->set_events(*this);
    stream_->read_start();
    produce();
  }
  bool finished() const { return ended_ && left_ == 0; }
  std::size_t received() const { return received_; }
  std::size_t buffered_max() const { return buffered_max_; }
  int pauses() const { return pauses_; }
  bool intact() const { return intact_ && broken_ == 0; }
  bool reading() const { return reading_; }
  /// Gives a reader that paused its next turn.
  void maybe_read() {
    if (reading_ || random_() % 4 != 0) return;
    reading_ = true;
    stream_->read_start();
  }

  void on_data(std::string_view bytes) override {
    for (const char byte : bytes) intact_ = intact_ && byte == expected_->next();
    received_ += bytes.size();
    if (random_() % 8 == 0) {
      reading_ = false;
      stream_->read_stop();
    }
  }
  void on_end() override { ended_ = true; }
  void on_broken(const Error&) override { ++broken_; }
  void on_writable() override { produce(); }

 private:
  void produce() {
    while (left_ > 0) {
      const bool more = write_one(std::min(left_, piece_size()));
      buffered_max_ = std::max(buffered_max_, stream_->buffered());
      if (!more) {
        ++pauses_;
        break;
      }
    }
    if (left_ == 0) stream_->end();
  }

  std::size_t piece_size() {
    constexpr std::size_t kScales[] = {16, 300, 8'192, 60'000};
    return 1 + random_() % kScales[random_() % 4];
  }

  bool write_one(std::size_t size) {
    left_ -= size;
    if (size <= Stream::kReserveMax && random_() % 2 == 0) {
      const std::size_t room = size + random_() % (Stream::kReserveMax - size + 1);
      sent_.fill(stream_->reserve(room), size);
      return stream_->commit(size);
    }
    scratch_.resize(size);
    sent_.fill(scratch_.data(), size);
    const bool more = stream_->write(scratch_);
    std::memset(scratch_.data(), '?', size);  // a stream that kept the pointer is found out
    return more;
  }

  std::mt19937_64 random_;
  Pattern sent_;
  std::optional<Pattern> expected_;
  std::unique_ptr<Stream> stream_;
  std::string scratch_;
  std::size_t left_;
  std::size_t received_ = 0;
  std::size_t buffered_max_ = 0;
  int pauses_ = 0;
  int broken_ = 0;
  bool reading_ = true;
  bool ended_ = false;
  bool intact_ = true;
};

TEST(TcpStream, LargeTransfersBothWaysArriveWholeInOrderAndInBoundedMemory) {
  constexpr std::size_t kBytes = 24 << 20;
  for (std::uint64_t seed = 1; seed <= 2; ++seed) {
    SCOPED_TRACE(seed);
    Loop loop;
    Door door(loop);
    Half near(seed, kBytes);
    Half far(seed + 100, kBytes);
    TcpConnect attempt(loop, door.address(), seconds(5), [&](Result<std::unique_ptr<Stream>> made) {
      ASSERT_TRUE(made);
      near.start(std::move(*made), seed + 100);
    });
    door.at_accept = [&] { far.start(std::move(door.accepted.front()), seed); };
    ASSERT_TRUE(turn_until(loop, [&] {
      if (!near.reading()) near.maybe_read();
      if (!far.reading()) far.maybe_read();
      return near.finished() && far.finished();
    }));
    for (const Half* half : {&near, &far}) {
      EXPECT_TRUE(half->intact());
      EXPECT_EQ(half->received(), kBytes);
      EXPECT_LE(half->buffered_max(), Stream::kHighWater + 64 * 1024);
      EXPECT_GT(half->pauses(), 0) << "never pushed back: the test proves too little";
    }
  }
}

}  // namespace
}  // namespace tocsin::event
