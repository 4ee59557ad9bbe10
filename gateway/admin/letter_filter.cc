// Ids tell when a notification was accepted, so a time of acceptance bounds the walk itself: it
// begins below the one end and is over at the other.

#include "gateway/admin/letter_filter.h"

#include <algorithm>
#include <chrono>
#include <unordered_map>
#include <utility>

#include "gateway/admin/rows_json.h"
#include "gateway/base/units.h"
#include "gateway/delivery/give_up_reason.h"
#include "gateway/message/address.h"
#include "gateway/message/time_text.h"

namespace tocsin::admin {

namespace {

using message::DeliveryId;
using message::NotificationId;
using message::ReviewState;

constexpr int kIdBitsBelowTime = 22;

// The least id of that instant. Never 0, which would be no id.
DeliveryId first_of(WallTime time) {
  const std::int64_t ms =
      std::chrono::ceil<std::chrono::milliseconds>(time.time_since_epoch()).count() -
      NotificationId::kEpochMs;
  constexpr std::int64_t kMsMax = (std::int64_t{1} << 41) - 1;
  const auto bounded = static_cast<std::uint64_t>(std::clamp<std::int64_t>(ms, 0, kMsMax));
  return {{std::max<std::uint64_t>(bounded << kIdBitsBelowTime, 1)}, 0};
}

Result<void> set_time(std::optional<WallTime>& at, const std::string& text, WallTime now) {
  if (const Result<Duration> ago = parse_duration(text)) {
    at = now - *ago;
    return {};
  }
  const Result<WallTime> time = message::parse_time(text);
  if (!time) {
    return fail(Code::kInvalid, "a time such as 2026-01-31T23:59:59Z, or how long ago as in 2h");
  }
  at = *time;
  return {};
}

Result<void> set_cause(std::optional<delivery::GiveUpCause>& at, const std::string& text) {
  at = delivery::parse_give_up_cause(text);
  if (at) return {};
  std::string names;
  for (std::size_t i = 0; i < delivery::kGiveUpCauses; ++i) {
    if (i > 0) names += i + 1 == delivery::kGiveUpCauses ? " or " : ", ";
    names += delivery::give_up_cause_name(static_cast<delivery::GiveUpCause>(i));
  }
  return fail(Code::kInvalid, names);
}

Result<void> set_review(std::optional<ReviewState>& at, const std::string& text) {
  for (const auto state :
       {ReviewState::kPending, ReviewState::kApproved, ReviewState::kDiscarded}) {
    if (message::review_name(state) == text) at = state;
  }
  return at ? Result<void>{} : fail(Code::kInvalid, "pending, approved or discarded");
}

Result<void> set_topic(std::optional<policy::Glob>& at, const std::string& text) {
  auto glob = policy::Glob::compile(text);
  if (!glob) return fail(Code::kInvalid, "a topic or a pattern of topics: " + glob.error().what);
  at = std::move(*glob);
  return {};
}

Result<void> set_address(std::string& at, const std::string& text) {
  const std::size_t colon = text.find(':');
  if (colon == 0 || colon == text.npos) {
    return fail(Code::kInvalid, "kind:value, or kind: for all of a kind");
  }
  at = message::normal_address(text);
  return {};
}

bool address_fits(std::string_view wanted, std::string_view address) {
  if (wanted.empty()) return true;
  return wanted.ends_with(':') ? address.starts_with(wanted) : address == wanted;
}

}  // namespace

Result<void> LetterFilter::set(std::string_view name, const std::string& text, WallTime now) {
  const Result<void> done = put(name, text, now);
  if (!done || name == "output") return done;
  if (!text_.empty()) text_ += ' ';
  text_.append(name).append("=").append(text);
  return done;
}

Result<void> LetterFilter::put(std::string_view name, const std::string& text, WallTime now) {
  if (name == "reason") return set_cause(cause, text);
  if (name == "topic") return set_topic(topic, text);
  if (name == "address") return set_address(address, text);
  if (name == "review") return set_review(review, text);
  if (name == "accepted_after") return set_time(accepted_after, text, now);
  if (name == "accepted_before") return set_time(accepted_before, text, now);
  if (name == "updated_after") return set_time(updated_after, text, now);
  if (name == "updated_before") return set_time(updated_before, text, now);
  if (text.empty()) return fail(Code::kInvalid, "an output's name");
  output = text;
  return {};
}

bool LetterFilter::empty() const {
  return output.empty() && !accepted_after && !accepted_before && !looks_inside();
}

bool LetterFilter::looks_inside() const {
  return cause || topic || !address.empty() || review || updated_after || updated_before;
}

bool LetterFilter::matches(const stage::DeliveryRow& row, const stage::NotificationRow* of) const {
  if (review && row.review != *review) return false;
  if (updated_after && row.updated_at < *updated_after) return false;
  if (updated_before && row.updated_at >= *updated_before) return false;
  if (!address_fits(address, row.address)) return false;
  if (cause && delivery::cause_of_reason(row.reason) != cause) return false;
  return !topic || (of != nullptr && topic->match(topic_of(*of)));
}

void next_letters(stage::Ledger& ledger, const LetterFilter& filter,
                  std::optional<DeliveryId> before, std::uint32_t count,
                  Function<void(Result<LetterPage>)> done) {
  stage::Query query;
  query.what = stage::Query::What::kDeadLetters;
  query.output = filter.output;
  query.before = before;
  query.limit = count;
  if (filter.accepted_before) {
    const DeliveryId end = first_of(*filter.accepted_before);
    query.before = before ? std::min(*before, end) : end;
  }
  ledger.query(std::move(query),
               [filter, count, done = std::move(done)](Result<stage::QueryResult> found) mutable {
                 if (!found) return done(tl::unexpected(found.error()));
                 LetterPage page;
                 page.rows = std::move(*found);
                 std::unordered_map<std::uint64_t, const stage::NotificationRow*> notifications;
                 for (const auto& row : page.rows.notifications)
                   notifications.emplace(row.id.value, &row);
                 const DeliveryId oldest =
                     filter.accepted_after ? first_of(*filter.accepted_after) : DeliveryId{};
                 bool over = page.rows.deliveries.size() < count;
                 for (const stage::DeliveryRow& row : page.rows.deliveries) {
                   if (row.id < oldest) {
                     over = true;
                     break;
                   }
                   const auto of = notifications.find(row.id.notification.value);
                   const auto* notification = of == notifications.end() ? nullptr : of->second;
                   if (filter.matches(row, notification))
                     page.letters.push_back({&row, notification});
                 }
                 if (!over) page.next = page.rows.deliveries.back().id;
                 done(std::move(page));
               });
}

}  // namespace tocsin::admin
