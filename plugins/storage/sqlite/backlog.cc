// Counting rows takes as long as there are rows: 700 ms for 1.5 million at opening. So each batch
// adds what it changed to the row of its outputs, and in the steady state, where deliveries are
// claimed in memory and settled, it changes nothing.
#include "backlog.h"

#include <algorithm>
#include <utility>

namespace tocsin::sqlite {

namespace {

std::string_view view(tocsin_str text) { return {text.ptr, text.len}; }

}  // namespace

bool Backlog::load(Database& database) {
  if (!newer_.prepare(database, "SELECT id, name FROM outputs WHERE id > ?1 ORDER BY id") ||
      !insert_.prepare(database,
                       "INSERT INTO outputs (id, name, ready, dead) VALUES (?1, ?2, 0, 0)") ||
      !update_.prepare(database,
                       "UPDATE outputs SET ready = ready + ?2, dead = dead + ?3 WHERE id = ?1")) {
    return false;
  }
  return catch_up();
}

bool Backlog::catch_up() {
  auto rows = newer_.rows(greatest_);
  while (rows.next()) remember(rows.number(0), std::string(view(rows.text(1))));
  greatest_committed_ = greatest_;
  return !rows.failed();
}

std::int64_t Backlog::number_of(tocsin_str name) {
  if (const std::int64_t known = find(name); known != 0) return known;
  const std::int64_t number = greatest_ + 1;
  if (!insert_.run(number, name)) return 0;
  remember(number, std::string(view(name)));
  return number;
}

std::int64_t Backlog::find(tocsin_str name) const {
  const auto found = numbers_.find(view(name));
  return found != numbers_.end() ? found->second : 0;
}

tocsin_str Backlog::name_of(std::int64_t number) const {
  const auto found = names_.find(number);
  if (found == names_.end()) return {nullptr, 0};
  return {found->second.data(), found->second.size()};
}

void Backlog::remember(std::int64_t number, std::string name) {
  numbers_[name] = number;
  names_[number] = std::move(name);
  greatest_ = std::max(greatest_, number);
}

bool Backlog::finish() {
  for (const auto& [number, change] : changes_) {
    if (change.ready == 0 && change.dead == 0) continue;
    if (!update_.run(number, change.ready, change.dead)) return false;
  }
  return true;
}

void Backlog::commit() {
  changes_.clear();
  greatest_committed_ = greatest_;
}

void Backlog::rollback() {
  changes_.clear();
  for (; greatest_ > greatest_committed_; --greatest_) {
    const auto name = names_.find(greatest_);
    numbers_.erase(name->second);
    names_.erase(name);
  }
}

}  // namespace tocsin::sqlite
