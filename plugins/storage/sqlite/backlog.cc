// Counting rows takes as long as there are rows: 700 ms for 1.5 million at opening. So each batch
// adds what it changed to the row of its outputs, and in the steady state, where deliveries are
// claimed in memory and settled, it changes nothing.
#include "backlog.h"

namespace tocsin::sqlite {

namespace {

std::string_view view(tocsin_str text) { return {text.ptr, text.len}; }

}  // namespace

bool Backlog::load(Database& database) {
  Statement outputs;
  if (!outputs.prepare(database, "SELECT id, name FROM outputs ORDER BY id") ||
      !insert_.prepare(database,
                       "INSERT INTO outputs (id, name, ready, dead) VALUES (?1, ?2, 0, 0)") ||
      !update_.prepare(database,
                       "UPDATE outputs SET ready = ready + ?2, dead = dead + ?3 WHERE id = ?1")) {
    return false;
  }
  auto rows = outputs.rows();
  while (rows.next()) remember(rows.number(0), std::string(view(rows.text(1))));
  names_committed_ = names_.size();
  return !rows.failed();
}

std::int64_t Backlog::number_of(tocsin_str name) {
  if (const std::int64_t known = find(name); known != 0) return known;
  const auto number = static_cast<std::int64_t>(names_.size()) + 1;
  if (!insert_.run(number, name)) return 0;
  remember(number, std::string(view(name)));
  return number;
}

std::int64_t Backlog::find(tocsin_str name) const {
  const auto found = numbers_.find(view(name));
  return found != numbers_.end() ? found->second : 0;
}

tocsin_str Backlog::name_of(std::int64_t number) const {
  const auto index = static_cast<std::size_t>(number) - 1;
  if (index >= names_.size() || names_[index] == nullptr) return {nullptr, 0};
  return {names_[index]->data(), names_[index]->size()};
}

void Backlog::remember(std::int64_t number, std::string name) {
  const auto [entry, added] = numbers_.try_emplace(std::move(name), number);
  names_.resize(static_cast<std::size_t>(number));
  names_.back() = &entry->first;
  changes_.resize(names_.size());
}

Backlog::Change& Backlog::change_of(std::int64_t number) {
  Change& change = changes_[static_cast<std::size_t>(number) - 1];
  if (!change.noted) {
    change.noted = true;
    changed_.push_back(number);
  }
  return change;
}

bool Backlog::finish() {
  for (const std::int64_t number : changed_) {
    const Change& change = changes_[static_cast<std::size_t>(number) - 1];
    if (change.ready == 0 && change.dead == 0) continue;
    if (!update_.run(number, change.ready, change.dead)) return false;
  }
  return true;
}

void Backlog::commit() {
  forget_changes();
  names_committed_ = names_.size();
}

void Backlog::rollback() {
  forget_changes();
  for (; names_.size() > names_committed_; names_.pop_back()) {
    numbers_.erase(numbers_.find(*names_.back()));
  }
  changes_.resize(names_.size());
}

void Backlog::forget_changes() {
  for (const std::int64_t number : changed_) changes_[static_cast<std::size_t>(number) - 1] = {};
  changed_.clear();
}

}  // namespace tocsin::sqlite
