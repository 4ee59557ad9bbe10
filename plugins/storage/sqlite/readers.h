#pragma once

#include <tocsin/storage.h>

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "database.h"

namespace tocsin::sqlite {

/// How many deliveries wait and lie dead, by output.
inline constexpr const char* kBacklogQuery =
    "SELECT name, ready, dead FROM outputs WHERE ready > 0 OR dead > 0 ORDER BY name";

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

  /// Pages may be read until close().
  void open();
  /// Waits for the pages that are being read.
  void close();
  std::uint32_t read(const tocsin_query& query, const tocsin_row_sink& sink, tocsin_fault* fault);

 private:
  class Reader;

  /// False: not open. Else an idle reader, or null.
  bool begin(std::unique_ptr<Reader>& reader);
  void end(std::unique_ptr<Reader> reader);
  /// Opens the reader if it is null; makes it null when it failed.
  std::uint32_t read_page(std::unique_ptr<Reader>& reader, const tocsin_query& query,
                          const tocsin_row_sink& sink, tocsin_fault* fault);

  const std::string path_;
  std::mutex mutex_;  // guards the rest
  std::condition_variable nobody_reads_;
  bool open_ = false;
  std::vector<std::unique_ptr<Reader>> idle_;
  std::size_t reading_ = 0;
};

}  // namespace tocsin::sqlite
