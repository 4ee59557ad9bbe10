// An attempt crosses the contract twice: out as views whose memory an Open keeps, back as a verdict
// that is copied and told to the lane once the plugin's callback has returned.

#include "gateway/plugin/output_adapter.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "gateway/base/text.h"
#include "gateway/plugin/text.h"

namespace tocsin::plugin {

namespace {

constexpr std::uint32_t kBatchMax = 1000;

// Texts of plugins end in logs, answers and databases; a cut one stays UTF-8.
std::string cut(tocsin_str text, std::size_t bytes_max) {
  std::string_view view = view_of(text);
  if (view.size() > bytes_max) view = view.substr(0, bytes_max);
  return std::string(view.substr(0, utf8_prefix(view)));
}

std::optional<message::Verdict> verdict_of(const tocsin_verdict& from) {
  if (from.size < sizeof(from) || from.kind > TOCSIN_INTERNAL ||
      from.scope > TOCSIN_SCOPE_ACCOUNT || from.after_ns < 0 || !is_readable(from.reason) ||
      !is_readable(from.provider_id)) {
    return std::nullopt;
  }
  message::Verdict verdict;
  verdict.kind = static_cast<message::VerdictKind>(from.kind);
  verdict.scope = static_cast<message::VerdictScope>(from.scope);
  verdict.after = Duration(from.after_ns);
  verdict.reason = cut(from.reason, message::kReasonBytesMax);
  verdict.provider_id = cut(from.provider_id, message::kProviderIdBytesMax);
  return verdict;
}

}  // namespace

Result<stage::OutputTraits> output_traits(const Instance& instance) {
  tocsin_output_traits out{};
  out.size = sizeof(out);
  out.batch_max = 1;
  out.has_own_address = 1;
  instance.plugin().output->traits(instance.self(), &out);
  if (out.batch_max == 0 || out.batch_max > kBatchMax) {
    return fail(Code::kInvalid, "the plugin takes " + std::to_string(out.batch_max) +
                                    " attempts at once; 1 to " + std::to_string(kBatchMax) +
                                    " are possible");
  }
  if (out.address_kind.len == 0 && out.has_own_address == 0) {
    return fail(Code::kInvalid, "the plugin has no address to deliver to");
  }
  stage::OutputTraits traits;
  traits.batch_max = out.batch_max;
  traits.address_kind = copy_of(out.address_kind);
  traits.has_own_address = out.has_own_address != 0;
  traits.idempotent = out.idempotent != 0;
  traits.account = copy_of(out.account);
  traits.rehearses = out.rehearses != 0;
  return traits;
}

OutputAdapter::OutputAdapter(Worker& worker, stage::OutputTraits traits, stage::AttemptDone& done)
    : worker_(worker), traits_(std::move(traits)), done_(done) {
  worker_.completions().deliveries = this;
}

OutputAdapter::~OutputAdapter() {
  worker_.completions().deliveries = nullptr;
  worker_.forget(*this);
}

void OutputAdapter::deliver(std::span<const stage::Attempt> attempts) {
  TOCSIN_ASSERT(attempts.size() <= traits_.batch_max,
                "more attempts than the output takes at once");
  shown_.clear();
  for (const stage::Attempt& attempt : attempts) {
    tocsin_token token = 0;
    Open* open = open_.add(token);
    if (open == nullptr) {
      refuse(attempt);
      continue;
    }
    shown_.push_back(show(attempt, *open, token));
  }
  if (shown_.empty()) return;
  const Worker::Inside inside(worker_, "deliver", attempts);
  worker_.instance().plugin().output->deliver(worker_.self(), shown_.data(),
                                              static_cast<std::uint32_t>(shown_.size()),
                                              sizeof(tocsin_attempt));
}

tocsin_attempt OutputAdapter::show(const stage::Attempt& attempt, Open& open,
                                   tocsin_token token) const {
  open.attempt = attempt.token;
  open.notification_id = attempt.delivery.notification.text();
  open.delivery_id = attempt.delivery.text();
  tocsin_attempt shown{};
  shown.size = sizeof(shown);
  shown.number = attempt.number;
  shown.token = token;
  shown.notification_id = str_of(open.notification_id);
  shown.delivery_id = str_of(open.delivery_id);
  shown.notification = &open.notification.show(*attempt.notification);
  shown.payload = str_of(attempt.payload);
  shown.address = str_of(attempt.address);
  shown.accepted_at_ns = attempt.accepted_at.time_since_epoch().count();
  shown.deadline_ns = attempt.deadline.time_since_epoch().count();
  return shown;
}

void OutputAdapter::refuse(const stage::Attempt& attempt) {
  message::Verdict verdict;
  verdict.kind = message::VerdictKind::kRetry;
  verdict.reason = "too many attempts of this output are under way";
  completed_.push_back({attempt.token, std::move(verdict)});
  worker_.note(*this);
}

void OutputAdapter::cancel(stage::AttemptToken token) {
  const tocsin_token named =
      open_.find_if([token](const Open& open) { return open.attempt == token; });
  if (named == 0) return;  // completed, and the lane is about to hear it
  withdraw(named);
}

void OutputAdapter::withdraw(tocsin_token token) {
  {
    const Worker::Inside inside(worker_, "cancel");
    worker_.instance().plugin().output->cancel(worker_.self(), token);
  }
  if (auto open = open_.take(token)) open_.give_back(std::move(open));
}

void OutputAdapter::cut() {
  for (const tocsin_token token : open_.all()) {
    const Open* open = open_.find(token);
    if (open == nullptr) continue;  // ended by the cancel of another one
    const stage::AttemptToken attempt = open->attempt;
    withdraw(token);
    message::Verdict verdict;
    verdict.kind = message::VerdictKind::kAmbiguous;
    verdict.reason = "the plugin was replaced before it ended the attempt";
    completed_.push_back({attempt, std::move(verdict)});
    worker_.note(*this);
  }
}

std::uint32_t OutputAdapter::complete(tocsin_token token, const tocsin_verdict& verdict) {
  std::unique_ptr<Open> open = open_.take(token);
  if (open == nullptr) return worker_.late("complete");
  std::optional<message::Verdict> own = verdict_of(verdict);
  std::uint32_t answer = TOCSIN_OK;
  if (!own) {
    answer = worker_.misused("complete with a malformed verdict");
    own.emplace();  // internal
    own->reason = "the plugin gave a malformed verdict";
  }
  completed_.push_back({open->attempt, std::move(*own)});
  open_.give_back(std::move(open));
  worker_.note(*this);
  return answer;
}

void OutputAdapter::after_callback() {
  telling_.swap(completed_);
  for (Completed& one : telling_) done_.complete(one.attempt, std::move(one.verdict));
  telling_.clear();
}

}  // namespace tocsin::plugin
