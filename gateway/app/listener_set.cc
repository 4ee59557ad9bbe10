#include "gateway/app/listener_set.h"

#include <algorithm>
#include <utility>

#include "gateway/app/build_listener.h"

namespace tocsin::app {

config::Diagnostics ListenerSet::plan(const Snapshot& snapshot) {
  config::Diagnostics faults;
  planned_.clear();
  for (const Value::Entry& entry : snapshot.settings().at("listeners").as<Value::Map>()) {
    const Value& written = entry.value.at("address");
    const auto same = std::ranges::find_if(serving_, [&](const ListenerPtr& listener) {
      return listener->name == entry.key && listener->written == written.as<std::string>();
    });
    if (same != serving_.end()) {
      planned_.push_back({*same, &entry.value});
      continue;
    }
    auto opened = open(entry);
    if (opened) {
      planned_.push_back({std::move(*opened), &entry.value});
    } else {
      faults.push_back(
          fault_at(written.place(), "listeners." + entry.key + ".address", opened.error().text()));
    }
  }
  if (!faults.empty()) planned_.clear();
  return faults;
}

Result<ListenerSet::ListenerPtr> ListenerSet::open(const Value::Entry& entry) {
  auto listener = std::make_shared<Listener>();
  listener->name = entry.key;
  listener->written = entry.value.string("address");
  TOCSIN_TRY_SET(address, ListenAddress::parse(listener->written));
  listener->address = address;
  TOCSIN_TRY(
      open_sockets(*listener, {.backlog = static_cast<int>(entry.value.integer("backlog"))}));
  listener->id = next_id_++;
  const Value& limits = entry.value.at("limits");
  listener->shared = std::make_unique<http::ServerShared>(
      limit_or_zero(limits, "connections_max"), limit_or_zero(limits, "connections_per_ip_max"),
      metrics_, entry.key);
  return listener;
}

bool ListenerSet::overlaps_own(const ListenAddress& address) const {
  const auto overlapping = [&](const ListenerPtr& listener) {
    return listener->address.overlaps(address);
  };
  return std::ranges::any_of(serving_, overlapping) || std::ranges::any_of(former_, overlapping);
}

// An inherited socket that nobody accepts from would keep connections waiting that the kernel gives
// it: where there are more than workers, some serve two; where there are fewer, the rest joins.
// Another process must not have the port, but a listener that goes may, until it is gone: ours, or
// that of the process before.
Result<void> ListenerSet::open_sockets(Listener& listener, event::ListenOptions options) {
  using Sharing = event::ListenOptions::Sharing;
  ListenAddress& address = listener.address;
  std::vector<event::ListeningSocket> sockets = inherited_.take(listener.name, address);
  const std::size_t inherited = sockets.size();
  if (inherited > 0) address.address = sockets.front().address();
  const bool shared = inherited > 0 || overlaps_own(address) || inherited_.overlaps(address);
  options.sharing = shared ? Sharing::kJoin : Sharing::kFirst;
  while (sockets.size() < workers_) {
    const bool alone = inherited > 0 && !sockets.front().shares_port();
    auto socket = alone ? sockets.front().duplicate() : address.open(options);
    if (!socket) return tl::unexpected(std::move(socket.error()));
    address.address = socket->address();  // port 0: the others join the port the first one got
    options.sharing = Sharing::kJoin;
    sockets.push_back(std::move(*socket));
  }
  listener.sockets.resize(workers_);
  for (std::size_t i = 0; i < sockets.size(); ++i) {
    listener.sockets[i % workers_].push_back(std::move(sockets[i]));
  }
  return {};
}

std::vector<ListenerPart> ListenerSet::take_parts(std::size_t loop) {
  std::vector<ListenerPart> parts;
  if (loop >= workers_) return parts;
  for (const auto& [listener, settings] : planned_) {
    ListenerPart part{listener->id, listener->name, settings, listener->shared.get(), {}};
    if (!listener->sockets.empty()) part.sockets = std::move(listener->sockets[loop]);
    parts.push_back(std::move(part));
  }
  return parts;
}

void ListenerSet::commit() {
  std::vector<ListenerPtr> before = std::move(serving_);
  serving_.clear();
  for (const auto& [listener, settings] : planned_) {
    const Value& limits = settings->at("limits");
    listener->shared->caps.set(limit_or_zero(limits, "connections_max"),
                               limit_or_zero(limits, "connections_per_ip_max"));
    listener->sockets.clear();
    serving_.push_back(listener);
  }
  planned_.clear();
  for (ListenerPtr& listener : before) {
    if (std::ranges::find(serving_, listener) != serving_.end()) continue;
    listener->open_now = {};
    former_.push_back(std::move(listener));
  }
  // After those of the same name were given up.
  for (const ListenerPtr& listener : serving_) {
    if (listener->open_now) continue;
    http::ServerShared* shared = listener->shared.get();
    listener->open_now =
        metrics_.callback(telemetry::MetricType::kGauge, "tocsin_http_connections",
                          "Connections open now.", {{"listener", listener->name}},
                          [shared] { return static_cast<double>(shared->caps.open()); });
  }
}

void ListenerSet::sweep(const std::vector<std::uint64_t>& ids) {
  std::erase_if(former_, [&](const ListenerPtr& listener) {
    return std::ranges::find(ids, listener->id) == ids.end();
  });
}

std::vector<ListenerSet::Shown> ListenerSet::shown() const {
  std::vector<Shown> all;
  for (const ListenerPtr& listener : serving_)
    all.push_back({listener->name, listener->address.address});
  return all;
}

std::string ListenerSet::name_of(std::uint64_t id) const {
  for (const ListenerPtr& listener : serving_) {
    if (listener->id == id) return listener->name;
  }
  return {};
}

std::size_t ListenerSet::open_connections() const {
  std::size_t open = 0;
  for (const auto* list : {&serving_, &former_}) {
    for (const ListenerPtr& listener : *list) open += listener->shared->caps.open();
  }
  return open;
}

}  // namespace tocsin::app
