#pragma once

#include <tocsin/storage.h>

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "backlog.h"
#include "database.h"

namespace tocsin::sqlite {

/// Pages of what is stored, read on read-only connections beside the one that writes. Any thread,
/// also several at once.
class Readers {
 public:
  static constexpr std::uint32_t kRowsMax = 500;
  static constexpr auto kTimeMax = std::chrono::milliseconds(100);
  /// Connections that are kept for the next page.
  static constexpr std::size_t kIdleMax = 4;

  explicit Readers(std::string path);
  ~Readers();

  /// Pages may be read until close(). `backlog` is borrowed until then.
  void open(const Backlog& backlog);
  /// Waits for the pages that are being read.
  void close();
  std::uint32_t read(const tocsin_query& query, const tocsin_row_sink& sink, tocsin_fault* fault);

 private:
  class Reader;

  /// Null with `backlog` null: not open. Else an idle reader, or none.
  std::unique_ptr<Reader> begin(const Backlog*& backlog);
  void end(std::unique_ptr<Reader> reader);
  /// Opens the reader if it is null; makes it null when it failed.
  std::uint32_t read_page(std::unique_ptr<Reader>& reader, const tocsin_query& query,
                          const tocsin_row_sink& sink, tocsin_fault* fault);
  static void send_backlog(const Backlog& backlog, const tocsin_row_sink& sink);

  const std::string path_;
  std::mutex mutex_;  // guards the rest
  std::condition_variable nobody_reads_;
  const Backlog* backlog_ = nullptr;
  std::vector<std::unique_ptr<Reader>> idle_;
  std::size_t reading_ = 0;
};

}  // namespace tocsin::sqlite
