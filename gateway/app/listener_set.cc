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
  TOCSIN_TRY_SET(address, event::Address::parse(listener->written));
  const event::ListenOptions options{.backlog = static_cast<int>(entry.value.integer("backlog"))};
  for (std::size_t i = 0; i < workers_; ++i) {
    TOCSIN_TRY_SET(socket, event::ListeningSocket::open(address, options));
    address = socket.address();  // port 0: the others join the port the first one got
    listener->sockets.push_back(std::move(socket));
  }
  listener->id = next_id_++;
  listener->address = address;
  const Value& limits = entry.value.at("limits");
  listener->shared = std::make_unique<http::ServerShared>(
      limit_or_zero(limits, "connections_max"), limit_or_zero(limits, "connections_per_ip_max"),
      metrics_, entry.key);
  return listener;
}

std::vector<ListenerPart> ListenerSet::take_parts(std::size_t loop) {
  std::vector<ListenerPart> parts;
  if (loop >= workers_) return parts;
  for (const auto& [listener, settings] : planned_) {
    ListenerPart part{listener->id, listener->name, settings, listener->shared.get(), {}};
    if (!listener->sockets.empty()) part.socket = std::move(listener->sockets[loop]);
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
  for (const ListenerPtr& listener : serving_) all.push_back({listener->name, listener->address});
  return all;
}

std::size_t ListenerSet::open_connections() const {
  std::size_t open = 0;
  for (const auto* list : {&serving_, &former_}) {
    for (const ListenerPtr& listener : *list) open += listener->shared->caps.open();
  }
  return open;
}

}  // namespace tocsin::app
