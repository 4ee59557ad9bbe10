#include "gateway/app/command_top.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <utility>

#include "gateway/app/terminal.h"
#include "gateway/app/top_view.h"
#include "gateway/base/clock.h"
#include "gateway/base/units.h"

namespace tocsin::app {

namespace {

constexpr Duration kIntervalMin = std::chrono::milliseconds(100);
constexpr Duration kIntervalMax = std::chrono::hours(1);
// To the first place, and what is behind the end of the text.
constexpr std::string_view kHome = "\x1B[H";
constexpr std::string_view kClearLine = "\x1B[K";
constexpr std::string_view kClearRest = "\x1B[J";

// False: nobody reads any more.
bool write(std::string_view text) {
  return std::fwrite(text.data(), 1, text.size(), stdout) == text.size() &&
         std::fflush(stdout) == 0;
}

// Over what was there, line by line, so that nothing flickers.
std::string as_frame(const std::string& text) {
  std::string frame(kHome);
  for (const char c : text) {
    if (c == '\n') frame.append(kClearLine);
    frame += c;
  }
  return frame.append(kClearLine).append(kClearRest);
}

class Top {
 public:
  Top(Duration interval, bool once, const AdminArguments& admin, const std::string& where,
      AdminDoor& door)
      : interval_(interval),
        once_(once),
        json_(admin.json),
        colour_(admin.colour),
        live_(!once && !admin.json && ::isatty(STDOUT_FILENO) == 1),
        view_(where, interval),
        door_(door) {}

  // Faults of the caller end it, and so does whatever goes wrong when one report is all.
  CommandOutput run() {
    Terminal terminal(live_);
    while (true) {
      const MonoTime began = SystemClock::instance().mono();
      if (auto failure = sample()) return std::move(*failure);
      const bool shown = !once_ || view_.has_rates();
      if (shown && !show(terminal)) return {};
      if (shown && once_) return {};
      if (!wait(terminal, began)) return {};
    }
  }

 private:
  std::optional<CommandOutput> sample() {
    auto sample = take_sample(door_, SystemClock::instance().mono());
    if (sample) {
      view_.add(std::move(*sample));
      return std::nullopt;
    }
    const int status = sample.error().status;
    if (once_ || (status >= 400 && status < 500)) return failed(sample.error(), json_);
    view_.miss(sample.error().message);
    return std::nullopt;
  }

  bool show(const Terminal& terminal) {
    if (json_) return write(view_.json());
    if (!live_) return write(view_.text(colour_, 0, 0) + (once_ ? "" : "\n"));
    const Terminal::Size size = terminal.size();
    // The last column stays free: what is cleared behind a full line begins with its last letter.
    const std::size_t columns = std::max<std::size_t>(size.columns, 2) - 1;
    return write(as_frame(view_.text(colour_, size.rows, columns)));
  }

  // Until the next sample is due; false: it is to end.
  bool wait(Terminal& terminal, MonoTime began) {
    while (true) {
      const Duration left = began + interval_ - SystemClock::instance().mono();
      switch (terminal.wait(left)) {
        case Terminal::Woken::kQuit:
          return false;
        case Terminal::Woken::kSoon:
          if (live_ && !show(terminal)) return false;
          break;
        case Terminal::Woken::kTime:
          break;
      }
      if (SystemClock::instance().mono() >= began + interval_) return true;
    }
  }

  const Duration interval_;
  const bool once_;
  const bool json_;
  const bool colour_;
  const bool live_;
  TopView view_;
  AdminDoor& door_;
};

}  // namespace

int show_top(const TopArguments& arguments, const AdminArguments& admin, const std::string& where,
             AdminDoor& door) {
  CommandOutput output;
  const Result<Duration> interval = parse_duration(arguments.interval);
  if (!interval || *interval < kIntervalMin || *interval > kIntervalMax) {
    output = wrong_usage("--interval is a duration from 100ms to 1h, such as 2s");
  } else {
    output = Top(*interval, arguments.once, admin, where, door).run();
  }
  std::fwrite(output.out.data(), 1, output.out.size(), stdout);
  std::fwrite(output.err.data(), 1, output.err.size(), stderr);
  return output.exit_code;
}

}  // namespace tocsin::app
