#include "gateway/routing/pipeline.h"

#include <algorithm>
#include <optional>

namespace tocsin::routing {

namespace {

using stage::FilterStatus;

template <typename T>
bool same_place(const T& a, const T& b) {
  return a.data() == b.data() && a.size() == b.size();
}

/// True when no field was set to another text: filters cannot write into the texts themselves.
bool same_views(const message::Notification& a, const message::Notification& b) {
  return same_place(a.topic, b.topic) && a.level == b.level && same_place(a.title, b.title) &&
         same_place(a.body, b.body) && same_place(a.labels, b.labels) &&
         same_place(a.data, b.data) && same_place(a.key, b.key) &&
         same_place(a.external_id, b.external_id) && same_place(a.to, b.to) &&
         a.deliver_at == b.deliver_at && a.expires_at == b.expires_at && a.supersede == b.supersede;
}

}  // namespace

struct Fate::Reservations {
  struct Reservation {
    stage::Filter* filter;
    std::uint64_t number;
  };
  std::vector<Reservation> list;
};

void Fate::tell(bool committed) {
  if (reservations_ == nullptr) return;
  Reservations& reservations = *std::exchange(reservations_, nullptr);
  for (const auto& [filter, number] : reservations.list) filter->on_outcome(number, committed);
  pipeline_->give_back(reservations);
}

/// One notification on its way through the filters.
class Pipeline::Passage final : public stage::FilterCall {
 public:
  explicit Passage(Pipeline& pipeline) : pipeline_(pipeline) {}

  void begin(Candidate&& candidate) {
    candidate_.emplace(std::move(candidate));
    received_ = *candidate_->decoded.notification;
    dropped_by_ = {};
    next_filter_ = 0;
    is_finished_ = false;
    behind_ = nullptr;
  }

  message::Notification& notification() override { return *candidate_->decoded.notification; }
  Arena& arena() override { return candidate_->arena; }
  std::string_view identity() const override { return candidate_->identity; }

  void remember(std::uint64_t reservation) override {
    TOCSIN_ASSERT(!is_finished_, "a reservation after the decision");
    if (reservations_ == nullptr) reservations_ = &pipeline_.take_reservations();
    reservations_->list.push_back({pipeline_.filters_[next_filter_], reservation});
  }

  void decide(FilterStatus status) override {
    TOCSIN_ASSERT(status != FilterStatus::kHold, "a decision to hold is none");
    TOCSIN_ASSERT(!is_finished_ && !decided_, "a filter decided twice");
    if (is_asked_) {
      decided_ = status;
    } else {
      pipeline_.resume(*this, status);
    }
  }

  /// What the next filter says; a decision given before its hold counts as the answer.
  FilterStatus ask() {
    is_asked_ = true;
    const FilterStatus status = pipeline_.filters_[next_filter_]->on_message(*this);
    is_asked_ = false;
    const std::optional<FilterStatus> decided = std::exchange(decided_, std::nullopt);
    TOCSIN_ASSERT(!decided || status == FilterStatus::kHold, "a filter decided twice");
    return decided.value_or(status);
  }

  std::uint64_t stream() const { return candidate_->stream; }
  bool is_changed() const { return !same_views(received_, *candidate_->decoded.notification); }

  Pipeline& pipeline_;
  std::optional<Candidate> candidate_;
  message::Notification received_;
  Fate::Reservations* reservations_ = nullptr;
  std::string_view dropped_by_;
  std::size_t next_filter_ = 0;
  bool is_asked_ = false;  ///< inside on_message
  bool is_finished_ = false;
  std::optional<FilterStatus> decided_;  ///< inside on_message
  Passage* behind_ = nullptr;            ///< in its line
};

/// A stream in which somebody is held: all that come later wait behind.
struct Pipeline::Line {
  std::uint64_t stream = 0;
  Passage* head = nullptr;
  Passage* tail = nullptr;
  std::size_t count = 0;
  bool is_draining = false;
  Line* next = nullptr;  ///< in its bucket
};

Pipeline::Pipeline(std::vector<stage::Filter*> filters, const Router& router,
                   std::span<const stage::OutputTraits> outputs, RoutedSink& sink,
                   std::vector<stage::RouteScript*> scripts)
    : filters_(std::move(filters)), planner_(router, outputs, std::move(scripts)), sink_(sink) {
  for (const stage::Filter* filter : filters_) {
    TOCSIN_ASSERT(!filter->name().empty(), "a filter without a name");
  }
}

Pipeline::~Pipeline() {
  TOCSIN_ASSERT(waiting_ == 0, "a pipeline died while filters held notifications");
  TOCSIN_ASSERT(untold_ == 0, "a pipeline died before its fates");
}

bool Pipeline::submit(Candidate&& candidate) {
  const std::uint64_t stream = candidate.stream;
  Line* line = stream == 0 ? nullptr : find_line(stream);
  if (waiting_ >= kWaitMax || (line != nullptr && line->count >= kStreamWaitMax)) return false;
  Passage& passage = take_passage();
  passage.begin(std::move(candidate));
  const bool is_finished = run(passage);
  // A filter may have ended another hold of this stream just now.
  if (stream != 0) line = find_line(stream);
  if (line == nullptr && is_finished) {
    finish(passage);
    return true;
  }
  if (stream == 0) {
    ++waiting_;
    return true;
  }
  if (line == nullptr) line = &open_line(stream);
  join(*line, passage);
  drain(*line);
  return true;
}

// True once every filter was asked, or one dropped it.
bool Pipeline::run(Passage& passage) {
  for (; passage.next_filter_ < filters_.size(); ++passage.next_filter_) {
    const FilterStatus status = passage.ask();
    if (status == FilterStatus::kHold) return false;
    if (status == FilterStatus::kDrop) {
      passage.dropped_by_ = filters_[passage.next_filter_]->name();
      break;
    }
  }
  passage.is_finished_ = true;
  return true;
}

void Pipeline::resume(Passage& passage, FilterStatus status) {
  if (status == FilterStatus::kDrop) {
    passage.dropped_by_ = filters_[passage.next_filter_]->name();
    passage.is_finished_ = true;
  } else {
    ++passage.next_filter_;
    if (!run(passage)) return;
  }
  if (passage.stream() == 0) {
    --waiting_;
    finish(passage);
  } else {
    drain(*find_line(passage.stream()));
  }
}

void Pipeline::finish(Passage& passage) {
  Routed routed;
  routed.ticket = passage.candidate_->ticket;
  routed.dropped_by = passage.dropped_by_;
  const bool is_dropped = !passage.dropped_by_.empty();
  if (!is_dropped) {
    routed.plan =
        planner_.plan(passage.candidate_->arena, passage.candidate_->decoded, passage.is_changed());
  }
  Fate fate(*this, std::exchange(passage.reservations_, nullptr));
  if (!is_dropped && routed.plan.kind == Plan::Kind::kPlanned) {
    routed.fate = std::move(fate);
  } else {
    fate.tell(false);
  }
  passage.candidate_.reset();
  free_passages_.push_back(&passage);
  sink_.on_routed(std::move(routed));
}

// ---- lines

Pipeline::Line* Pipeline::find_line(std::uint64_t stream) const {
  if (waiting_ == 0 && lines_.size() == free_lines_.size()) return nullptr;
  Line* line = buckets_[bucket_of(stream)];
  while (line != nullptr && line->stream != stream) line = line->next;
  return line;
}

Pipeline::Line& Pipeline::open_line(std::uint64_t stream) {
  if (free_lines_.empty()) {
    lines_.push_back(std::make_unique<Line>());
    free_lines_.reserve(lines_.size());
    free_lines_.push_back(lines_.back().get());
  }
  Line& line = *free_lines_.back();
  free_lines_.pop_back();
  Line*& bucket = buckets_[bucket_of(stream)];
  line = Line{.stream = stream, .next = bucket};
  bucket = &line;
  return line;
}

void Pipeline::close_line(Line& line) {
  Line** link = &buckets_[bucket_of(line.stream)];
  while (*link != &line) link = &(*link)->next;
  *link = line.next;
  free_lines_.push_back(&line);
}

void Pipeline::join(Line& line, Passage& passage) {
  (line.head == nullptr ? line.head : line.tail->behind_) = &passage;
  line.tail = &passage;
  ++line.count;
  ++waiting_;
}

// The sink may submit to the same stream meanwhile: that joins the line and is taken here.
void Pipeline::drain(Line& line) {
  if (line.is_draining) return;
  line.is_draining = true;
  while (line.head != nullptr && line.head->is_finished_) {
    Passage& passage = *line.head;
    line.head = passage.behind_;
    --line.count;
    --waiting_;
    finish(passage);
  }
  line.is_draining = false;
  if (line.head == nullptr) close_line(line);
}

// ---- what is used again

Pipeline::Passage& Pipeline::take_passage() {
  if (free_passages_.empty()) {
    passages_.push_back(std::make_unique<Passage>(*this));
    free_passages_.reserve(passages_.size());
    return *passages_.back();
  }
  Passage& passage = *free_passages_.back();
  free_passages_.pop_back();
  return passage;
}

Fate::Reservations& Pipeline::take_reservations() {
  ++untold_;
  if (free_reservations_.empty()) {
    reservations_.push_back(std::make_unique<Fate::Reservations>());
    free_reservations_.reserve(reservations_.size());
    return *reservations_.back();
  }
  Fate::Reservations& reservations = *free_reservations_.back();
  free_reservations_.pop_back();
  return reservations;
}

void Pipeline::give_back(Fate::Reservations& reservations) {
  reservations.list.clear();
  free_reservations_.push_back(&reservations);
  --untold_;
}

}  // namespace tocsin::routing
