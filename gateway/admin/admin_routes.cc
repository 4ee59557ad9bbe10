#include "gateway/admin/admin_routes.h"

#include <string>
#include <utility>

#include "gateway/http/problem.h"

namespace tocsin::admin {

namespace {

constexpr std::string_view kJson = "application/json";

}  // namespace

class AdminRoutes::Health final : public http::Handler {
 public:
  void on_request(http::Exchange& exchange, http::RequestHead&) override {
    exchange.answer(200, kJson, "{\"status\":\"ok\"}\n");
  }
};

class AdminRoutes::Ready final : public http::Handler {
 public:
  explicit Ready(const Readiness& readiness) : readiness_(readiness) {}
  void on_request(http::Exchange& exchange, http::RequestHead&) override {
    switch (readiness_.state()) {
      case Readiness::State::kReady:
        exchange.answer(200, kJson, "{\"status\":\"ready\"}\n");
        break;
      case Readiness::State::kStarting:
        exchange.answer(503, kJson, "{\"status\":\"starting\"}\n");
        break;
      case Readiness::State::kDraining:
        exchange.answer(503, kJson, "{\"status\":\"draining\"}\n");
        break;
    }
  }

 private:
  const Readiness& readiness_;
};

class AdminRoutes::MetricsText final : public http::Handler {
 public:
  MetricsText(telemetry::Metrics& metrics, event::OffloadPool& pool)
      : metrics_(metrics), pool_(pool) {}

  void on_request(http::Exchange& exchange, http::RequestHead&) override {
    auto scrape = std::make_shared<Scrape>();
    scrape->exchange = &exchange;
    exchange.set_responder(*new Waiting(scrape));
    const bool queued = pool_.submit(
        exchange.loop(), [scrape, this] { scrape->text = metrics_.expose(); },
        [scrape] {
          if (scrape->exchange == nullptr) return;
          scrape->exchange->answer(200, "text/plain; version=0.0.4; charset=utf-8", scrape->text);
        });
    if (!queued) exchange.answer_problem(503, "Too many scrapes are waiting.");
  }

 private:
  // Shared by the loop and the pool: `text` is the pool's until the job is done, `exchange` the
  // loop's.
  struct Scrape {
    std::string text;
    http::Exchange* exchange = nullptr;
  };

  // Notices when the client goes away before the text is there. Ends itself in on_done.
  class Waiting final : public http::Responder {
   public:
    explicit Waiting(std::shared_ptr<Scrape> scrape) : scrape_(std::move(scrape)) {}
    void on_body(std::string_view, bool) override {}
    void on_done(http::DoneFlags) override {
      scrape_->exchange = nullptr;
      delete this;
    }

   private:
    std::shared_ptr<Scrape> scrape_;
  };

  telemetry::Metrics& metrics_;
  event::OffloadPool& pool_;
};

class AdminRoutes::Refusal final : public http::Handler {
 public:
  Refusal(int status, std::string_view detail) : status_(status), detail_(detail) {}
  void on_request(http::Exchange& exchange, http::RequestHead&) override {
    http::ResponseHead& head = exchange.fresh_head(status_);
    (void)head.headers.add("Content-Type", http::kProblemType);
    if (status_ == 405) (void)head.headers.add("Allow", "GET, HEAD");
    const std::string body = http::problem_document(status_, detail_);
    head.body_bytes = body.size();
    exchange.send_head(head, false);
    exchange.send_data(body, true);
  }

 private:
  const int status_;
  const std::string_view detail_;
};

AdminRoutes::AdminRoutes(const Readiness& readiness, telemetry::Metrics& metrics,
                         event::OffloadPool& pool)
    : health_(std::make_unique<Health>()),
      ready_(std::make_unique<Ready>(readiness)),
      metrics_(std::make_unique<MetricsText>(metrics, pool)),
      not_found_(
          std::make_unique<Refusal>(404, "The admin API has /healthz, /readyz and /metrics.")),
      not_allowed_(std::make_unique<Refusal>(405, "The admin API's pages are read with GET.")) {}

AdminRoutes::~AdminRoutes() = default;

http::RoutePlan AdminRoutes::plan(const http::RequestHead& head) const {
  http::RoutePlan plan;
  plan.route = head.path;
  if (head.path == "/healthz") {
    plan.handler = health_.get();
  } else if (head.path == "/readyz") {
    plan.handler = ready_.get();
  } else if (head.path == "/metrics") {
    plan.handler = metrics_.get();
  } else {
    plan.handler = not_found_.get();
    return plan;
  }
  if (head.method != "GET" && head.method != "HEAD") plan.handler = not_allowed_.get();
  return plan;
}

}  // namespace tocsin::admin
