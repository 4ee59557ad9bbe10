// How many dead letters there are, by output and reason. They are looked at one by one, so a
// request ends after so many of them and says where to go on; whoever asks adds up.

#include <map>
#include <string>
#include <utility>

#include "gateway/admin/endpoint_functions.h"
#include "gateway/admin/known_output.h"
#include "gateway/admin/letter_query.h"
#include "gateway/admin/rows_json.h"
#include "gateway/delivery/give_up_reason.h"

namespace tocsin::admin {

namespace {

constexpr std::size_t kLookedAtMax = 50'000;  // of one request

struct Group {
  std::array<std::uint64_t, 3> by_review{};  // as ReviewState counts
  WallTime oldest{};                         // accepted
  WallTime newest{};
};

/// Lives in the callbacks it waits for.
class LetterStats final : public std::enable_shared_from_this<LetterStats> {
 public:
  LetterStats(AdminApi& api, CallRef call, LetterQuery query)
      : api_(api),
        call_(std::move(call)),
        filter_(std::move(query.filter)),
        before_(query.before) {}

  void next_page() {
    next_letters(
        *api_.parts().ledger, filter_, before_, stage::kPageRowsMax,
        [self = shared_from_this()](Result<LetterPage> page) { self->on_page(std::move(page)); });
  }

 private:
  void on_page(Result<LetterPage> page) {
    if (!page) return call_->answer(problem_of(page.error(), "read the store"));
    looked_at_ += page->rows.deliveries.size();
    for (const LetterPage::Letter& letter : page->letters) count(letter);
    if (looked_at_ == 0 && !filter_.output.empty()) return doubt_output();
    before_ = page->next;
    if (!before_ || looked_at_ >= kLookedAtMax) return finish();
    next_page();
  }

  void doubt_output() {
    look_for_output(api_, filter_.output, before_,
                    [self = shared_from_this()](const std::optional<Problem>& problem) {
                      if (problem) return self->call_->answer(*problem);
                      self->before_.reset();
                      self->finish();
                    });
  }

  // From new to old.
  void count(const LetterPage::Letter& letter) {
    const auto cause = delivery::cause_of_reason(letter.row->reason);
    const std::string_view reason = cause ? delivery::give_up_cause_name(*cause) : "other";
    const auto [at, fresh] = groups_.try_emplace({letter.row->output, std::string(reason)});
    Group& group = at->second;
    ++group.by_review.at(static_cast<std::size_t>(letter.row->review));
    if (letter.of == nullptr) return;
    if (fresh) group.newest = letter.of->accepted_at;
    group.oldest = letter.of->accepted_at;
  }

  void finish() {
    std::string text;
    JsonWriter json(text);
    json.begin_object();
    json.key("groups");
    json.begin_array();
    for (const auto& [of, group] : groups_) {
      json.begin_object();
      json.pair("output", of.first);
      json.pair("reason", of.second);
      for (const auto state : {message::ReviewState::kPending, message::ReviewState::kApproved,
                               message::ReviewState::kDiscarded}) {
        count_pair(json, message::review_name(state),
                   group.by_review.at(static_cast<std::size_t>(state)));
      }
      time_pair(json, "oldest_accepted_at", group.oldest);
      time_pair(json, "newest_accepted_at", group.newest);
      json.end_object();
    }
    json.end_array();
    if (before_) json.pair("next", before_->text());
    json.end_object();
    call_->answer_json(200, std::move(text));
  }

  AdminApi& api_;
  const CallRef call_;
  const LetterFilter filter_;
  std::optional<message::DeliveryId> before_;
  std::size_t looked_at_ = 0;
  std::map<std::pair<std::string, std::string>, Group> groups_;  // by output and reason
};

}  // namespace

void serve_letter_stats(AdminApi& api, const CallRef& call) {
  if (ledger_or_answer(api, call) == nullptr) return;
  LetterQuery query;
  if (const auto problem = read_letter_query(*call, call->loop().wall(), query)) {
    return call->answer(*problem);
  }
  std::make_shared<LetterStats>(api, call, std::move(query))->next_page();
}

}  // namespace tocsin::admin
