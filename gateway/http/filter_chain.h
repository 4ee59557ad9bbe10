#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "gateway/base/arena.h"
#include "gateway/http/filter.h"

namespace tocsin::http {

class FilterChain;

/// One direction through the chain: a head, a body and perhaps trailers walk over numbered steps.
///
///   source -> [waiting_] -> step 0 -> step 1 -> ... -> step n-1 -> far end
///                              ^ a hold at step s stops the whole direction; what step s had in
///                              its
///                                hands is carried_ and goes on at s+1
///
/// A step that wants the whole body keeps the head where it is and collects the body as earlier
/// steps let it through; then both go on.
class FilterFlow {
 public:
  static constexpr std::size_t kStepsMax = 32;
  /// Bytes waiting behind a hold before the source is told to stop.
  static constexpr std::size_t kWaitingMax = 64 * 1024;
  /// A larger buffer is given back before the next use.
  static constexpr std::size_t kKeptMax = 16 * 1024;

  virtual ~FilterFlow() = default;

  /// Forgets the previous use and begins with so many steps.
  void start(std::size_t steps);
  void push_head(bool end);
  void push_data(std::string_view bytes, bool end);
  void push_trailers(HeaderMap& trailers);

  void want_body(std::size_t step, BodyWish wish) { wishes_[step] = wish; }
  /// Goes on after a hold at `step`; also when the hook that will hold has not returned yet.
  void resume(std::size_t step);
  /// Nothing moves any more; what waits is dropped.
  void stop();
  /// What the source sent is dropped, now and later; the head goes on at `step` with this body
  /// behind it instead. Only before the head was delivered.
  void replace(std::size_t step, std::string_view body);

  bool head_delivered() const { return at_.head_delivered; }
  bool stopped() const { return at_.stopped; }
  bool holding_at(std::size_t step) const { return at_.held && at_.held_step == step; }
  /// Steps whose head hook has run.
  std::size_t entered() const { return at_.entered; }

 protected:
  FilterFlow() = default;

  // The hook of a step, and what lies beyond the last one.
  virtual FilterStatus head_hook(std::size_t step, bool end) = 0;
  virtual FilterStatus data_hook(std::size_t step, std::string_view& bytes, bool end) = 0;
  virtual FilterStatus trailers_hook(std::size_t step, HeaderMap& trailers) = 0;
  virtual void deliver_head(bool end) = 0;
  virtual void deliver_data(std::string_view bytes, bool end) = 0;
  virtual void deliver_trailers(HeaderMap& trailers) = 0;
  virtual void hold_source() = 0;
  virtual void release_source() = 0;
  /// A hook returned kRespond.
  virtual void answer_from(std::size_t step) = 0;
  /// A collecting step's body grew beyond its wish.
  virtual void body_too_large(std::size_t step) = 0;

 private:
  static constexpr std::size_t kNone = ~std::size_t{0};

  /// A piece of body between two steps.
  struct Carried {
    std::string bytes;
    std::size_t next_step = kNone;  // kNone: nothing is carried
    bool end = false;
  };

  bool settle(std::size_t step, FilterStatus status);
  void pump();
  bool walk_next();
  void walk_head();
  void walk_data(std::size_t step, std::string_view bytes, bool end);
  void walk_trailers();
  bool must_collect() const;
  void collect(std::string_view bytes, bool end);
  void finish_collecting(bool end);
  void wait(std::string_view bytes, bool end);
  bool can_walk_data() const {
    return !at_.held && (at_.head_delivered || at_.collecting != kNone);
  }

  BodyWish wishes_[kStepsMax];
  std::string waiting_;
  std::string collected_;
  Carried carried_;

  struct Progress {
    std::size_t steps = 0;
    std::size_t entered = 0;
    std::size_t held_step = kNone;
    std::size_t running = kNone;        // the step whose hook is on the stack
    std::size_t resumed_early = kNone;  // resume came while that step's hook was still running
    std::size_t collecting = kNone;
    std::size_t trailers_step = 0;
    HeaderMap* trailers = nullptr;
    std::uint32_t collected_steps = 0;  // a bit per step that has had its whole body
    bool head_arrived = false;
    bool head_end = false;
    bool head_delivered = false;
    bool held = false;
    bool stopped = false;
    bool replaced = false;
    bool waiting_end = false;
    bool source_held = false;
  };
  Progress at_;
  bool pumping_ = false;
};

/// The filters of one exchange, both ways. Owned by the exchange and reused by the next one after
/// finish(). One thread.
class FilterChain {
 public:
  /// The two ends of the chain and their flow control.
  class Ends {
   public:
    virtual ~Ends() = default;
    virtual void request_head(RequestHead& head, bool end) = 0;
    virtual void request_data(std::string_view bytes, bool end) = 0;
    virtual void request_trailers(HeaderMap& trailers) = 0;
    virtual void response_head(ResponseHead& head, bool end) = 0;
    virtual void response_data(std::string_view bytes, bool end) = 0;
    virtual void response_trailers(HeaderMap& trailers) = 0;
    virtual void hold_request_source() = 0;
    virtual void release_request_source() = 0;
    virtual void hold_response_source() = 0;
    virtual void release_response_source() = 0;
    /// A filter (or a limit of its body wish) answers in the handler's place.
    virtual void answered_locally() = 0;
    virtual void name_request(std::string_view request_id) = 0;
    /// A filter wanted to replace an answer whose head has left.
    virtual void abort_answer() = 0;
  };

  FilterChain(Exchange& exchange, Ends& ends);
  ~FilterChain();
  FilterChain(const FilterChain&) = delete;
  FilterChain& operator=(const FilterChain&) = delete;

  /// Makes the filters, in order. False when there are more than FilterFlow::kStepsMax or no
  /// memory.
  [[nodiscard]] bool build(std::span<HttpFilterFactory* const> first,
                           std::span<HttpFilterFactory* const> second, Arena& arena);

  void push_request_head(RequestHead& head, bool end);
  void push_request_data(std::string_view bytes, bool end) { request_.push_data(bytes, end); }
  void push_request_trailers(HeaderMap& trailers) { request_.push_trailers(trailers); }

  /// The handler's answer; dropped when a filter has answered in its place. The head must live as
  /// long as the exchange.
  void push_response_head(ResponseHead& head, bool end);
  void push_response_data(std::string_view bytes, bool end) {
    if (!handler_silenced_) response_.push_data(bytes, end);
  }
  void push_response_trailers(HeaderMap& trailers) {
    if (!handler_silenced_) response_.push_trailers(trailers);
  }

  bool response_started() const { return response_head_ != nullptr; }
  void stop_request() { request_.stop(); }

  /// Calls done() once on every filter entered, destroys all, and forgets everything.
  void finish(DoneFlags flags);

 private:
  class RequestFlow final : public FilterFlow {
   public:
    explicit RequestFlow(FilterChain& chain) : chain_(chain) {}

   private:
    FilterStatus head_hook(std::size_t step, bool end) override;
    FilterStatus data_hook(std::size_t step, std::string_view& bytes, bool end) override;
    FilterStatus trailers_hook(std::size_t step, HeaderMap& trailers) override;
    void deliver_head(bool end) override;
    void deliver_data(std::string_view bytes, bool end) override;
    void deliver_trailers(HeaderMap& trailers) override;
    void hold_source() override;
    void release_source() override;
    void answer_from(std::size_t step) override;
    void body_too_large(std::size_t step) override;
    FilterChain& chain_;
  };

  class ResponseFlow final : public FilterFlow {
   public:
    explicit ResponseFlow(FilterChain& chain) : chain_(chain) {}

   private:
    FilterStatus head_hook(std::size_t step, bool end) override;
    FilterStatus data_hook(std::size_t step, std::string_view& bytes, bool end) override;
    FilterStatus trailers_hook(std::size_t step, HeaderMap& trailers) override;
    void deliver_head(bool end) override;
    void deliver_data(std::string_view bytes, bool end) override;
    void deliver_trailers(HeaderMap& trailers) override;
    void hold_source() override;
    void release_source() override;
    void answer_from(std::size_t step) override;
    void body_too_large(std::size_t step) override;
    FilterChain& chain_;
  };

  /// A filter's place in the chain, and what it may do there.
  class Place final : public FilterContext {
   public:
    const Exchange& exchange() const override;
    void name_request(std::string_view request_id) override;
    Arena& arena() override;
    void want_request_body(BodyWish wish) override;
    void want_response_body(BodyWish wish) override;
    void respond(const ResponseHead& head, std::string_view body) override;
    void resume() override;

    FilterChain* chain = nullptr;
    HttpFilter* filter = nullptr;
    std::size_t index = 0;
    BodyWish response_wish;
  };
  // The response walks the entered filters backwards: its step 0 is the last of them.
  std::size_t response_step(std::size_t index) const { return response_entered_ - 1 - index; }
  Place& response_place(std::size_t step) { return places_[response_entered_ - 1 - step]; }
  void respond(const Place& place, const ResponseHead& head, std::string_view body);
  bool keep_local_answer(const ResponseHead& head, std::string_view body);
  ResponseHead& take_local_head();
  void answer_request(std::size_t index);
  void replace_response(std::size_t step);
  void start_response(ResponseHead& head, std::size_t entered, bool end);
  bool keep_problem(int status, std::string_view detail);
  void give_up();

  template <typename Hook>
  FilterStatus run_hook(Place& place, Hook hook);

  Exchange& exchange_;
  Ends& ends_;
  Arena* arena_ = nullptr;
  std::span<Place> places_;
  RequestHead* request_head_ = nullptr;
  ResponseHead* response_head_ = nullptr;
  // The answer of a filter, kept until its hook has returned.
  ResponseHead local_head_;
  std::string_view local_body_;
  bool local_kept_ = false;
  bool handler_silenced_ = false;  // a filter answered: what the handler still sends is dropped
  bool finishing_ = false;
  const Place* running_ = nullptr;  // whose hook is on the stack
  std::size_t response_entered_ = 0;
  RequestFlow request_;
  ResponseFlow response_;
};

}  // namespace tocsin::http
