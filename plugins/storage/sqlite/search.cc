#include "search.h"

namespace tocsin::sqlite {

#define TOCSIN_FIND(index, column)                                                      \
  "SELECT id, input, caller, payload, accepted_at FROM notifications INDEXED BY " index \
  " WHERE " column " <> '' AND " column " = ?1 AND id < ?2 ORDER BY id DESC LIMIT ?3"

const SearchColumn kSearch[kSearchColumns] = {
    {TOCSIN_QUERY_BY_KEY, &Search::key, "key",
     "CREATE INDEX IF NOT EXISTS search_key ON notifications (group_key) WHERE group_key <> ''",
     "DROP INDEX IF EXISTS search_key", TOCSIN_FIND("search_key", "group_key")},
    {TOCSIN_QUERY_BY_EXTERNAL_ID, &Search::external_id, "external_id",
     "CREATE INDEX IF NOT EXISTS search_external_id ON notifications (external_id) "
     "WHERE external_id <> ''",
     "DROP INDEX IF EXISTS search_external_id", TOCSIN_FIND("search_external_id", "external_id")},
};

bool keep_search_indexes(Database& database, const Search& search, bool alone) {
  for (const SearchColumn& column : kSearch) {
    const bool wanted = search.*column.wanted;
    if (!wanted && !alone) continue;
    if (!database.run(wanted ? column.create : column.drop)) return false;
  }
  return true;
}

}  // namespace tocsin::sqlite
