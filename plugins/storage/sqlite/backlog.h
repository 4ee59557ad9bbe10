#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "database.h"

namespace tocsin::sqlite {

/// The outputs by name and by the small number that stands for the name in tables and indexes, and
/// how many deliveries wait or lie dead for each, kept in the same transaction as the deliveries.
/// The storage's loop.
class Backlog {
 public:
  bool load(Database& database);
  /// Others have committed: learns the outputs they added. Before a batch changes anything.
  bool catch_up();

  /// The number of an output; a new one is written in the batch under way. 0: the database failed.
  std::int64_t number_of(tocsin_str name);
  /// The number of an output that is known; 0: it is not.
  std::int64_t find(tocsin_str name) const;
  tocsin_str name_of(std::int64_t number) const;

  void add_ready(std::int64_t number, std::int64_t change) { changes_[number].ready += change; }
  /// Dead letters that are not discarded.
  void add_dead(std::int64_t number, std::int64_t change) { changes_[number].dead += change; }

  /// Ends a batch: writes what changed.
  bool finish();
  void commit();
  void rollback();

 private:
  struct Change {
    std::int64_t ready = 0;
    std::int64_t dead = 0;
  };
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const {
      return std::hash<std::string_view>{}(text);
    }
  };

  void remember(std::int64_t number, std::string name);

  // Maps and no vectors: what a damaged file says of numbers must not become an index.
  std::unordered_map<std::string, std::int64_t, Hash, std::equal_to<>> numbers_;
  std::unordered_map<std::int64_t, std::string> names_;
  std::unordered_map<std::int64_t, Change> changes_;  // of the batch under way
  std::int64_t greatest_ = 0;
  std::int64_t greatest_committed_ = 0;
  Statement newer_;
  Statement insert_;
  Statement update_;
};

}  // namespace tocsin::sqlite
