#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "gateway/routing/plan.h"
#include "gateway/stage/filter.h"

// The way of a notification on its loop, from decoded to planned:
//
//   submit --> filter --> filter --> (its stream's line) --> router, addresses, seal --> on_routed
//                 |                         ^
//                 +-- hold ... decide ------+   a line forms only while somebody in it is held

namespace tocsin::routing {

class Pipeline;

/// What the filters reserved for one notification. Say once what came of it; a fate that dies
/// untold was not committed. For the pipeline's loop; must not outlive the pipeline.
class Fate {
 public:
  Fate() = default;
  Fate(Fate&& other) noexcept
      : pipeline_(other.pipeline_), reservations_(std::exchange(other.reservations_, nullptr)) {}
  Fate& operator=(Fate&& other) noexcept {
    if (this != &other) {
      tell(false);
      pipeline_ = other.pipeline_;
      reservations_ = std::exchange(other.reservations_, nullptr);
    }
    return *this;
  }
  Fate(const Fate&) = delete;
  Fate& operator=(const Fate&) = delete;
  ~Fate() { tell(false); }

  /// False when no filter waits to hear.
  explicit operator bool() const { return reservations_ != nullptr; }
  void tell(bool committed);

 private:
  friend class Pipeline;
  struct Reservations;
  Fate(Pipeline& pipeline, Reservations* reservations)
      : pipeline_(&pipeline), reservations_(reservations) {}

  Pipeline* pipeline_ = nullptr;
  Reservations* reservations_ = nullptr;
};

/// A decoded notification that asks to be routed.
struct Candidate {
  Arena arena;  ///< what `decoded` and `identity` stand in
  message::Decoded decoded;
  std::string_view identity;  ///< see stage::FilterCall
  std::uint64_t stream = 0;   ///< results of one stream come in the order of submit; 0: any order
  std::uint64_t ticket = 0;   ///< the submitter's own number for it
};

struct Routed {
  std::uint64_t ticket = 0;
  /// The filter that dropped it, whose name lives as long as the filter; empty: `plan` says.
  std::string_view dropped_by;
  Plan plan;
  Fate fate;  ///< kPlanned only; otherwise the filters know already
};

/// Takes results.
class RoutedSink {
 public:
  virtual ~RoutedSink() = default;
  /// Once for each accepted candidate, possibly inside submit(). May submit more.
  virtual void on_routed(Routed routed) = 0;
};

/// The filters, the router and what keeps streams in order, on one loop and for one snapshot.
/// Allocates nothing in the steady state.
class Pipeline {
 public:
  /// Notifications of one stream, and in all, that may wait for a filter's decision or behind one.
  static constexpr std::size_t kStreamWaitMax = 256;
  static constexpr std::size_t kWaitMax = 8192;

  /// Filters, router, scripts and sink must outlive it; every hold and every fate must have ended
  /// before it dies.
  Pipeline(std::vector<stage::Filter*> filters, const Router& router,
           std::span<const stage::OutputTraits> outputs, RoutedSink& sink,
           std::vector<stage::RouteScript*> scripts = {});
  ~Pipeline();
  Pipeline(const Pipeline&) = delete;
  Pipeline& operator=(const Pipeline&) = delete;

  /// False: too many wait, and `candidate` is untouched.
  [[nodiscard]] bool submit(Candidate&& candidate);

  /// How many wait for a decision, or behind one.
  std::size_t waiting() const { return waiting_; }

 private:
  friend class Fate;
  class Passage;
  struct Line;

  bool run(Passage& passage);
  void resume(Passage& passage, stage::FilterStatus status);
  void finish(Passage& passage);

  Line* find_line(std::uint64_t stream) const;
  Line& open_line(std::uint64_t stream);
  void close_line(Line& line);
  void join(Line& line, Passage& passage);
  void drain(Line& line);
  static std::size_t bucket_of(std::uint64_t stream) {
    return stream * 0x9E3779B97F4A7C15U >> (64U - kBucketBits);
  }

  Passage& take_passage();
  Fate::Reservations& take_reservations();
  void give_back(Fate::Reservations& reservations);

  static constexpr unsigned kBucketBits = 10;

  std::vector<stage::Filter*> filters_;
  Planner planner_;
  RoutedSink& sink_;
  std::size_t waiting_ = 0;
  std::size_t untold_ = 0;  // reservations in fates and passages

  // Everything made so far, and what of it is free.
  std::vector<std::unique_ptr<Passage>> passages_;
  std::vector<Passage*> free_passages_;
  std::vector<std::unique_ptr<Fate::Reservations>> reservations_;
  std::vector<Fate::Reservations*> free_reservations_;
  std::vector<std::unique_ptr<Line>> lines_;
  std::vector<Line*> free_lines_;
  std::array<Line*, std::size_t{1} << kBucketBits> buckets_{};  // open lines by stream
};

}  // namespace tocsin::routing
