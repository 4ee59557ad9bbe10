#pragma once

#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tocsin/sdk/settings.hpp"
#include "tocsin/sdk/verdict.hpp"

namespace tocsin::sdk {

/// Runs `work`; an exception is logged with `where` and gives `fallback`. Every callback that a
/// plugin hands to the host passes through here.
template <typename Work, typename Result>
Result contain(const tocsin_host& host, tocsin_instance* instance, std::string_view where,
               Result fallback, Work&& work) noexcept {
  try {
    try {
      return std::forward<Work>(work)();
    } catch (const std::exception& error) {
      const std::string line = std::string(where) + " threw: " + error.what();
      host.log(instance, TOCSIN_LOG_ERROR, to_c(line));
      return fallback;
    } catch (...) {
      const std::string line = std::string(where) + " threw something that is no exception";
      host.log(instance, TOCSIN_LOG_ERROR, to_c(line));
      return fallback;
    }
  } catch (...) {  // no memory for the words
    host.log(instance, TOCSIN_LOG_ERROR, to_c(where));
    return fallback;
  }
}

class Metric {
 public:
  Metric() = default;
  Metric(const tocsin_host* host, tocsin_metric* metric) : host_(host), metric_(metric) {}
  /// Counter: adds; gauge: sets; histogram: observes. Any thread.
  void record(double value) const {
    if (metric_ != nullptr) host_->metric_record(metric_, value);
  }

 private:
  const tocsin_host* host_ = nullptr;
  tocsin_metric* metric_ = nullptr;
};

/// What the host lends an instance on the control thread and later on any thread.
class InstanceHost {
 public:
  InstanceHost(const tocsin_host* host, tocsin_instance* instance)
      : host_(host), instance_(instance) {}

  void log(std::uint32_t level, std::string_view message) const {
    host_->log(instance_, level, to_c(message));
  }
  bool log_enabled(std::uint32_t level) const { return host_->log_enabled(instance_, level) != 0; }
  void info(std::string_view message) const { log(TOCSIN_LOG_INFO, message); }
  void warning(std::string_view message) const { log(TOCSIN_LOG_WARNING, message); }
  void error(std::string_view message) const { log(TOCSIN_LOG_ERROR, message); }

  /// Since 1970, in UTC.
  Duration wall() const { return Duration(host_->wall_ns(instance_)); }

  /// `tocsin_plugin_<name>`; a counter's name ends in _total.
  Metric counter(std::string_view name, std::string_view help) const {
    return {host_, host_->metric(instance_, TOCSIN_COUNTER, to_c(name), to_c(help))};
  }
  Metric gauge(std::string_view name, std::string_view help) const {
    return {host_, host_->metric(instance_, TOCSIN_GAUGE, to_c(name), to_c(help))};
  }
  Metric histogram(std::string_view name, std::string_view help) const {
    return {host_, host_->metric(instance_, TOCSIN_HISTOGRAM, to_c(name), to_c(help))};
  }

  const tocsin_host& c_host() const { return *host_; }
  tocsin_instance* c_instance() const { return instance_; }

 private:
  const tocsin_host* host_;
  tocsin_instance* instance_;
};

/// What an instance is made from.
struct Setup {
  std::string_view id;  ///< its name in the configuration
  Value settings;
  InstanceHost host;
};

/// A reservation of a key that all loops share.
struct Reservation {
  std::uint32_t outcome = TOCSIN_FULL;  ///< OK, EXISTS, FULL, INVALID, UNAVAILABLE
  std::uint64_t token = 0;              ///< when OK: for confirm and undo
  bool confirmed = false;               ///< when EXISTS: false while the first one's fate is open
  std::string value;                    ///< when EXISTS: what the first one left
};

/// One notification to hand in.
struct EmitItem {
  std::string_view json;
  std::string_view idempotency_key;
};

/// An HTTP answer of a handler.
struct Answer {
  std::uint32_t status = 200;
  std::string_view body;
  std::string_view content_type;
  const tocsin_header* headers = nullptr;  ///< further ones
  std::size_t header_count = 0;
};

/// What the host lends an instance on one loop. A value; for that loop's thread, but for post.
class Host : public InstanceHost {
 public:
  Host(const tocsin_host* host, tocsin_instance* instance, tocsin_worker* worker)
      : InstanceHost(host, instance), worker_(worker) {}

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

  /// input: `items` are EmitItems, at most 1,000, appended in one transaction; on_emitted(user)
  /// follows when this answers OK.
  template <typename EmitItems>
  std::uint32_t emit(const EmitItems& items, std::string_view caller, std::uint64_t user,
                     std::uint64_t stream = 0) const {
    std::vector<tocsin_emit_item> to;
    to.reserve(items.size());
    for (const EmitItem& item : items) {
      to.push_back({sizeof(tocsin_emit_item), 0, to_c(item.json), to_c(item.idempotency_key)});
    }
    tocsin_emit_request request{};
    request.size = sizeof(request);
    request.count = static_cast<std::uint32_t>(to.size());
    request.items = to.data();
    request.stride = sizeof(tocsin_emit_item);
    request.caller = to_c(caller);
    request.stream = stream;
    request.user = user;
    return c_host().emit(worker_, &request);
  }

  /// Keys that all loops share, private to the instance.
  Reservation reserve(std::string_view key, std::string_view value = {}) const {
    tocsin_reservation from{};
    from.size = sizeof(from);
    c_host().reserve(worker_, to_c(key), to_c(value), &from);
    return {from.outcome, from.token, from.confirmed != 0, {from.value, from.value_len}};
  }
  bool confirm(std::string_view key, std::uint64_t token, Duration ttl) const {
    return c_host().confirm(worker_, to_c(key), token, ttl.count()) == TOCSIN_OK;
  }
  bool undo(std::string_view key, std::uint64_t token) const {
    return c_host().undo(worker_, to_c(key), token) == TOCSIN_OK;
  }

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

  tocsin_worker* worker_;
};

}  // namespace tocsin::sdk
