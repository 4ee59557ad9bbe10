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
#include "search.h"

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

  Readers(std::string path, Search search);
  ~Readers();

  /// Pages may be read until close().
  void open();
  /// Waits for the pages that are being read.
  void close();
  std::uint32_t read(const tocsin_query& query, const tocsin_row_sink& sink, tocsin_fault* fault);
  std::uint32_t get(tocsin_str collection, tocsin_str key, std::int64_t now_ns,
                    const tocsin_record_sink& sink, tocsin_fault* fault);
  std::uint32_t scan(const tocsin_record_scan& scan, const tocsin_record_sink& sink,
                     tocsin_fault* fault);

 private:
  class Reader;

  /// Lends `page` an idle reader, or a new one; false: the database failed, or it took too long.
  template <typename Page>
  std::uint32_t with_reader(tocsin_fault* fault, Page&& page);

  /// False: not open. Else an idle reader, or null.
  bool begin(std::unique_ptr<Reader>& reader);
  void end(std::unique_ptr<Reader> reader);
  /// The words for what went wrong.
  std::uint32_t refuse(const Reader& reader, tocsin_fault* fault) const;

  const std::string path_;
  const Search search_;
  std::mutex mutex_;  // guards the rest
  std::condition_variable nobody_reads_;
  bool open_ = false;
  std::vector<std::unique_ptr<Reader>> idle_;
  std::size_t reading_ = 0;
};

}  // namespace tocsin::sqlite
