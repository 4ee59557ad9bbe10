#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "tocsin/sdk/instance_host.hpp"
#include "tocsin/sdk/replies.hpp"
#include "tocsin/sdk/verdict.hpp"

namespace tocsin::sdk {

/// A reservation of a key that all loops share.
class Reservation {
 public:
  Reservation() {
    c_.size = sizeof(c_);
    c_.outcome = TOCSIN_FULL;
  }

  bool made() const { return c_.outcome == TOCSIN_OK; }
  /// Somebody was first.
  bool exists() const { return c_.outcome == TOCSIN_EXISTS; }
  /// OK, EXISTS, FULL, INVALID, UNAVAILABLE.
  std::uint32_t outcome() const { return c_.outcome; }
  /// When made: for confirm and undo.
  std::uint64_t token() const { return c_.token; }
  /// When it exists: false while the first one's fate is open.
  bool confirmed() const { return c_.confirmed != 0; }
  /// When it exists: what the first one left, at most 128 bytes of it.
  std::string_view value() const { return {c_.value, c_.value_len}; }

 private:
  friend class Host;
  tocsin_reservation c_{};
};

/// One notification to hand in; borrows its texts.
struct EmitItem : tocsin_emit_item {
  EmitItem(std::string_view json_text, std::string_view key = {})
      : tocsin_emit_item{sizeof(tocsin_emit_item), 0, to_c(json_text), to_c(key)} {}
};

/// An HTTP answer of a handler.
struct Answer {
  std::uint32_t status = 200;
  std::string_view body = {};
  std::string_view content_type = {};
  const tocsin_header* headers = nullptr;  ///< further ones
  std::size_t header_count = 0;
};

/// What the host lends an instance on one loop. A value; for that loop's thread, but for post.
class Host : public InstanceHost {
 public:
  /// `replies` outlives every copy.
  Host(const InstanceHost& host, tocsin_worker* worker, Replies& replies)
      : InstanceHost(host), worker_(worker), replies_(&replies) {}

  /// The tick's instant on the monotonic clock.
  Duration now() const { return Duration(c_host().now_ns(worker_)); }

  /// Runs `work` on the loop, never inside this call. Any thread. False: the loop is over.
  template <typename Work>
  bool post(Work work) const {
    struct Posted {
      Host host;
      Work work;
    };
    auto job = std::make_unique<Posted>(Posted{*this, std::move(work)});
    const auto run = [](void* user) {
      const std::unique_ptr<Posted> owned(static_cast<Posted*>(user));
      owned->host.run("a posted task", owned->work);
    };
    const auto drop = [](void* user) { delete static_cast<Posted*>(user); };
    return c_host().post(worker_, run, drop, job.release()) == TOCSIN_OK;
  }

  /// Runs `work` on a thread that may block, then `done` on the loop. False: too much waits,
  /// neither runs. When the worker ends in between, `done` is destroyed uncalled.
  template <typename Work, typename Done>
  bool offload(Work work, Done done) const {
    struct Offloaded {
      Host host;
      Work work;
      Done done;
    };
    auto job = std::make_unique<Offloaded>(Offloaded{*this, std::move(work), std::move(done)});
    const auto run = [](void* user) {
      auto* offloaded = static_cast<Offloaded*>(user);
      offloaded->host.run("offloaded work", offloaded->work);
    };
    const auto finish = [](void* user) {
      const std::unique_ptr<Offloaded> owned(static_cast<Offloaded*>(user));
      owned->host.run("the end of offloaded work", owned->done);
    };
    const auto drop = [](void* user) { delete static_cast<Offloaded*>(user); };
    return c_host().offload(worker_, run, finish, drop, job.release()) == TOCSIN_OK;
  }

  /// output: the one verdict of an attempt. False: it came too late.
  bool complete(tocsin_token attempt, const Verdict& verdict) const {
    tocsin_verdict to{};
    to.size = sizeof(to);
    to.kind = verdict.kind;
    to.scope = static_cast<std::uint32_t>(verdict.scope);
    to.after_ns = verdict.after.count();
    to.reason = to_c(verdict.reason);
    to.provider_id = to_c(verdict.provider_id);
    return c_host().complete(worker_, attempt, &to) == TOCSIN_OK;
  }
  /// With the verdict that HTTP itself suggests.
  bool complete(tocsin_token attempt, const tocsin_http_response& response) const {
    char text[512];
    tocsin_verdict verdict{};
    verdict.size = sizeof(verdict);
    c_host().http_verdict(worker_, &response, text, sizeof(text), &verdict);
    return c_host().complete(worker_, attempt, &verdict) == TOCSIN_OK;
  }
  /// The verdict that HTTP itself suggests.
  Verdict http_verdict(const tocsin_http_response& response) const {
    char text[512];
    tocsin_verdict from{};
    c_host().http_verdict(worker_, &response, text, sizeof(text), &from);
    return {from.kind, static_cast<Scope>(from.scope), Duration(from.after_ns),
            std::string(view(from.reason)), std::string(view(from.provider_id))};
  }

  /// filter: ends a hold.
  bool pass(tocsin_token held) const { return decide(held, TOCSIN_PASS); }
  bool drop(tocsin_token held) const { return decide(held, TOCSIN_DROP); }

  /// handler: the one answer of a request. False: it came too late.
  bool respond(tocsin_token request, const Answer& answer) const {
    tocsin_header headers[kAnswerHeadersMax];
    std::uint32_t count = 0;
    if (!answer.content_type.empty()) {
      headers[count++] = {to_c("content-type"), to_c(answer.content_type)};
    }
    for (std::size_t i = 0; i < answer.header_count && count < kAnswerHeadersMax; ++i) {
      headers[count++] = answer.headers[i];
    }
    tocsin_http_answer to{};
    to.size = sizeof(to);
    to.status = answer.status;
    to.headers = headers;
    to.header_count = count;
    to.header_stride = sizeof(tocsin_header);
    to.body = to_c(answer.body);
    return c_host().respond(worker_, request, &to) == TOCSIN_OK;
  }

  /// input: at most 1,000 items, appended in one transaction; on_emitted(user) follows when this
  /// answers OK.
  std::uint32_t emit(std::span<const EmitItem> items, std::string_view caller, std::uint64_t user,
                     std::uint64_t stream = 0) const {
    tocsin_emit_request request{};
    request.size = sizeof(request);
    request.count = static_cast<std::uint32_t>(items.size());
    request.items = items.data();
    request.stride = sizeof(EmitItem);
    request.caller = to_c(caller);
    request.stream = stream;
    request.user = user;
    return c_host().emit(worker_, &request);
  }

  /// Keys that all loops share, private to the instance.
  Reservation reserve(std::string_view key, std::string_view value = {}) const {
    Reservation made;
    c_host().reserve(worker_, to_c(key), to_c(value), &made.c_);
    return made;
  }
  bool confirm(std::string_view key, std::uint64_t token, Duration ttl) const {
    return c_host().confirm(worker_, to_c(key), token, ttl.count()) == TOCSIN_OK;
  }
  bool undo(std::string_view key, std::uint64_t token) const {
    return c_host().undo(worker_, to_c(key), token) == TOCSIN_OK;
  }

  /// What a provider says later of a delivery. OK: `told` follows, with OK, NOT_FOUND or
  /// UNAVAILABLE, unless the loop is over first. NOT_FOUND: the id is none. FULL.
  std::uint32_t report(const Report& report, Replies::Told told = {}) const {
    const tocsin_report to{sizeof(to), report.state, to_c(report.delivery_id),
                           to_c(report.provider_id), to_c(report.reason)};
    return replies_->await(std::move(told), [&](auto fn, void* user) {
      return c_host().report(worker_, &to, fn, user);
    });
  }
  /// Nothing is sent to the address ("sms:+4917...") from now on, for `keep`, or until it is lifted
  /// when that is zero. Statuses as of report; INVALID: the text is no address.
  std::uint32_t suppress(std::string_view address, std::string_view reason,
                         Duration keep = Duration::zero(), Replies::Told told = {}) const {
    return suppression({sizeof(tocsin_suppression), 0, to_c(address), to_c(reason), keep.count()},
                       std::move(told));
  }
  /// `told` hears NOT_FOUND when there was nothing to lift.
  std::uint32_t lift(std::string_view address, Replies::Told told = {}) const {
    return suppression({sizeof(tocsin_suppression), 1, to_c(address), {}, 0}, std::move(told));
  }

  /// Small durable values of the instance's id, shared by all loops.
  RecordDoor records() const { return {c_host(), worker_, *replies_}; }

  tocsin_worker* c_worker() const { return worker_; }

  /// Runs a callback; what it throws is logged.
  template <typename Work>
  void run(std::string_view where, Work& work) const noexcept {
    contain(c_host(), c_instance(), where, 0, [&] {
      work();
      return 0;
    });
  }

 private:
  static constexpr std::size_t kAnswerHeadersMax = 64;

  bool decide(tocsin_token held, std::uint32_t decision) const {
    return c_host().filter_decide(worker_, held, decision) == TOCSIN_OK;
  }

  std::uint32_t suppression(const tocsin_suppression& one, Replies::Told told) const {
    return replies_->await(std::move(told), [&](auto fn, void* user) {
      return c_host().suppress(worker_, &one, fn, user);
    });
  }

  tocsin_worker* worker_;
  Replies* replies_;
};

}  // namespace tocsin::sdk
