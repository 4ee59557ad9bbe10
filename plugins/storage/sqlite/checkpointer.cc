#include "checkpointer.h"

#include <algorithm>

namespace tocsin::sqlite {

void Checkpointer::attach(Database& database, std::int64_t page_size) {
  database_ = database.handle();
  page_size_ = page_size;
  pages_max_ = std::max<std::int64_t>(log_bytes_ / page_size, 1);
  pages_ = 0;
  sqlite3_wal_hook(database_, &Checkpointer::on_commit, this);
}

int Checkpointer::on_commit(void* self, sqlite3*, const char*, int pages) {
  static_cast<Checkpointer*>(self)->pages_ = pages;
  return SQLITE_OK;
}

int Checkpointer::after_commit(std::optional<std::int64_t> room) {
  std::int64_t pages_max = pages_max_;
  if (room) pages_max = std::clamp<std::int64_t>(*room / kShare / page_size_, 1, pages_max_);
  return pages_ < pages_max ? SQLITE_OK : now();
}

int Checkpointer::now() {
  return sqlite3_wal_checkpoint_v2(database_, nullptr, SQLITE_CHECKPOINT_PASSIVE, nullptr, nullptr);
}

}  // namespace tocsin::sqlite
