// PRAGMA data_version counts the commits of all connections but our own: one number read in each
// transaction tells whether memory still says what the file says. A gateway that is alone finds it
// unchanged and does nothing else.
//
// An epoch comes with a row in `instances`, which it deletes when it goes. One that died leaves its
// row, but the lock on its byte is free.
#include "company.h"

#include <algorithm>
#include <utility>

#include "lines.h"

namespace tocsin::sqlite {

namespace {

// No version that SQLite ever tells, so that the next look reads everything again.
constexpr std::int64_t kNeverSeen = -1;

}  // namespace

bool Company::meet(Database& database, std::int64_t own, std::int64_t& living, std::int64_t& mark) {
  Statement epochs;
  Statement forget;
  if (!epochs.prepare(database, "SELECT epoch, high_mark FROM instances") ||
      !forget.prepare(database, "DELETE FROM instances WHERE epoch = ?1")) {
    return false;
  }
  std::vector<std::int64_t> dead;
  auto rows = epochs.rows();
  while (rows.next()) {
    const std::int64_t epoch = rows.number(0);
    const bool lives = epoch != own && lock_.lives(epoch);
    if (lives) living = epoch;
    // The ids of living ones differ by their node.
    if (!lives) mark = std::max(mark, rows.number(1));
    if (!lives && epoch != own) dead.push_back(epoch);
  }
  if (rows.failed()) return false;
  return std::all_of(dead.begin(), dead.end(),
                     [&](std::int64_t epoch) { return forget.run(epoch); });
}

bool Company::prepare(Database& database, std::int64_t own, bool goes_on) {
  own_ = own;
  if (!data_version_.prepare(database, "PRAGMA data_version") ||
      !read_.prepare(database, "SELECT epoch FROM instances WHERE epoch <> ?1 ORDER BY epoch") ||
      !newest_ever_.prepare(database, "SELECT seq FROM sqlite_sequence WHERE name = 'instances'") ||
      !forget_.prepare(database, "DELETE FROM instances WHERE epoch = ?1")) {
    return false;
  }
  seen_version_ = kNeverSeen;
  bool foreign = false;
  if (!look(foreign)) return false;
  caught_up();
  // The opening took over; to an epoch that begins it reports what there is, too.
  somebody_went_ = false;
  news_ = goes_on;
  return true;
}

bool Company::look(bool& foreign) {
  {
    auto rows = data_version_.rows();
    if (!rows.next()) return false;
    version_ = rows.number(0);
  }
  foreign = version_ != seen_version_;
  if (!foreign) return true;
  news_ = true;
  return read_others();
}

bool Company::read_others() {
  std::vector<std::int64_t> found;
  auto rows = read_.rows(own_);
  while (rows.next()) found.push_back(rows.number(0));
  if (rows.failed()) return false;
  auto newest = newest_ever_.rows();
  if (!newest.next()) return false;
  const std::int64_t began = std::exchange(newest_, newest.number(0));
  const auto came = std::ranges::count_if(found, [&](std::int64_t epoch) { return epoch > began; });
  // Those that were here, and those that came and went unseen: epochs count up.
  if (came < newest_ - began || !std::ranges::includes(found, others_)) somebody_went_ = true;
  others_ = std::move(found);
  return true;
}

bool Company::take_news() {
  told_news_ = true;
  return news_;
}

bool Company::take_over(Database& database, std::int64_t now_ns, std::uint64_t& taken_over) {
  std::vector<std::int64_t> living;
  bool somebody_died = false;
  for (const std::int64_t epoch : others_) {
    if (lock_.lives(epoch)) {
      living.push_back(epoch);
      continue;
    }
    somebody_died = true;
    if (!forget_.run(epoch)) return false;
  }
  if (!somebody_died && !somebody_went_) return true;
  took_over_ = true;
  others_ = std::move(living);
  return take_over_orphans(database, now_ns, taken_over);
}

void Company::commit() {
  if (took_over_) somebody_went_ = false;
  if (told_news_) news_ = false;
  took_over_ = told_news_ = false;
}

void Company::rollback() {
  took_over_ = told_news_ = false;
  seen_version_ = kNeverSeen;
}

#define TOCSIN_ORPHANED \
  "WHERE state <= 2 AND owner > 0 AND owner NOT IN (SELECT epoch FROM instances)"

bool take_over_orphans(Database& database, std::int64_t now_ns, std::uint64_t& taken_over) {
  Statement count;
  Statement statement;
  // The outputs' counts, by what the update is going to do.
  if (!count.prepare(database,
                     "UPDATE outputs SET ready = outputs.ready + moved.ready, "
                     "dead = outputs.dead + moved.dead "
                     "FROM (SELECT output, sum(state = 1 AND NOT cancel_requested) AS ready, "
                     "sum(state = 2 AND NOT cancel_requested) AS dead "
                     "FROM deliveries INDEXED BY unsettled " TOCSIN_ORPHANED
                     " GROUP BY output) AS moved WHERE outputs.id = moved.output") ||
      !count.run() ||
      !statement.prepare(database,
                         "UPDATE deliveries INDEXED BY unsettled SET "
                         "state = CASE WHEN cancel_requested THEN 5 WHEN state = 2 THEN 4 "
                         "ELSE 0 END, "
                         "reason = CASE WHEN state = 2 AND NOT cancel_requested THEN 'ambiguous' "
                         "ELSE reason END, "
                         "review = CASE WHEN state = 2 THEN 0 ELSE review END, "
                         "next_at = CASE WHEN state = 2 THEN ?1 ELSE next_at END, "
                         "owner = 0, updated_at = ?1 " TOCSIN_ORPHANED) ||
      !statement.run(now_ns)) {
    return false;
  }
  taken_over = static_cast<std::uint64_t>(sqlite3_changes64(database.handle()));
  Lines lines;
  return lines.prepare(database) && lines.mend();
}

}  // namespace tocsin::sqlite
