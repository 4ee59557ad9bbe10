// The functions a plugin calls. Each checks what foreign code may get wrong, then hands over to the
// worker's parts; none lets anything of the gateway run on the plugin's stack.

#include "gateway/plugin/host.h"

#include <algorithm>
#include <string>

#include "gateway/plugin/fault.h"
#include "gateway/plugin/fd_watches.h"
#include "gateway/plugin/http_calls.h"
#include "gateway/plugin/http_verdict.h"
#include "gateway/plugin/instance.h"
#include "gateway/plugin/intake.h"
#include "gateway/plugin/store_door.h"
#include "gateway/plugin/templates.h"
#include "gateway/plugin/text.h"
#include "gateway/plugin/timers.h"
#include "gateway/plugin/transports.h"
#include "gateway/plugin/worker.h"

namespace tocsin::plugin {

namespace {

// ---- any thread

telemetry::LogLevel level_of(std::uint32_t level) {
  return static_cast<telemetry::LogLevel>(
      std::min<std::uint32_t>(level, static_cast<std::uint32_t>(TOCSIN_LOG_CRITICAL)));
}

void host_log(tocsin_instance* handle, std::uint32_t level, tocsin_str message) {
  Instance& instance = Instance::of(handle);
  telemetry::Log& log = instance.services().log;
  if (!is_readable(message) || !log.enabled(level_of(level))) return;
  log.write(level_of(level), instance.logger(), view_of(message), {{"plugin", instance.label()}});
}

std::uint32_t host_log_enabled(tocsin_instance* handle, std::uint32_t level) {
  return Instance::of(handle).services().log.enabled(level_of(level)) ? 1 : 0;
}

std::uint32_t host_post(tocsin_worker* handle, void (*fn)(void*), void (*drop)(void*), void* user) {
  return Worker::of(handle).post(fn, drop, user);
}

std::int64_t host_wall_ns(tocsin_instance* handle) {
  return Instance::of(handle).services().clock.wall().time_since_epoch().count();
}

tocsin_metric* host_metric(tocsin_instance* handle, std::uint32_t kind, tocsin_str name,
                           tocsin_str help) {
  const Instance& instance = Instance::of(handle);
  return instance.services().metrics.declare(kind, view_of(name), view_of(help), instance.label(),
                                             instance.id());
}

void host_metric_record(tocsin_metric* metric, double value) {
  if (metric != nullptr) PluginMetrics::record(*metric, value);
}

// ---- the worker's loop

std::int64_t host_now_ns(tocsin_worker* handle) {
  return Worker::of(handle).loop().now().time_since_epoch().count();
}

tocsin_token host_timer(tocsin_worker* handle, std::int64_t delay_ns, void (*fn)(void*),
                        void* user) {
  Worker& worker = Worker::of(handle);
  if (worker.may_call("timer") != TOCSIN_OK) return 0;
  if (fn == nullptr) return worker.misused("timer without a function"), 0;
  return worker.timers().start(Duration(delay_ns), fn, user);
}

void host_timer_cancel(tocsin_worker* handle, tocsin_token token) {
  Worker& worker = Worker::of(handle);
  // After the worker's end every timer is over, and saying so once more is no fault.
  if (worker.finished() || worker.may_call("timer_cancel") != TOCSIN_OK) return;
  worker.timers().cancel(token);
}

tocsin_token host_fd_watch(tocsin_worker* handle, std::int32_t fd, std::uint32_t events,
                           void (*fn)(void*, std::uint32_t), void* user) {
  Worker& worker = Worker::of(handle);
  return worker.may_call("fd_watch") != TOCSIN_OK ? 0 : worker.fds().watch(fd, events, fn, user);
}

std::uint32_t host_fd_change(tocsin_worker* handle, tocsin_token token, std::uint32_t events) {
  Worker& worker = Worker::of(handle);
  const std::uint32_t refused = worker.may_call("fd_change");
  return refused != 0 ? refused : worker.fds().change(token, events);
}

void host_fd_unwatch(tocsin_worker* handle, tocsin_token token) {
  Worker& worker = Worker::of(handle);
  if (worker.finished() || worker.may_call("fd_unwatch") != TOCSIN_OK) return;
  worker.fds().unwatch(token);
}

std::uint32_t host_offload(tocsin_worker* handle, void (*work)(void*), void (*done)(void*),
                           void (*drop)(void*), void* user) {
  return Worker::of(handle).offload(work, done, drop, user);
}

tocsin_token host_http_send(tocsin_worker* handle, const tocsin_http_request* request,
                            void (*fn)(void*, const tocsin_http_response*), void* user,
                            tocsin_fault* fault) {
  Worker& worker = Worker::of(handle);
  if (const std::uint32_t refused = worker.may_call("http_send"); refused != 0) {
    set_fault(fault, refused, "the loop is not this call's");
    return 0;
  }
  if (request == nullptr) return worker.misused("http_send without a request"), 0;
  const Result<tocsin_token> token = worker.http().send(*request, fn, user);
  if (token) return *token;
  set_fault(fault, status_of(token.error().code), token.error().text());
  return 0;
}

void host_http_cancel(tocsin_worker* handle, tocsin_token token) {
  Worker& worker = Worker::of(handle);
  if (worker.finished() || worker.may_call("http_cancel") != TOCSIN_OK) return;
  worker.http().cancel(token);
}

void host_http_verdict(tocsin_worker* handle, const tocsin_http_response* response, char* text,
                       size_t text_max, tocsin_verdict* out) {
  const message::Verdict verdict = http_verdict(*response, Worker::of(handle).loop().wall());
  *out = tocsin_verdict{};
  out->size = sizeof(*out);
  out->kind = static_cast<std::uint32_t>(verdict.kind);
  out->scope = static_cast<std::uint32_t>(verdict.scope);
  out->after_ns = verdict.after.count();
  if (text == nullptr) return;
  out->reason = {text, verdict.reason.copy(text, text_max)};
}

// ---- state all loops share

// Keys of one instance never meet those of another.
bool shared_key(Worker& worker, tocsin_str key, std::string& out) {
  out.assign(worker.instance().label()).append(1, '\0');
  out.append(worker.instance().id()).append(1, '\0').append(view_of(key));
  return out.size() <= policy::SharedTable::kKeyBytesMax;
}

void host_reserve(tocsin_worker* handle, tocsin_str key, tocsin_str value,
                  tocsin_reservation* out) {
  Worker& worker = Worker::of(handle);
  *out = tocsin_reservation{};
  out->size = sizeof(*out);
  out->outcome = worker.may_call("reserve");
  if (out->outcome != TOCSIN_OK) return;
  policy::SharedTable* table = worker.environment().table;
  std::string full;
  if (table == nullptr || !shared_key(worker, key, full)) {
    out->outcome = table == nullptr ? TOCSIN_UNAVAILABLE : TOCSIN_INVALID;
    return;
  }
  using Outcome = policy::SharedTable::Outcome;
  const auto reserved = table->add_if_absent(full, view_of(value), worker.loop().now());
  if (reserved.outcome == Outcome::kDone) {
    out->token = reserved.token;
  } else if (reserved.outcome == Outcome::kPresent) {
    out->outcome = TOCSIN_EXISTS;
    out->confirmed = reserved.confirmed ? 1 : 0;
    out->value_len =
        static_cast<std::uint32_t>(reserved.value.copy(out->value, sizeof(out->value)));
  } else {
    out->outcome = reserved.outcome == Outcome::kFull ? TOCSIN_FULL : TOCSIN_INVALID;
  }
}

std::uint32_t host_confirm(tocsin_worker* handle, tocsin_str key, std::uint64_t token,
                           std::int64_t ttl_ns) {
  Worker& worker = Worker::of(handle);
  if (const std::uint32_t refused = worker.may_call("confirm"); refused != 0) return refused;
  policy::SharedTable* table = worker.environment().table;
  std::string full;
  if (table == nullptr || !shared_key(worker, key, full)) return TOCSIN_INVALID;
  const bool held = table->confirm(full, token, worker.loop().now(), Duration(ttl_ns));
  return held ? TOCSIN_OK : TOCSIN_GONE;
}

std::uint32_t host_undo(tocsin_worker* handle, tocsin_str key, std::uint64_t token) {
  Worker& worker = Worker::of(handle);
  if (const std::uint32_t refused = worker.may_call("undo"); refused != 0) return refused;
  policy::SharedTable* table = worker.environment().table;
  std::string full;
  if (table == nullptr || !shared_key(worker, key, full)) return TOCSIN_INVALID;
  return table->undo(full, token, worker.loop().now()) ? TOCSIN_OK : TOCSIN_GONE;
}

// ---- inputs

std::uint32_t host_emit(tocsin_worker* handle, const tocsin_emit_request* request) {
  Worker& worker = Worker::of(handle);
  if (const std::uint32_t refused = worker.may_call("emit"); refused != 0) return refused;
  if (request == nullptr) return worker.misused("emit without a request");
  return worker.intake().emit(*request);
}

std::uint32_t host_notification_get(tocsin_worker* handle, tocsin_str id, tocsin_str caller,
                                    void (*fn)(void*, const tocsin_ledger_answer*), void* user) {
  Worker& worker = Worker::of(handle);
  const std::uint32_t refused = worker.may_call("notification_get");
  return refused != 0 ? refused : worker.intake().get(view_of(id), view_of(caller), fn, user);
}

std::uint32_t host_notification_cancel(tocsin_worker* handle, tocsin_str id, tocsin_str caller,
                                       void (*fn)(void*, const tocsin_ledger_answer*), void* user) {
  Worker& worker = Worker::of(handle);
  const std::uint32_t refused = worker.may_call("notification_cancel");
  return refused != 0 ? refused : worker.intake().cancel(view_of(id), view_of(caller), fn, user);
}

std::uint32_t host_notification_reschedule(tocsin_worker* handle, tocsin_str id, tocsin_str caller,
                                           tocsin_str json,
                                           void (*fn)(void*, const tocsin_ledger_answer*),
                                           void* user) {
  Worker& worker = Worker::of(handle);
  const std::uint32_t refused = worker.may_call("notification_reschedule");
  if (refused != 0) return refused;
  return worker.intake().reschedule(view_of(id), view_of(caller), view_of(json), fn, user);
}

// ---- what the store keeps

std::uint32_t host_report(tocsin_worker* handle, const tocsin_report* report,
                          void (*fn)(void*, std::uint32_t), void* user) {
  Worker& worker = Worker::of(handle);
  if (const std::uint32_t refused = worker.may_call("report"); refused != 0) return refused;
  if (report == nullptr) return worker.misused("report of nothing");
  return worker.store().report(*report, fn, user);
}

std::uint32_t host_suppress(tocsin_worker* handle, const tocsin_suppression* suppression,
                            void (*fn)(void*, std::uint32_t), void* user) {
  Worker& worker = Worker::of(handle);
  if (const std::uint32_t refused = worker.may_call("suppress"); refused != 0) return refused;
  if (suppression == nullptr) return worker.misused("suppress of nothing");
  return worker.store().suppress(*suppression, fn, user);
}

std::uint32_t host_record_get(tocsin_worker* handle, tocsin_str key,
                              void (*fn)(void*, const tocsin_record_answer*), void* user) {
  Worker& worker = Worker::of(handle);
  const std::uint32_t refused = worker.may_call("record_get");
  return refused != 0 ? refused : worker.store().get(key, fn, user);
}

std::uint32_t host_record_put(tocsin_worker* handle, tocsin_str key, tocsin_str value,
                              std::uint64_t version, std::int64_t ttl_ns,
                              void (*fn)(void*, std::uint32_t), void* user) {
  Worker& worker = Worker::of(handle);
  const std::uint32_t refused = worker.may_call("record_put");
  return refused != 0 ? refused : worker.store().put(key, value, version, ttl_ns, fn, user);
}

// ---- completions

std::uint32_t host_filter_decide(tocsin_worker* handle, tocsin_token token,
                                 std::uint32_t decision) {
  Worker& worker = Worker::of(handle);
  if (const std::uint32_t refused = worker.may_call("filter_decide"); refused != 0) return refused;
  auto* decisions = worker.completions().decisions;
  return decisions == nullptr ? worker.late("filter_decide") : decisions->decide(token, decision);
}

std::uint32_t host_complete(tocsin_worker* handle, tocsin_token token,
                            const tocsin_verdict* verdict) {
  Worker& worker = Worker::of(handle);
  if (const std::uint32_t refused = worker.may_call("complete"); refused != 0) return refused;
  if (verdict == nullptr) return worker.misused("complete without a verdict");
  auto* deliveries = worker.completions().deliveries;
  return deliveries == nullptr ? worker.late("complete") : deliveries->complete(token, *verdict);
}

std::uint32_t host_respond(tocsin_worker* handle, tocsin_token token,
                           const tocsin_http_answer* answer) {
  Worker& worker = Worker::of(handle);
  if (const std::uint32_t refused = worker.may_call("respond"); refused != 0) return refused;
  if (answer == nullptr) return worker.misused("respond without an answer");
  auto* answers = worker.completions().answers;
  return answers == nullptr ? worker.late("respond") : answers->respond(token, *answer);
}

std::uint32_t host_applied(tocsin_worker* handle, tocsin_token token, std::uint32_t outcome,
                           const tocsin_fault* fault) {
  Worker& worker = Worker::of(handle);
  if (const std::uint32_t refused = worker.may_call("applied"); refused != 0) return refused;
  auto* batches = worker.completions().batches;
  return batches == nullptr ? worker.late("applied") : batches->applied(token, outcome, fault);
}

std::uint32_t host_http_resume(tocsin_worker* handle, tocsin_token token) {
  Worker& worker = Worker::of(handle);
  if (const std::uint32_t refused = worker.may_call("http_resume"); refused != 0) return refused;
  auto* answers = worker.completions().answers;
  return answers == nullptr ? worker.late("http_resume") : answers->resume(token);
}

constexpr tocsin_host kHost = {.size = sizeof(tocsin_host),
                               .abi_major = TOCSIN_ABI_MAJOR,
                               .log = host_log,
                               .log_enabled = host_log_enabled,
                               .post = host_post,
                               .wall_ns = host_wall_ns,
                               .template_compile = compile_template,
                               .template_render = render_template,
                               .template_free = free_template,
                               .transport_make = make_transport,
                               .transport_free = free_transport,
                               .metric = host_metric,
                               .metric_record = host_metric_record,
                               .now_ns = host_now_ns,
                               .timer = host_timer,
                               .timer_cancel = host_timer_cancel,
                               .fd_watch = host_fd_watch,
                               .fd_change = host_fd_change,
                               .fd_unwatch = host_fd_unwatch,
                               .offload = host_offload,
                               .http_send = host_http_send,
                               .http_cancel = host_http_cancel,
                               .http_verdict = host_http_verdict,
                               .reserve = host_reserve,
                               .confirm = host_confirm,
                               .undo = host_undo,
                               .emit = host_emit,
                               .notification_get = host_notification_get,
                               .notification_cancel = host_notification_cancel,
                               .notification_reschedule = host_notification_reschedule,
                               .report = host_report,
                               .suppress = host_suppress,
                               .record_get = host_record_get,
                               .record_put = host_record_put,
                               .filter_decide = host_filter_decide,
                               .complete = host_complete,
                               .respond = host_respond,
                               .applied = host_applied,
                               .http_resume = host_http_resume};

}  // namespace

const tocsin_host& host_table() { return kHost; }

}  // namespace tocsin::plugin
