// Counting rows takes as long as there are rows, so they are counted once, at opening, and from
// then on by what each batch changed. Numbers of outputs are given without gaps and never taken
// back.
#include "backlog.h"

namespace tocsin::sqlite {

namespace {

std::string_view view(tocsin_str text) { return {text.ptr, text.len}; }

}  // namespace

bool Backlog::load(Database& database) {
  Statement outputs;
  Statement ready;
  Statement dead;
  if (!outputs.prepare(database, "SELECT id, name FROM outputs ORDER BY id") ||
      !ready.prepare(database,
                     "SELECT output, count(*) FROM deliveries INDEXED BY unsettled "
                     "WHERE state <= 2 AND owner = 0 GROUP BY output") ||
      !dead.prepare(database,
                    "SELECT output, count(*) FROM deliveries INDEXED BY dead_by_output "
                    "WHERE state = 4 AND review <> 2 GROUP BY output") ||
      !insert_.prepare(database, "INSERT INTO outputs (id, name) VALUES (?1, ?2)")) {
    return false;
  }
  auto names = outputs.rows();
  while (names.next()) remember(names.number(0), std::string(view(names.text(1))));
  if (names.failed()) return false;
  auto waiting = ready.rows();
  while (waiting.next()) add_ready(waiting.number(0), waiting.number(1));
  auto lying = dead.rows();
  while (lying.next()) add_dead(lying.number(0), lying.number(1));
  if (waiting.failed() || lying.failed()) return false;
  commit();
  return true;
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

void Backlog::commit() {
  const std::lock_guard lock(mutex_);
  for (; names_committed_ < names_.size(); ++names_committed_) {
    // A number without a name is one that a later release took out.
    const std::string* name = names_[names_committed_];
    counts_.push_back({name != nullptr ? *name : std::string(), 0, 0});
  }
  for (const std::int64_t number : changed_) {
    const auto index = static_cast<std::size_t>(number) - 1;
    counts_[index].ready += static_cast<std::uint64_t>(changes_[index].ready);
    counts_[index].dead += static_cast<std::uint64_t>(changes_[index].dead);
    changes_[index] = {};
  }
  changed_.clear();
}

void Backlog::rollback() {
  for (const std::int64_t number : changed_) changes_[static_cast<std::size_t>(number) - 1] = {};
  changed_.clear();
  while (names_.size() > names_committed_) {
    numbers_.erase(numbers_.find(*names_.back()));
    names_.pop_back();
  }
  changes_.resize(names_.size());
}

std::vector<Backlog::Count> Backlog::snapshot() const {
  const std::lock_guard lock(mutex_);
  return counts_;
}

}  // namespace tocsin::sqlite
