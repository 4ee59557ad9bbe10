#pragma once

#include <cstdint>

#include "database.h"

namespace tocsin::sqlite {

/// The lines of ordered outputs: one for each output and key, kept in the rows themselves.
///
///   line 1, owner >= 0    the first: ready, or claimed
///   line 1, owner kBehind ready, and behind it: no claim sees it
///   line 2, owner 0       waits for its time, and joins when it is due
///
/// Whoever takes the first out of a line calls advance(), once it is out. Inside a transaction of
/// the storage's loop; false: the database failed.
class Lines {
 public:
  static constexpr std::int64_t kBehind = -1;

  bool prepare(Database& database);
  /// The owner of a ready row that joins: 0 as the first, or kBehind.
  bool join(std::int64_t output, std::int64_t key, std::int64_t& owner);
  /// Lets the next one be the first, when there is none. `freed` is set when that changed a row.
  bool advance(std::int64_t output, std::int64_t key, bool& freed);
  /// The same for the line of one delivery.
  bool advance_line_of(std::uint64_t notification, std::uint32_t ordinal, bool& freed);
  /// The same for all lines there are: after others ended that may not have done so.
  bool mend();

 private:
  bool has_first(std::int64_t output, std::int64_t key, bool& has);

  Statement first_;
  Statement next_;
  Statement promote_;
  Statement line_of_;
  Statement lines_;
};

}  // namespace tocsin::sqlite
