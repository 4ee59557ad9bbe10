#include "gateway/app/upgrade.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

namespace tocsin::app {

Upgrade::Upgrade(Parts parts)
    : parts_(std::move(parts)),
      successor_(parts_.control),
      stay_(parts_.control.timers(), [this] { finish_if_over(); }),
      success_(parts_.metrics.gauge("tocsin_upgrade_success",
                                    "Whether no attempt to replace this process has failed since "
                                    "the last one began.")),
      failures_(parts_.metrics.counters("tocsin_upgrades_failed_total",
                                        "New processes that did not take this one's place.",
                                        {"reason"})) {
  success_.set(1);
  // An alert on an increase needs the zero before it.
  for (const char* reason : {"not_started", "ended", "not_ready", "ended_after_ready"}) {
    failures_.with({reason});
  }
  // Whoever looks now asks this process how the upgrade went that it ended.
  if (std::string text = std::exchange(parts_.command.failure, {}); !text.empty()) {
    success_.set(0);
    failures_.with({"ended_after_ready"}).add();
    failure_ = {"ended_after_ready", std::move(text), parts_.control.wall()};
  }
}

Upgrade::~Upgrade() { let_go_of_sockets(); }

void Upgrade::begin(Duration patience) {
  if (under_way()) {
    TOCSIN_LOG(parts_.log, kWarning, "app", "an upgrade is under way already");
    return;
  }
  TOCSIN_LOG(parts_.log, kInfo, "app", "upgrading", {"binary", parts_.command.program});
  patience_ = patience;
  failure_.reset();
  success_.set(1);
  gathering_ = true;
  using Found = std::vector<std::vector<LoopServers::Listening>>;
  auto found = std::make_shared<Found>(parts_.loops.size());
  parts_.loops.each_at_once(
      [found](std::size_t index, LoopEstate& loop) -> Result<void> {
        (*found)[index] = loop.listening();
        return {};
      },
      [this, found](const Result<void>&) {
        gathering_ = false;
        if (stopped_) return;
        for (const auto& loop : *found) {
          for (const LoopServers::Listening& one : loop) {
            std::string name = parts_.listeners.name_of(one.listener);
            if (!name.empty()) keep(std::move(name), one.fd);
          }
        }
        for (const int fd : parts_.admin.listening()) keep(std::string(AdminServer::kName), fd);
        start(parts_.command);
      });
}

void Upgrade::keep(std::string name, int fd) {
  const int copy = ::fcntl(fd, F_DUPFD_CLOEXEC, Successor::kChannelFd + 1);
  if (copy >= 0) sockets_.push_back({std::move(name), copy});
}

void Upgrade::let_go_of_sockets() {
  for (const Kept& one : sockets_) ::close(one.fd);
  sockets_.clear();
}

void Upgrade::start(const Successor::Command& command) {
  std::vector<HandedSocket> sockets;
  for (const Kept& one : sockets_) sockets.push_back({one.name, one.fd});
  const Result<void> started = successor_.start(
      command, sockets, patience_,
      [this](const tl::expected<pid_t, Successor::Failure>& came_to) {
        if (stopped_) return;
        if (came_to) return on_serves(*came_to);
        failed(came_to.error().reason, came_to.error().text);
      },
      [this](const std::string& how, bool as_told) { on_ended(how, as_told); });
  if (!started) failed("not_started", started.error().text());
}

void Upgrade::on_serves(pid_t pid) {
  TOCSIN_LOG(parts_.log, kInfo, "app", "the new process serves", {"pid", pid});
  // Nobody accepts from these any more, so nobody may wait there.
  std::erase_if(sockets_, [this](const Kept& one) {
    const bool unused = std::ranges::count(successor_.unused(), one.name) > 0;
    if (unused) ::close(one.fd);
    return unused;
  });
  stay_until_ = parts_.control.now() + kStay;
  if (!std::exchange(replaced_, true)) parts_.replaced(pid);
  hand_over_lanes();
}

// By now none of them begins an attempt: the drain has told them before this asks.
void Upgrade::hand_over_lanes() {
  handing_over_ = true;
  parts_.lanes.gather([this](const std::string& text) {
    handing_over_ = false;
    successor_.send_lanes(text);
    finish_if_over();
  });
}

// This process no longer serves, but it still has the sockets, in which clients may wait.
void Upgrade::on_ended(const std::string& how, bool as_told) {
  if (as_told || stopped_) {
    let_go_of_sockets();
    return finish_if_over();
  }
  failed("ended_after_ready", how);
}

void Upgrade::failed(std::string_view reason, std::string text) {
  success_.set(0);
  failures_.with({reason}).add();
  if (!replaced_) {
    TOCSIN_LOG(parts_.log, kError, "app", "the upgrade failed; this process serves on",
               {"error", text});
    let_go_of_sockets();
  } else if (resumes_ == kResumesMax) {
    TOCSIN_LOG(parts_.log, kCritical, "app", "the new process failed and nobody serves",
               {"error", text});
    let_go_of_sockets();
  } else {
    TOCSIN_LOG(parts_.log, kError, "app", "the new process failed; this binary is started again",
               {"error", text});
    ++resumes_;
    // The one that runs, whatever stands at its path.
    start({.program = "/proc/self/exe",
           .arguments = parts_.command.arguments,
           .binary = parts_.command.program,
           .failure = text});
  }
  failure_ = {std::string(reason), std::move(text), parts_.control.wall()};
  finish_if_over();
}

void Upgrade::stop() {
  if (replaced_) return;
  stopped_ = true;
  successor_.end();
}

void Upgrade::finish(Function<void()> done) {
  if (!replaced_) return done();
  finished_ = std::move(done);
  hand_over_lanes();
}

void Upgrade::finish_if_over() {
  if (!finished_ || under_way() || handing_over_) return;
  if (successor_.serves() && parts_.control.now() < stay_until_) return stay_.arm_at(stay_until_);
  std::exchange(finished_, nullptr)();
}

}  // namespace tocsin::app
