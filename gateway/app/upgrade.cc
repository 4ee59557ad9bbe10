#include "gateway/app/upgrade.h"

#include <string>
#include <utility>

namespace tocsin::app {

Upgrade::Upgrade(Parts parts) : parts_(std::move(parts)), successor_(parts_.control) {}

void Upgrade::begin(Duration patience) {
  if (under_way()) {
    TOCSIN_LOG(parts_.log, kWarning, "app", "an upgrade is under way already");
    return;
  }
  TOCSIN_LOG(parts_.log, kInfo, "app", "upgrading", {"binary", parts_.command.program});
  patience_ = patience;
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
        std::vector<HandedSocket> sockets;
        for (const auto& loop : *found) {
          for (const LoopServers::Listening& one : loop) {
            std::string name = parts_.listeners.name_of(one.listener);
            if (!name.empty()) sockets.push_back({std::move(name), one.fd});
          }
        }
        for (const int fd : parts_.admin.listening()) {
          sockets.push_back({std::string(AdminServer::kName), fd});
        }
        start(std::move(sockets));
      });
}

void Upgrade::start(std::vector<HandedSocket> sockets) {
  const Result<void> started =
      successor_.start(parts_.command, sockets, patience_, [this](const Result<pid_t>& came_to) {
        if (stopped_) return;
        if (!came_to) return failed(came_to.error());
        TOCSIN_LOG(parts_.log, kInfo, "app", "the new process serves", {"pid", *came_to});
        parts_.replaced(*came_to);
      });
  if (!started) failed(started.error());
}

void Upgrade::failed(const Error& why) {
  TOCSIN_LOG(parts_.log, kError, "app", "the upgrade failed; this process serves on",
             {"error", why.text()});
}

void Upgrade::stop() {
  stopped_ = true;
  successor_.end();
}

}  // namespace tocsin::app
