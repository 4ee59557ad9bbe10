#pragma once

#include <tocsin/storage.h>

#include <cstdint>

#include "database.h"

namespace tocsin::sqlite {

/// Reads records on one connection. Calls answer false when the database failed.
class RecordReader {
 public:
  bool prepare(Database& database);
  bool get(tocsin_str collection, tocsin_str key, std::int64_t now_ns,
           const tocsin_record_sink& sink);
  bool scan(const tocsin_record_scan& scan, const tocsin_record_sink& sink);

 private:
  Statement one_;
  Statement ascending_;
  Statement descending_;
};

}  // namespace tocsin::sqlite
