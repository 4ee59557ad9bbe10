#include "gateway/delivery/door_book.h"

#include <algorithm>

#include "gateway/base/assert.h"

namespace tocsin::delivery {

DoorBook::Entry& DoorBook::entry(std::string_view output) {
  const auto [at, added] = entries_.try_emplace(std::string(output));
  if (added) {
    at->second.backlog = &metrics_.backlog.with({output});
    at->second.spilled = &metrics_.spilled.with({output});
  }
  return at->second;
}

void DoorBook::open(LaneDoor& door) {
  Entry& known = entry(door.output());
  TOCSIN_ASSERT(known.door == nullptr, "an output has two open lanes");
  known.door = &door;
  door.set_backlog(known.orphaned);
  door.open(wheel_, *this);
  publish();
}

void DoorBook::close(LaneDoor& door) {
  Entry& known = entry(door.output());
  TOCSIN_ASSERT(known.door == &door, "a lane was closed that was not open");
  known.orphaned = door.backlog();
  known.door = nullptr;
  door.close();
  std::erase_if(claimable_, [&](const Claimable& one) { return one.first == &door; });
}

LaneDoor* DoorBook::find(std::string_view output) {
  const auto at = entries_.find(output);
  return at == entries_.end() ? nullptr : at->second.door;
}

void DoorBook::reset(std::span<const stage::BacklogCount> backlog) {
  set_backlog(backlog);
  for (auto& [output, known] : entries_) {
    if (known.door != nullptr) known.door->spill();
  }
  publish();
}

void DoorBook::refresh(std::span<const stage::BacklogCount> backlog) {
  set_backlog(backlog);
  for (auto& [output, known] : entries_) {
    if (known.door != nullptr && known.door->backlog() > 0) known.door->spill();
  }
}

void DoorBook::set_backlog(std::span<const stage::BacklogCount> backlog) {
  for (auto& [output, known] : entries_) {
    known.orphaned = 0;
    if (known.door != nullptr) known.door->set_backlog(0);
    known.backlog->set(0);
  }
  for (const stage::BacklogCount& count : backlog) {
    Entry& known = entry(count.output);
    known.orphaned = count.ready;
    if (known.door != nullptr) known.door->set_backlog(count.ready);
    known.backlog->set(static_cast<double>(count.ready));
  }
}

std::uint64_t DoorBook::backlog_of(const Entry& known) {
  return known.door != nullptr ? known.door->backlog() : known.orphaned;
}

void DoorBook::set_backlog(Entry& known, std::uint64_t rows) {
  if (known.door != nullptr) {
    known.door->set_backlog(rows);
  } else {
    known.orphaned = rows;
  }
  known.backlog->set(static_cast<double>(rows));
}

void DoorBook::on_ready(const stage::OwnedDelivery& row, WallTime now) {
  Entry& known = entry(row.output);
  if (known.door != nullptr) return known.door->on_ready(row.queue, now, now);
  set_backlog(known, known.orphaned + 1);
}

void DoorBook::move(std::string_view from, std::string_view to, std::uint64_t rows) {
  Entry& old = entry(from);
  set_backlog(old, backlog_of(old) - std::min(rows, backlog_of(old)));
  Entry& next = entry(to);
  set_backlog(next, backlog_of(next) + rows);
  if (next.door != nullptr) next.door->spill();
}

void DoorBook::spill_ordered() {
  for (auto& [output, known] : entries_) {
    if (known.door != nullptr && known.door->ordered()) known.door->spill();
  }
}

void DoorBook::spill_all() {
  for (auto& [output, known] : entries_) {
    if (known.door != nullptr) known.door->spill();
  }
}

DoorBook::Claimable DoorBook::take_claimable() {
  const Claimable one = claimable_.front();
  claimable_.pop_front();
  return one;
}

void DoorBook::publish() {
  std::uint64_t total = 0;
  for (auto& [output, known] : entries_) {
    total += backlog_of(known);
    if (known.door == nullptr) continue;
    known.backlog->set(static_cast<double>(known.door->backlog()));
    known.door->look_at_spilled();
    known.spilled->set(known.door->seen_spilled() ? 1 : 0);
  }
  total_.store(total, std::memory_order_relaxed);
}

}  // namespace tocsin::delivery
