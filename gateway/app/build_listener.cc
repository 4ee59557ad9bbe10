// From typed settings to the objects that serve them.
#include "gateway/app/build_listener.h"

#include <algorithm>
#include <utility>

#include "gateway/app/loop_estate.h"
#include "gateway/base/assert.h"
#include "gateway/proxy/fixed_answers.h"
#include "gateway/proxy/request_id_filter.h"

namespace tocsin::app {

namespace {

std::string text_or_empty(const Value& table, std::string_view key) {
  const Value* value = table.find(key);
  return value == nullptr ? std::string() : value->as<std::string>();
}

proxy::FixedAnswer::Options fixed_answer(const Value& respond) {
  proxy::FixedAnswer::Options options;
  options.status = static_cast<int>(respond.integer("status"));
  options.body = text_or_empty(respond, "body");
  options.content_type = respond.string("content_type");
  for (const Value::Entry& header : respond.at("headers").as<Value::Map>()) {
    options.headers.emplace_back(header.key, header.value.as<std::string>());
  }
  return options;
}

proxy::Redirect::Options redirect(const Value& settings, const proxy::RouteMatch& match) {
  proxy::Redirect::Options options;
  options.to = settings.string("to");
  options.status = std::stoi(settings.string("status"));
  options.append_path = settings.boolean("append_path");
  options.prefix = match.path.empty() ? match.prefix : match.path;
  return options;
}

proxy::RouteMatch route_match(const Value& route) {
  proxy::RouteMatch match;
  match.path = text_or_empty(route, "path");
  match.prefix = text_or_empty(route, "prefix");
  match.host = text_or_empty(route, "host");
  if (const Value* methods = route.find("methods")) {
    for (const Value& method : methods->as<Value::List>())
      match.methods.push_back(method.as<std::string>());
  }
  return match;
}

using Filters = std::vector<std::unique_ptr<http::HttpFilterFactory>>;

// Makes the filters of one list; what they do for refused requests is noted in `refusals`.
Filters build_filters(const std::string& listener, const Value& list, LoopAccessLogs& logs,
                      std::vector<proxy::RefusalHook*>* refusals) {
  Filters filters;
  for (const Value& settings : list.as<Value::List>()) {
    const std::string& type = settings.string("type");
    if (type == "request_id") {
      auto request_id =
          std::make_unique<proxy::RequestIdFilterFactory>(proxy::RequestIdFilterFactory::Options{
              settings.string("header"), settings.boolean("trust_incoming")});
      if (refusals != nullptr) refusals->push_back(request_id.get());
      filters.push_back(std::move(request_id));
      continue;
    }
    TOCSIN_ASSERT(type == "access_log", "a filter is in the catalog and nobody makes it");
    const auto format = settings.string("format") == "json" ? proxy::AccessLogFormat::kJson
                                                            : proxy::AccessLogFormat::kCombined;
    auto access_log = std::make_unique<proxy::AccessLogFilterFactory>(
        listener, format, logs.at(settings.string("path")));
    if (refusals != nullptr) refusals->push_back(access_log.get());
    filters.push_back(std::move(access_log));
  }
  return filters;
}

std::unique_ptr<http::Handler> build_handler(const Value& settings, const proxy::RouteMatch& match,
                                             LoopEstate& loop, const Snapshot& snapshot) {
  if (const Value* respond = settings.find("respond")) {
    return std::make_unique<proxy::FixedAnswer>(fixed_answer(*respond));
  }
  if (const Value* target = settings.find("redirect")) {
    return std::make_unique<proxy::Redirect>(redirect(*target, match));
  }
  const PluginPart* plugin = snapshot.handler(settings.string("plugin"));
  TOCSIN_ASSERT(plugin != nullptr, "a route was checked and its plugin is gone");
  plugin::HandlerAdapter* handler = loop.handler(*plugin);
  TOCSIN_ASSERT(handler != nullptr, "a route was checked and its plugin answers nothing");
  return std::make_unique<plugin::HandlerRoute>(*handler,
                                                match.path.empty() ? match.prefix : std::string());
}

proxy::Route build_route(const std::string& listener, const Value& settings, LoopEstate& loop,
                         const Snapshot& snapshot) {
  proxy::Route route;
  route.match = route_match(settings);
  route.name = route.match.path.empty() ? route.match.prefix : route.match.path;
  route.filters = build_filters(listener, settings.at("filters"), loop.access_logs(), nullptr);
  route.handler = build_handler(settings, route.match, loop, snapshot);
  return route;
}

}  // namespace

std::size_t limit_or_zero(const Value& table, std::string_view key) {
  const Value& value = table.at(key);
  return value.is<std::int64_t>() ? static_cast<std::size_t>(value.as<std::int64_t>()) : 0;
}

http::ServerOptions server_options(const Value& listener) {
  const Value& limits = listener.at("limits");
  const Value& timeouts = listener.at("timeouts");
  http::ServerOptions options;
  options.descriptors_kept = kDescriptorsKept;
  options.request.target_bytes_max = limits.bytes("uri_bytes_max");
  options.request.head_bytes_max = limits.bytes("header_bytes_max");
  options.request.header_count_max = static_cast<std::size_t>(limits.integer("header_count_max"));
  options.request.body_bytes_max = limits.bytes("body_bytes_max");
  options.requests_per_connection_max = limit_or_zero(limits, "requests_per_connection_max");
  options.timeouts.header = timeouts.duration("header");
  options.timeouts.body = timeouts.duration("body");
  options.timeouts.idle = timeouts.duration("idle");
  options.timeouts.write = timeouts.duration("write");
  options.timeouts.linger = timeouts.duration("linger");
  options.timeouts.body_bytes_per_second_min = timeouts.bytes("body_rate_min");
  options.timeouts.rate_grace = timeouts.duration("body_rate_grace");
  return options;
}

std::shared_ptr<const proxy::RouteTable> build_routes(const std::string& name,
                                                      const Value& listener, LoopEstate& loop,
                                                      const Snapshot& snapshot) {
  std::vector<proxy::RefusalHook*> refusals;
  Filters filters = build_filters(name, listener.at("filters"), loop.access_logs(), &refusals);
  std::vector<proxy::Route> routes;
  for (const Value& route : listener.at("routes").as<Value::List>()) {
    routes.push_back(build_route(name, route, loop, snapshot));
  }
  return std::make_shared<proxy::RouteTable>(std::move(filters), std::move(routes),
                                             std::move(refusals));
}

}  // namespace tocsin::app
