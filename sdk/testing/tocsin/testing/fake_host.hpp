// A host for unit tests of a plugin: time stands still, requests go nowhere until the test answers
// them, offloaded work waits for run(). One thread, but for post.
//
//   FakeHost host(tocsin_plugin_v0());
//   host.settings.set("url", "http://hook.example/");
//   ASSERT_EQ(host.start(), "");
//   const auto attempt = host.deliver(R"({"topic":"orders"})");
//   host.answer(host.requests.at(0), 503);
//   EXPECT_EQ(host.verdicts.at(attempt).kind, TOCSIN_RETRY);
#pragma once

#include <algorithm>
#include <chrono>
#include <cstring>
#include <deque>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tocsin/plugin.h"
#include "tocsin/sdk/verdict.hpp"
#include "tocsin/testing/fake_fds.hpp"
#include "tocsin/testing/fake_life.hpp"
#include "tocsin/testing/fake_store.hpp"
#include "tocsin/testing/fake_template.hpp"
#include "tocsin/testing/fake_verdict.hpp"
#include "tocsin/testing/manual_clock.hpp"

namespace tocsin::testing {

class FakeHost : public FakeLife, public FakeFds, public FakeStore {
 public:
  using FakeStore::answer;
  using Duration = std::chrono::nanoseconds;
  using Headers = std::vector<std::pair<std::string, std::string>>;

  /// A request the plugin sent.
  struct SentRequest {
    tocsin_token token = 0;
    std::string method, url, body;
    Headers headers;
    std::uint32_t flags = 0;
    std::string transport;  ///< what it was made of, "verified ca_file=a proxy=b"; empty: none
    bool over = false;      ///< answered, failed or cancelled
    void (*fn)(void*, const tocsin_http_response*) = nullptr;
    void* user = nullptr;
  };
  struct LogLine {
    std::uint32_t level;
    std::string text;
  };
  struct Emitted {
    std::uint64_t user;
    std::uint64_t stream;
    std::string caller;
    std::vector<std::string> items;
    std::vector<std::string> keys;  ///< the items' idempotency keys
  };
  /// A question to the ledger.
  struct Question {
    bool cancel;
    std::string id, caller;
    bool over = false;
    void (*fn)(void*, const tocsin_ledger_answer*) = nullptr;
    void* user = nullptr;
    std::string new_time = {};  ///< a reschedule's
  };
  struct Answer {
    std::uint32_t status = 0;
    Headers headers;
    std::string body;
  };

  explicit FakeHost(const tocsin_plugin* plugin)
      : FakeLife(plugin, table_, reinterpret_cast<tocsin_instance*>(this),
                 reinterpret_cast<tocsin_worker*>(this)),
        FakeStore(clock),
        table_(make_table()) {}
  ~FakeHost() { stop(); }

  /// worker_fini and destroy.
  void stop() {
    timers_.clear();
    end_watches();
    end_store();
    for (SentRequest& request : requests) request.over = true;
    for (Question& question : questions) question.over = true;
    for (const Task& task : std::exchange(tasks_, {})) {
      if (task.drop != nullptr) task.drop(task.user);
    }
    end_life();
  }

  // ---- time and waiting work

  /// Moves time, fires timers in their order, and runs what they leave behind.
  void advance(Duration by) {
    const Duration until = clock.mono() + by;
    for (;;) {
      run();
      const auto next = std::min_element(timers_.begin(), timers_.end(), [](auto& a, auto& b) {
        return std::pair(a.second.due, a.first) < std::pair(b.second.due, b.first);
      });
      if (next == timers_.end() || next->second.due > until) break;
      const Timer timer = next->second;
      timers_.erase(next);
      clock.advance(std::max(timer.due - clock.mono(), Duration::zero()));
      timer.fn(timer.user);
    }
    clock.advance(until - clock.mono());
  }
  /// Runs posted tasks and offloaded work, and answers for records, until nothing waits.
  void run() {
    for (;;) {
      if (answer_record()) continue;
      Task task;
      {
        const std::lock_guard lock(mutex_);
        if (tasks_.empty()) return;
        task = tasks_.front();
        tasks_.pop_front();
      }
      task.fn(task.user);
      if (task.done != nullptr) task.done(task.user);
    }
  }

  // ---- outputs

  tocsin_output_traits traits() {
    tocsin_output_traits out{};
    out.size = sizeof(out);
    out.batch_max = 1;
    out.has_own_address = 1;
    plugin_->output->traits(self_, &out);
    return out;
  }
  /// Begins one attempt; its verdict will be under the token in `verdicts`.
  tocsin_token deliver(const std::string& payload, const std::string& address = {},
                       const tocsin_notification& notification = {}, std::uint32_t number = 1) {
    Attempt& attempt = attempts_.emplace_back();
    attempt = {++tokens_,
               payload,
               address,
               "dlv_" + std::to_string(tokens_),
               "ntf_" + std::to_string(tokens_),
               notification};
    attempt.notification.size = sizeof(tocsin_notification);
    open_[attempt.token] = true;
    tocsin_attempt out{};
    out.size = sizeof(out);
    out.number = number;
    out.token = attempt.token;
    out.notification_id = sdk::to_c(attempt.notification_id);
    out.delivery_id = sdk::to_c(attempt.delivery_id);
    out.notification = &attempt.notification;
    out.payload = sdk::to_c(attempt.payload);
    out.address = sdk::to_c(attempt.address);
    out.accepted_at_ns = clock.wall().count();
    out.deadline_ns = (clock.mono() + std::chrono::seconds(30)).count();
    plugin_->output->deliver(worker_self_, &out, 1, sizeof(out));
    return attempt.token;
  }
  void cancel(tocsin_token attempt) {
    plugin_->output->cancel(worker_self_, attempt);
    open_.erase(attempt);
  }

  // ---- the HTTP client

  void answer(SentRequest& request, std::uint32_t status, std::string_view body = {},
              const Headers& headers = {}) {
    std::vector<tocsin_header> fields;
    for (const auto& [name, value] : headers) fields.push_back({sdk::to_c(name), sdk::to_c(value)});
    tocsin_http_response response = response_to(request, TOCSIN_HTTP_ANSWERED, true);
    response.status = status;
    response.headers = fields.data();
    response.header_count = static_cast<std::uint32_t>(fields.size());
    response.header_stride = sizeof(tocsin_header);
    response.body = sdk::to_c(body);
    end(request, response);
  }
  /// `failure`: enum tocsin_http_failure.
  void fail(SentRequest& request, std::uint32_t failure, bool sent) {
    tocsin_http_response response = response_to(request, failure, sent);
    response.error = sdk::to_c("the fake host failed it");
    end(request, response);
  }

  // ---- filters

  /// enum tocsin_decision. After TOCSIN_HOLD the decision will be in `decisions` under `token`.
  std::uint32_t filter(const tocsin_notification& notification, tocsin_token& token,
                       std::uint64_t* reservation = nullptr, std::string_view identity = {}) {
    token = ++tokens_;
    open_[token] = true;
    tocsin_filter_call call{};
    call.size = sizeof(call);
    call.token = token;
    call.notification = &notification;
    call.identity = sdk::to_c(identity);
    const std::uint32_t decision = plugin_->filter->on_message(worker_self_, &call);
    if (reservation != nullptr) *reservation = call.reservation;
    if (decision != TOCSIN_HOLD) open_.erase(token);
    return decision;
  }
  void outcome(std::uint64_t reservation, bool committed) {
    plugin_->filter->on_outcome(worker_self_, reservation, committed ? 1 : 0);
  }

  // ---- inputs and handlers

  /// One request with its whole body; the answer will be under the token in `answers`. `prefix` is
  /// the route's, in front of the path.
  tocsin_token request(const std::string& method, const std::string& path,
                       const std::string& body = {}, const Headers& headers = {},
                       const std::string& prefix = {}) {
    std::vector<tocsin_header> fields;
    for (const auto& [name, value] : headers) fields.push_back({sdk::to_c(name), sdk::to_c(value)});
    tocsin_http_head head{};
    head.size = sizeof(head);
    head.token = ++tokens_;
    head.method = sdk::to_c(method);
    const std::size_t mark = path.find('?');
    head.path = sdk::to_c(std::string_view(path).substr(0, mark));
    const std::string full_path = prefix + std::string(sdk::view(head.path));
    head.full_path = sdk::to_c(full_path);
    if (mark != path.npos) head.query = sdk::to_c(std::string_view(path).substr(mark + 1));
    head.headers = fields.data();
    head.header_count = static_cast<std::uint32_t>(fields.size());
    head.header_stride = sizeof(tocsin_header);
    head.peer = sdk::to_c("127.0.0.1");
    head.peer_is_loopback = 1;
    open_[head.token] = true;
    void* state = nullptr;
    const std::uint64_t wanted = plugin_->handler->on_request(worker_self_, &head, &state);
    exchanges_[head.token] = state;
    if (wanted > 0 && open_.contains(head.token)) {
      if (body.size() > wanted) {
        answers[head.token].status = 413;
        open_.erase(head.token);
      } else {
        plugin_->handler->on_body(worker_self_, state, sdk::to_c(body));
      }
    }
    return head.token;
  }
  /// The exchange is over; before stop().
  void end_request(tocsin_token token) {
    open_.erase(token);
    plugin_->handler->on_done(worker_self_, exchanges_.extract(token).mapped());
  }
  void emitted(std::uint64_t user, const std::vector<tocsin_emit_outcome>& outcomes) {
    plugin_->input->on_emitted(worker_self_, user, outcomes.data(),
                               static_cast<std::uint32_t>(outcomes.size()),
                               sizeof(tocsin_emit_outcome));
  }

  /// What the ledger says; size and status are filled in.
  void answer(Question& question, std::uint32_t status, tocsin_ledger_answer answer = {}) {
    answer.size = sizeof(answer);
    answer.status = status;
    if (!std::exchange(question.over, true)) question.fn(question.user, &answer);
  }

  ManualClock clock;
  std::deque<SentRequest> requests;
  std::deque<Question> questions;
  std::map<tocsin_token, sdk::Verdict> verdicts;
  std::map<tocsin_token, std::uint32_t> decisions;
  std::map<tocsin_token, Answer> answers;
  std::vector<Emitted> emits;
  std::vector<LogLine> log;
  std::map<std::string, double> metrics;   ///< sums of what was recorded
  std::size_t late = 0;                    ///< completions for tokens that were over
  bool intake_full = false;                ///< emit answers FULL
  bool table_full = false;                 ///< reserve answers FULL
  std::uint32_t ledger = TOCSIN_OK;        ///< what asking it answers at once
  std::uint32_t http_refusal = TOCSIN_OK;  ///< the code with which http_send fails, when not OK
  bool offload_full = false;               ///< offload answers FULL
  std::string transport_refusal;           ///< the key with which transport_make fails, when set

 private:
  struct Task {
    void (*fn)(void*) = nullptr;
    void (*done)(void*) = nullptr;
    void (*drop)(void*) = nullptr;
    void* user = nullptr;
  };
  struct Timer {
    Duration due;
    void (*fn)(void*);
    void* user;
  };
  struct Attempt {
    tocsin_token token;
    std::string payload, address, delivery_id, notification_id;
    tocsin_notification notification;
  };
  struct Mark {
    std::uint64_t token;
    bool confirmed;
    Duration ends;
    std::string value;
  };

  static FakeHost& of(tocsin_worker* handle) { return *reinterpret_cast<FakeHost*>(handle); }
  static FakeHost& of(tocsin_instance* handle) { return *reinterpret_cast<FakeHost*>(handle); }

  static tocsin_http_response response_to(const SentRequest& request, std::uint32_t failure,
                                          bool sent) {
    tocsin_http_response response{};
    response.size = sizeof(response);
    response.failure = failure;
    response.sent = sent ? 1 : 0;
    response.flags = request.flags;
    return response;
  }
  static void end(SentRequest& request, const tocsin_http_response& response) {
    if (!std::exchange(request.over, true)) request.fn(request.user, &response);
  }
  /// Whether the token was open; it no longer is.
  bool close(tocsin_token token) {
    if (open_.erase(token) != 0) return true;
    ++late;
    return false;
  }

  // ---- the table

  static std::uint32_t complete(tocsin_worker* w, tocsin_token token, const tocsin_verdict* v) {
    FakeHost& host = of(w);
    if (!host.close(token)) return TOCSIN_GONE;
    host.verdicts[token] = {v->kind, static_cast<sdk::Scope>(v->scope), Duration(v->after_ns),
                            std::string(sdk::view(v->reason)),
                            std::string(sdk::view(v->provider_id))};
    return TOCSIN_OK;
  }
  static std::uint32_t decide(tocsin_worker* w, tocsin_token token, std::uint32_t decision) {
    FakeHost& host = of(w);
    if (!host.close(token)) return TOCSIN_GONE;
    host.decisions[token] = decision;
    return TOCSIN_OK;
  }
  static std::uint32_t respond(tocsin_worker* w, tocsin_token token, const tocsin_http_answer* a) {
    FakeHost& host = of(w);
    if (!host.close(token)) return TOCSIN_GONE;
    Answer& answer = host.answers[token];
    answer.status = a->status;
    answer.body = sdk::view(a->body);
    const sdk::Items<tocsin_header> headers(a->headers, a->header_count, a->header_stride);
    for (const tocsin_header& header : headers) {
      answer.headers.emplace_back(sdk::view(header.name), sdk::view(header.value));
    }
    return TOCSIN_OK;
  }
  static std::uint32_t post(tocsin_worker* w, void (*fn)(void*), void (*drop)(void*), void* user) {
    FakeHost& host = of(w);
    const std::lock_guard lock(host.mutex_);
    if (!host.started_ && host.worker_self_ != nullptr) {
      if (drop != nullptr) drop(user);
      return TOCSIN_GONE;
    }
    host.tasks_.push_back({fn, nullptr, drop, user});
    return TOCSIN_OK;
  }
  static std::uint32_t offload(tocsin_worker* w, void (*work)(void*), void (*done)(void*),
                               void (*drop)(void*), void* user) {
    FakeHost& host = of(w);
    if (host.offload_full) {
      if (drop != nullptr) drop(user);
      return TOCSIN_FULL;
    }
    const std::lock_guard lock(host.mutex_);
    host.tasks_.push_back({work, done, drop, user});
    return TOCSIN_OK;
  }
  static tocsin_token timer(tocsin_worker* w, std::int64_t delay, void (*fn)(void*), void* user) {
    FakeHost& host = of(w);
    const Duration wait(std::max<std::int64_t>(delay, 0));
    host.timers_[++host.tokens_] = {host.clock.mono() + wait, fn, user};
    return host.tokens_;
  }
  // RFC 9110 9.2.2, as the gateway's client takes it.
  static bool is_idempotent(std::string_view method) {
    constexpr std::string_view kMethods[] = {"GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"};
    return std::find(std::begin(kMethods), std::end(kMethods), method) != std::end(kMethods);
  }
  static tocsin_token http_send(tocsin_worker* w, const tocsin_http_request* r,
                                void (*fn)(void*, const tocsin_http_response*), void* user,
                                tocsin_fault* fault) {
    FakeHost& host = of(w);
    if (host.http_refusal != TOCSIN_OK) {
      constexpr std::string_view kWhy = "the fake host sends nothing";
      fault->code = host.http_refusal;
      fault->what_len = static_cast<std::uint32_t>(kWhy.copy(fault->what, sizeof(fault->what)));
      return 0;
    }
    SentRequest& request = host.requests.emplace_back();
    request.token = ++host.tokens_;
    request.method = sdk::view(r->method);
    request.url = sdk::view(r->url);
    request.body = sdk::view(r->body);
    request.flags = r->flags | (is_idempotent(request.method) ? TOCSIN_HTTP_IDEMPOTENT : 0U);
    const sdk::Items<tocsin_header> headers(r->headers, r->header_count, r->header_stride);
    for (const tocsin_header& header : headers) {
      request.headers.emplace_back(sdk::view(header.name), sdk::view(header.value));
    }
    if (r->transport != nullptr) {
      request.transport = *reinterpret_cast<const std::string*>(r->transport);
    }
    request.fn = fn;
    request.user = user;
    return request.token;
  }
  // Takes any settings and reads no file; `transport_refusal` makes it fail.
  static tocsin_transport* transport_make(tocsin_instance* i,
                                          const tocsin_transport_settings* settings,
                                          tocsin_fault* fault) {
    const std::string& key = of(i).transport_refusal;
    if (!key.empty()) {
      constexpr std::string_view kWhy = "the fake host makes no transport";
      fault->code = TOCSIN_INVALID;
      fault->what_len = static_cast<std::uint32_t>(kWhy.copy(fault->what, sizeof(fault->what)));
      fault->key_len = static_cast<std::uint32_t>(key.copy(fault->key, sizeof(fault->key)));
      return nullptr;
    }
    auto made = std::make_unique<std::string>();
    *made += (settings->flags & TOCSIN_TRANSPORT_UNVERIFIED) == 0 ? "verified" : "unverified";
    if ((settings->flags & TOCSIN_TRANSPORT_GUARDED) != 0) *made += " guarded";
    const auto add = [&made](std::string_view name, tocsin_str value) {
      if (value.len == 0) return;
      made->append(" ").append(name).append("=").append(sdk::view(value));
    };
    add("ca_file", settings->ca_file);
    add("cert_file", settings->cert_file);
    add("key_file", settings->key_file);
    add("server_name", settings->server_name);
    add("proxy", settings->proxy);
    add("no_proxy", settings->no_proxy);
    add("allow", settings->allow);
    return reinterpret_cast<tocsin_transport*>(made.release());
  }
  static void http_cancel(tocsin_worker* w, tocsin_token token) {
    for (SentRequest& request : of(w).requests) {
      if (request.token == token) request.over = true;
    }
  }
  static void http_verdict(tocsin_worker*, const tocsin_http_response* response, char* text,
                           size_t text_max, tocsin_verdict* out) {
    const FakeVerdict verdict = fake_verdict(*response);
    *out = {};
    out->size = sizeof(*out);
    out->kind = verdict.kind;
    out->scope = verdict.scope;
    out->after_ns = verdict.after_ns;
    const std::size_t length = std::min(verdict.reason.size(), text_max);
    std::memcpy(text, verdict.reason.data(), length);
    out->reason = {text, length};
  }
  static void reserve(tocsin_worker* w, tocsin_str key, tocsin_str value, tocsin_reservation* out) {
    FakeHost& host = of(w);
    *out = {};
    out->size = sizeof(*out);
    if (host.table_full) {
      out->outcome = TOCSIN_FULL;
      return;
    }
    const auto known = host.marks_.find(std::string(sdk::view(key)));
    if (known != host.marks_.end() && known->second.ends > host.clock.mono()) {
      out->outcome = TOCSIN_EXISTS;
      out->confirmed = known->second.confirmed ? 1 : 0;
      out->value_len =
          static_cast<std::uint32_t>(std::min(known->second.value.size(), sizeof(out->value)));
      std::memcpy(out->value, known->second.value.data(), out->value_len);
      return;
    }
    out->token = ++host.tokens_;
    host.marks_[std::string(sdk::view(key))] = {out->token, false,
                                                host.clock.mono() + std::chrono::seconds(30),
                                                std::string(sdk::view(value))};
  }
  Mark* held(tocsin_str key, std::uint64_t token) {
    const auto known = marks_.find(std::string(sdk::view(key)));
    const bool live = known != marks_.end() && known->second.token == token &&
                      !known->second.confirmed && known->second.ends > clock.mono();
    return live ? &known->second : nullptr;
  }
  static std::uint32_t confirm(tocsin_worker* w, tocsin_str key, std::uint64_t token,
                               std::int64_t ttl) {
    Mark* mark = of(w).held(key, token);
    if (mark == nullptr) return TOCSIN_GONE;
    mark->confirmed = true;
    mark->ends = of(w).clock.mono() + Duration(ttl);
    return TOCSIN_OK;
  }
  static std::uint32_t undo(tocsin_worker* w, tocsin_str key, std::uint64_t token) {
    if (of(w).held(key, token) == nullptr) return TOCSIN_GONE;
    of(w).marks_.erase(std::string(sdk::view(key)));
    return TOCSIN_OK;
  }
  static std::uint32_t emit(tocsin_worker* w, const tocsin_emit_request* r) {
    FakeHost& host = of(w);
    if (host.intake_full) return TOCSIN_FULL;
    Emitted& emitted = host.emits.emplace_back();
    emitted.user = r->user;
    emitted.stream = r->stream;
    emitted.caller = sdk::view(r->caller);
    const sdk::Items<tocsin_emit_item> items(r->items, r->count, r->stride);
    for (const tocsin_emit_item& item : items) {
      emitted.items.emplace_back(sdk::view(item.json));
      emitted.keys.emplace_back(sdk::view(item.idempotency_key));
    }
    return TOCSIN_OK;
  }
  template <bool kCancel>
  static std::uint32_t ask(tocsin_worker* w, tocsin_str id, tocsin_str caller,
                           void (*fn)(void*, const tocsin_ledger_answer*), void* user) {
    FakeHost& host = of(w);
    if (host.ledger != TOCSIN_OK) return host.ledger;
    host.questions.push_back(
        {kCancel, std::string(sdk::view(id)), std::string(sdk::view(caller)), false, fn, user});
    return TOCSIN_OK;
  }

  static tocsin_host make_table() {
    tocsin_host host{};
    host.size = sizeof(host);
    host.abi_major = TOCSIN_ABI_MAJOR;
    host.log = [](tocsin_instance* i, std::uint32_t level, tocsin_str text) {
      of(i).log.push_back({level, std::string(sdk::view(text))});
    };
    host.log_enabled = [](tocsin_instance*, std::uint32_t) { return std::uint32_t{1}; };
    host.wall_ns = [](tocsin_instance* i) { return std::int64_t{of(i).clock.wall().count()}; };
    host.metric = [](tocsin_instance* i, std::uint32_t, tocsin_str name, tocsin_str) {
      // A map's nodes stay where they are.
      return reinterpret_cast<tocsin_metric*>(&of(i).metrics[std::string(sdk::view(name))]);
    };
    host.metric_record = [](tocsin_metric* metric, double value) {
      *reinterpret_cast<double*>(metric) += value;
    };
    host.now_ns = [](tocsin_worker* w) { return std::int64_t{of(w).clock.mono().count()}; };
    host.timer = timer;
    host.timer_cancel = [](tocsin_worker* w, tocsin_token token) { of(w).timers_.erase(token); };
    host.post = post;
    host.offload = offload;
    lend_fds<FakeHost>(host);
    lend_store<FakeHost>(host);
    host.http_send = http_send;
    host.http_cancel = http_cancel;
    host.http_verdict = http_verdict;
    host.reserve = reserve;
    host.confirm = confirm;
    host.undo = undo;
    host.emit = emit;
    host.notification_get = ask<false>;
    host.notification_cancel = ask<true>;
    host.notification_reschedule = [](tocsin_worker* w, tocsin_str id, tocsin_str caller,
                                      tocsin_str json,
                                      void (*fn)(void*, const tocsin_ledger_answer*), void* user) {
      const std::uint32_t asked = ask<false>(w, id, caller, fn, user);
      if (asked == TOCSIN_OK) of(w).questions.back().new_time = sdk::view(json);
      return asked;
    };
    host.template_compile = FakeTemplate::compile;
    host.template_render = FakeTemplate::render;
    host.template_free = FakeTemplate::free;
    host.transport_make = transport_make;
    host.transport_free = [](tocsin_transport* made) {
      delete reinterpret_cast<std::string*>(made);
    };
    host.filter_decide = decide;
    host.complete = complete;
    host.respond = respond;
    host.applied = [](tocsin_worker*, tocsin_token, std::uint32_t, const tocsin_fault*) {
      return std::uint32_t{TOCSIN_OK};
    };
    host.http_resume = [](tocsin_worker*, tocsin_token) { return std::uint32_t{TOCSIN_OK}; };
    return host;
  }

  const tocsin_host table_;
  std::uint64_t tokens_ = 0;
  std::map<tocsin_token, bool> open_;
  std::map<tocsin_token, void*> exchanges_;
  std::map<tocsin_token, Timer> timers_;
  std::map<std::string, Mark> marks_;
  std::deque<Attempt> attempts_;
  std::mutex mutex_;
  std::deque<Task> tasks_;  // guarded by mutex_
};

}  // namespace tocsin::testing
