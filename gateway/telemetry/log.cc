// The log's back half is spdlog: its thread pool is the bounded queue that pushes out the oldest
// line, and its worker the one thread that writes. A line is formatted by the thread that logs,
// since its fields are borrowed, and travels as the payload of a spdlog message:
//
//   write() -> append_log_line -> async_logger -> queue -> worker -> QueueEnd -> LineWriter -> sink
//
// spdlog's own patterns are not used: they do not escape.
#include "gateway/telemetry/log.h"

#include <pthread.h>
#include <spdlog/async_logger.h>
#include <spdlog/details/thread_pool.h>
#include <spdlog/sinks/sink.h>

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <string>

#include "gateway/telemetry/log_limiter.h"
#include "gateway/telemetry/log_line.h"

namespace tocsin::telemetry {
namespace {

using SpdlogPool = spdlog::details::thread_pool;

// How often a queue that keeps overflowing is reported in the log itself.
constexpr Duration kDropReportInterval = std::chrono::seconds(1);

void name_thread() { pthread_setname_np(pthread_self(), "tocsin-log"); }

spdlog::string_view_t as_spdlog(std::string_view text) { return {text.data(), text.size()}; }

// Where spdlog's worker hands lines over. Everything here runs on that worker, except finish().
class QueueEnd final : public spdlog::sinks::sink {
 public:
  QueueEnd(std::unique_ptr<ByteSink> output, LogFormat format, const Clock& clock)
      : writer(std::move(output)), format_(format), clock_(clock) {}

  void log(const spdlog::details::log_msg& msg) override {
    const std::uint64_t dropped = pool_->overrun_counter();
    if (dropped > reported_ && report_limiter_.admit(clock_.mono())) report(dropped);
    writer.write({msg.payload.data(), msg.payload.size()});
    {
      const std::lock_guard lock(mutex_);
      ++lines_written_;
    }
    line_done_.notify_all();
  }
  void flush() override {}
  void set_pattern(const std::string&) override {}
  void set_formatter(std::unique_ptr<spdlog::formatter>) override {}

  void watch(SpdlogPool& pool) { pool_ = &pool; }

  // Lines leave the queue in its order, written or pushed out, so their number tells which are
  // through: the first so many, except that the one being written may stand before some that were
  // pushed out meanwhile. So once the number is reached one more line has to finish, unless none is
  // left.
  bool wait_until_done(Duration limit) {
    const std::uint64_t target = lines_queued.load();
    std::optional<std::uint64_t> written_when_reached;
    std::unique_lock lock(mutex_);
    return line_done_.wait_for(lock, limit, [&] {
      const std::uint64_t done = lines_written_ + pool_->overrun_counter();
      if (done >= lines_queued.load()) return true;
      if (!written_when_reached && done >= target) written_when_reached = lines_written_;
      return written_when_reached && lines_written_ > *written_when_reached;
    });
  }

  // After the worker has ended: the last account of dropped lines.
  void finish(std::uint64_t dropped) {
    if (dropped > reported_) report(dropped);
  }

  LineWriter writer;
  std::atomic<std::uint64_t> lines_queued{0};

 private:
  void report(std::uint64_t dropped) {
    const LogField fields[] = {{"dropped", dropped - reported_}, {"dropped_total", dropped}};
    std::string line;
    append_log_line(line,
                    {clock_.wall(), LogLevel::kWarning, "telemetry",
                     "log lines were dropped because the queue was full", fields},
                    format_);
    writer.write(line);
    reported_ = dropped;
  }

  const LogFormat format_;
  const Clock& clock_;
  SpdlogPool* pool_ = nullptr;
  LogLimiter report_limiter_{1, kDropReportInterval};
  std::uint64_t reported_ = 0;
  std::mutex mutex_;
  std::condition_variable line_done_;
  std::uint64_t lines_written_ = 0;
};

}  // namespace

struct Log::Backend {
  Backend(std::unique_ptr<ByteSink> sink, const LogOptions& options, const Clock& clock)
      : end(std::make_shared<QueueEnd>(std::move(sink), options.format, clock)),
        pool(std::make_shared<SpdlogPool>(std::max<std::size_t>(1, options.queue_lines_max), 1,
                                          name_thread)),
        logger(std::make_shared<spdlog::async_logger>(
            "tocsin", end, pool, spdlog::async_overflow_policy::overrun_oldest)) {
    end->watch(*pool);
    logger->set_level(spdlog::level::trace);
  }

  ~Backend() {
    const std::uint64_t dropped = pool->overrun_counter();
    pool.reset();  // writes what is queued, then joins the worker
    end->finish(dropped);
  }

  std::shared_ptr<QueueEnd> end;
  std::shared_ptr<SpdlogPool> pool;
  std::shared_ptr<spdlog::async_logger> logger;
};

Log::Log(std::unique_ptr<ByteSink> sink, const LogOptions& options, const Clock& clock)
    : level_(options.level),
      format_(options.format),
      clock_(clock),
      backend_(std::make_unique<Backend>(std::move(sink), options, clock)) {}

Log::~Log() = default;

void Log::write(LogLevel level, std::string_view logger, std::string_view message,
                std::span<const LogField> fields) noexcept {
  // Bounded by kLogLineBytesMax, and kept so that a line does not allocate.
  thread_local std::string line;
  line.clear();
  append_log_line(line, {clock_.wall(), level, logger, message, fields}, format_);
  backend_->end->lines_queued.fetch_add(1);
  // The level was settled by the caller and stands in the line; spdlog's own is only a way through.
  backend_->logger->log(spdlog::log_clock::time_point{}, spdlog::source_loc{},
                        spdlog::level::critical, as_spdlog(line));
}

bool Log::flush(Duration limit) { return backend_->end->wait_until_done(limit); }

Result<void> Log::reopen() { return backend_->end->writer.reopen(); }

std::uint64_t Log::lines_dropped() const { return backend_->pool->overrun_counter(); }
std::uint64_t Log::lines_lost() const { return backend_->end->writer.lines_lost(); }
std::uint64_t Log::write_errors() const { return backend_->end->writer.errors(); }

}  // namespace tocsin::telemetry
