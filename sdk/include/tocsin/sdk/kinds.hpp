#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "tocsin/plugin.h"
#include "tocsin/sdk/host.hpp"
#include "tocsin/storage.h"

namespace tocsin::sdk {

/// A notification as its sender wrote it; borrowed as what it came with.
class Notification {
 public:
  explicit Notification(const tocsin_notification& notification) : n_(&notification) {}

  std::uint32_t level() const { return n_->level; }
  std::string_view topic() const { return view(n_->topic); }
  std::string_view title() const { return view(n_->title); }
  std::string_view body() const { return view(n_->body); }
  std::string_view data() const { return view(n_->data); }
  std::string_view key() const { return view(n_->key); }
  std::string_view external_id() const { return view(n_->external_id); }
  Items<tocsin_label> labels() const { return {n_->labels, n_->label_count, n_->label_stride}; }
  Items<tocsin_recipient> to() const { return {n_->to, n_->to_count, n_->to_stride}; }
  /// Nothing when no label has the name.
  std::optional<std::string_view> label(std::string_view name) const {
    for (const tocsin_label& label : labels()) {
      if (view(label.name) == name) return view(label.value);
    }
    return std::nullopt;
  }
  const tocsin_notification& c() const { return *n_; }

 private:
  const tocsin_notification* n_;
};

// ---- output

/// One try of one delivery; its texts live until its completion or cancel() returns.
class Attempt {
 public:
  explicit Attempt(const tocsin_attempt& attempt) : a_(attempt) {}

  tocsin_token token() const { return a_.token; }
  std::uint32_t number() const { return a_.number; }
  std::string_view delivery_id() const { return view(a_.delivery_id); }
  std::string_view notification_id() const { return view(a_.notification_id); }
  Notification notification() const { return Notification(*a_.notification); }
  /// The notification as one JSON object.
  std::string_view payload() const { return view(a_.payload); }
  /// "kind:value"; empty: the output's own.
  std::string_view address() const { return view(a_.address); }
  Duration deadline() const { return Duration(a_.deadline_ns); }

  const tocsin_attempt& c() const { return a_; }

 private:
  tocsin_attempt a_;
};

struct OutputTraits {
  std::uint32_t batch_max = 1;
  std::string address_kind = {};
  bool has_own_address = true;
  bool idempotent = false;
  std::string account = {};
  bool rehearses = false;  ///< see tocsin_output_traits
};

class Output {
 public:
  virtual ~Output() = default;
  /// Completes the attempt, now or later, through Host::complete.
  virtual void deliver(const Attempt& attempt) = 0;
  /// For outputs that gain from batches; what it throws ends all of them as internal.
  virtual void deliver_all(Items<tocsin_attempt> attempts);
  virtual void cancel(tocsin_token /*attempt*/) {}

  /// Set by the entry before the first call.
  const Host* output_host = nullptr;
};

inline void Output::deliver_all(Items<tocsin_attempt> attempts) {
  for (const tocsin_attempt& attempt : attempts) {
    const bool began = contain(output_host->c_host(), output_host->c_instance(), "deliver", false,
                               [&] { return deliver(Attempt(attempt)), true; });
    if (!began) output_host->complete(attempt.token, Verdict::internal("the plugin failed"));
  }
}

// ---- filter

enum class Decision : std::uint32_t {
  kPass = TOCSIN_PASS,
  kDrop = TOCSIN_DROP,
  kHold = TOCSIN_HOLD
};

class Message {
 public:
  explicit Message(tocsin_filter_call& call) : call_(call) {}
  Notification notification() const { return Notification(*call_.notification); }
  /// The same identity is the same notification, never its duplicate; empty: it has none.
  std::string_view identity() const { return view(call_.identity); }
  /// For Host::pass and Host::drop, after kHold.
  tocsin_token token() const { return call_.token; }
  /// Asks for on_outcome with this number, not 0.
  void remember(std::uint64_t reservation) { call_.reservation = reservation; }

 private:
  tocsin_filter_call& call_;
};

class Filter {
 public:
  virtual ~Filter() = default;
  virtual Decision on_message(Message& message) = 0;
  virtual void on_outcome(std::uint64_t /*reservation*/, bool /*committed*/) {}
};

// ---- input and handler

/// What became of one notification that was handed in; borrowed for the callback.
class EmitOutcome {
 public:
  explicit EmitOutcome(const tocsin_emit_outcome& outcome) : o_(outcome) {}

  std::uint32_t kind() const { return o_.kind; }  ///< enum tocsin_emit_outcome_kind
  std::string_view id() const { return view(o_.id); }
  std::uint32_t deliveries() const { return o_.deliveries; }
  std::string_view pointer() const { return view(o_.pointer); }
  /// The filter that dropped it, or what is wrong.
  std::string_view text() const { return view(o_.text); }
  Duration retry_after() const { return Duration(o_.retry_after_ns); }

 private:
  const tocsin_emit_outcome& o_;
};

class Input {
 public:
  virtual ~Input() = default;
  /// One outcome per item of the emit with this `user`.
  virtual void on_emitted(std::uint64_t user, Items<tocsin_emit_outcome> outcomes) = 0;
};

class RequestHead {
 public:
  explicit RequestHead(const tocsin_http_head& head) : h_(head) {}
  tocsin_token token() const { return h_.token; }
  std::string_view method() const { return view(h_.method); }
  /// Below the route's prefix.
  std::string_view path() const { return view(h_.path); }
  std::string_view full_path() const { return view(h_.full_path); }
  std::string_view query() const { return view(h_.query); }
  std::string_view peer() const { return view(h_.peer); }
  bool peer_is_loopback() const { return h_.peer_is_loopback != 0; }
  std::string_view request_id() const { return view(h_.request_id); }
  Items<tocsin_header> headers() const { return {h_.headers, h_.header_count, h_.header_stride}; }
  /// The first of that name, compared without case; empty when there is none.
  std::string_view header(std::string_view name) const { return find_header(headers(), name); }

 private:
  const tocsin_http_head& h_;
};

/// A request in a handler's hands until its exchange is over.
class Request {
 public:
  virtual ~Request() = default;
  /// How much body it wants, whole; more is answered 413. 0: none.
  virtual std::uint64_t body_bytes_max() const { return 0; }
  virtual void on_body(std::string_view /*body*/) {}
  /// The exchange is over, answered or not. The last call: frees the request, or takes it back to
  /// be used again.
  virtual void on_done() noexcept { delete this; }

  /// For Host::respond; set by the entry once on_request has returned.
  tocsin_token exchange = 0;
};

/// Ends with Request::on_done; made from any unique_ptr to a request.
struct EndRequest {
  EndRequest() = default;
  template <typename T>
  EndRequest(const std::default_delete<T>&) noexcept {}  // NOLINT(google-explicit-constructor)
  void operator()(Request* request) const noexcept { request->on_done(); }
};
using RequestPtr = std::unique_ptr<Request, EndRequest>;

class Handler {
 public:
  virtual ~Handler() = default;
  /// Answers through Host::respond, now or later. Null when nothing more is to be heard of it.
  virtual RequestPtr on_request(const RequestHead& head) = 0;
};

// ---- storage

/// Also needed: static constexpr bool kBlocking, and, called on any thread that may block,
///   static bool query(Settings&, const tocsin_query&, const tocsin_row_sink&, Fault&);
///   static bool get_record(Settings&, std::string_view collection, std::string_view key,
///                          Duration now, const tocsin_record_sink&, Fault&);
///   static bool scan_records(Settings&, const tocsin_record_scan&, const tocsin_record_sink&,
///                            Fault&);
class Storage {
 public:
  virtual ~Storage() = default;
  virtual bool open(const tocsin_store_open& how, tocsin_store_state& state, Fault& fault) = 0;
  /// Ends with host->applied.
  virtual void apply(tocsin_operation* const* operations, std::uint32_t count,
                     tocsin_token batch) = 0;
  virtual void close() = 0;
};

}  // namespace tocsin::sdk
