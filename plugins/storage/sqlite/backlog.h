#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "database.h"

namespace tocsin::sqlite {

/// The outputs by name and by the small number that stands for the name in tables and indexes, and
/// how many deliveries wait or lie dead for each, kept in the same transaction as the deliveries.
/// The storage's loop.
class Backlog {
 public:
  bool load(Database& database);

  /// The number of an output; a new one is written in the batch under way. 0: the database failed.
  std::int64_t number_of(tocsin_str name);
  /// The number of an output that is known; 0: it is not.
  std::int64_t find(tocsin_str name) const;
  tocsin_str name_of(std::int64_t number) const;

  void add_ready(std::int64_t number, std::int64_t change) { change_of(number).ready += change; }
  /// Dead letters that are not discarded.
  void add_dead(std::int64_t number, std::int64_t change) { change_of(number).dead += change; }

  /// Ends a batch: writes what changed.
  bool finish();
  void commit();
  void rollback();

 private:
  struct Change {
    std::int64_t ready = 0;
    std::int64_t dead = 0;
    bool noted = false;
  };
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const {
      return std::hash<std::string_view>{}(text);
    }
  };

  Change& change_of(std::int64_t number);
  void remember(std::int64_t number, std::string name);
  void forget_changes();

  std::unordered_map<std::string, std::int64_t, Hash, std::equal_to<>> numbers_;
  std::vector<const std::string*> names_;  // by number - 1; null where a later release took one out
  std::vector<Change> changes_;            // by number - 1
  std::vector<std::int64_t> changed_;
  std::size_t names_committed_ = 0;
  Statement insert_;
  Statement update_;
};

}  // namespace tocsin::sqlite
