#pragma once

#include <tocsin/storage.h>

#include <cstdint>
#include <string_view>

#include "database.h"

namespace tocsin::sqlite {

/// What notifications are looked up by. Each is an index over a random value, which every
/// notification that has one pays for when it comes and when it goes; so nobody has it who does not
/// ask for it.
struct Search {
  bool key = false;
  bool external_id = false;
};

/// One of the two.
struct SearchColumn {
  std::uint32_t query;  ///< enum tocsin_query_kind
  bool Search::* wanted;
  std::string_view option;
  const char* create;
  const char* drop;
  const char* find;  ///< (text, below this id, limit)
};
inline constexpr std::size_t kSearchColumns = 2;
extern const SearchColumn kSearch[kSearchColumns];

/// Makes the indexes that are wanted, in the transaction under way; `alone`: drops the others,
/// which else somebody may be reading by. Making one reads every notification.
bool keep_search_indexes(Database& database, const Search& search, bool alone);

}  // namespace tocsin::sqlite
