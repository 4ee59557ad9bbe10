// The instance is the plugin's own; only the loop around it is thrown away, and a witness stands
// where a gateway has its HTTP client.

#include "gateway/app/output_rehearsal.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <memory>

#include "gateway/base/json_writer.h"
#include "gateway/config/key_advice.h"
#include "gateway/event/loop.h"
#include "gateway/message/notification_codec.h"
#include "gateway/plugin/notification_view.h"
#include "gateway/plugin/output_adapter.h"
#include "gateway/plugin/templates.h"
#include "gateway/plugin/text.h"

namespace tocsin::app {

namespace {

using plugin::Kind;

constexpr Duration kAttemptMax = std::chrono::seconds(30);
constexpr int kTurns = 16;  // of the loop: whoever posts to itself a few times is waited for

/// A template as an option's value.
struct WrittenText {
  std::string option;  ///< "body", "android.title"
  const std::string* text;
};

void find_texts(const OptionTable& table, const Value& settings, const std::string& path,
                std::vector<WrittenText>& out) {
  for (const Option& option : table.options) {
    const Value* value = settings.find(option.key);
    if (value == nullptr) continue;
    const std::string below = config::path_of_key(path, option.key);
    if ((option.flags & Option::kTemplate) != 0 && value->is<std::string>()) {
      out.push_back({below, &value->as<std::string>()});
    } else if (option.table != nullptr && value->is<Value::Map>()) {
      find_texts(*option.table, *value, below, out);
    }
  }
}

class OutputRehearsal final : private stage::AttemptDone, private plugin::RequestWitness {
 public:
  OutputRehearsal(const PluginCatalog& catalog, const message::Notification& notification,
                  WallTime now, telemetry::Log& log)
      : catalog_(catalog), notification_(notification), log_(log) {
    clock_.step_wall(now - clock_.wall());
    loop_.run_ready();  // this thread owns it from now on
    const auto ms =
        std::chrono::duration_cast<std::chrono::milliseconds>(now.time_since_epoch()).count() -
        message::NotificationId::kEpochMs;
    delivery_.notification.value = static_cast<std::uint64_t>(std::max<std::int64_t>(ms, 1)) << 22U;
    JsonWriter writer(payload_);
    message::encode_notification(notification_, writer);
  }

  tl::expected<RehearsedOutput, plugin::Refusal> run(const Value::Entry& output) {
    const PluginCode code = catalog_.code(Kind::kOutput, output.value.string("type"));
    const ComponentServices services{{.log = log_,
                                      .metrics = plugin_metrics_,
                                      .clock = clock_,
                                      .templates = catalog_.templates()},
                                     {.log = log_,
                                      .metrics = script_metrics_,
                                      .clock = clock_,
                                      .templates = catalog_.templates()}};
    auto made = Component::create(code, {Kind::kOutput, output.key}, output.value, services);
    if (!made) return tl::unexpected(std::move(made.error()));
    const auto traits = (*made)->output_traits();
    if (!traits) {
      return tl::unexpected(
          plugin::Refusal{traits.error().code, traits.error().what, {}, output.key_place});
    }
    choose_address(*traits);
    if (plugin::Instance* instance = (*made)->compiled()) {
      render(*instance, catalog_.library(Kind::kOutput, output.value.string("type")).options(),
             output.value, traits->rehearses);
      if (traits->rehearses && found_.has_address) play(*instance, *traits);
    } else {
      render_script(code.script->options(), output);
    }
    return std::move(found_);
  }

 private:
  void choose_address(const stage::OutputTraits& traits) {
    for (const message::Recipient& to : notification_.to) {
      if (traits.address_kind.empty() || to.kind != traits.address_kind) continue;
      if (found_.addresses++ > 0) continue;
      found_.address = std::string(to.kind) + ":" + std::string(to.value);
    }
    found_.has_address = found_.addresses > 0 || traits.has_own_address;
  }

  // What the plugin compiled, as it did, and where it is not run, texts that it compiles later.
  void render(plugin::Instance& instance, const OptionTable& table, const Value& settings,
              bool is_run) {
    std::vector<plugin::TemplateUse> uses = instance.template_uses();
    std::vector<WrittenText> written;
    if (!is_run) find_texts(table, settings, {}, written);
    for (const WrittenText& one : written) {
      const bool known = std::ranges::any_of(uses, [&](const plugin::TemplateUse& use) {
        return use.option == one.option || use.text == *one.text;
      });
      if (!known) uses.push_back({one.option, *one.text, templates::Escape::kNone});
    }
    for (const plugin::TemplateUse& use : uses) found_.texts.push_back(rendered(instance, use));
  }

  RehearsedOutput::Text rendered(plugin::Instance& instance, const plugin::TemplateUse& use) {
    tocsin_fault fault{};
    fault.size = sizeof(fault);
    RehearsedOutput::Text made{use.option, {}, {}};
    tocsin_template* compiled = plugin::compile_template(
        instance.handle(), plugin::str_of(use.option), plugin::str_of(use.text),
        static_cast<std::uint32_t>(use.escape), &fault);
    if (compiled != nullptr) {
      const std::string notification_id = delivery_.notification.text();
      const std::string delivery_id = delivery_.text();
      tocsin_attempt attempt{};
      attempt.size = sizeof(attempt);
      attempt.number = 1;
      attempt.notification_id = plugin::str_of(notification_id);
      attempt.delivery_id = plugin::str_of(delivery_id);
      attempt.address = plugin::str_of(found_.address);
      attempt.accepted_at_ns = clock_.wall().time_since_epoch().count();
      tocsin_str text{};
      if (plugin::render_template(compiled, &view_.show(notification_), &attempt, &text, &fault) ==
          TOCSIN_OK) {
        made.text = plugin::copy_of(text);
      }
      plugin::free_template(compiled);
    }
    made.fault.assign(fault.what, fault.what_len);
    return made;
  }

  void render_script(const OptionTable& table, const Value::Entry& output) {
    std::vector<WrittenText> written;
    find_texts(table, output.value, {}, written);
    templates::Rules rules =
        templates::rules_of(catalog_.templates().get(), templates::Escape::kNone);
    rules.of_delivery = true;
    const templates::Subject subject{.notification = &notification_, .output = output.key};
    for (const WrittenText& one : written) {
      const auto compiled = templates::Template::compile(*one.text, rules);
      if (!compiled) continue;  // the check has refused it
      auto text = compiled->render(subject);
      found_.texts.push_back({one.option, text ? std::move(text->text) : std::string(),
                              text ? std::string() : text.error().text()});
    }
  }

  void play(plugin::Instance& instance, const stage::OutputTraits& traits) {
    auto worker = instance.start_worker({.loop = loop_, .witness = this});
    found_.played = true;
    if (!worker) {
      found_.verdict = message::Verdict{.reason = worker.error().text()};
      return;
    }
    {
      plugin::OutputAdapter adapter(**worker, traits, *this);
      (*worker)->take_up();
      const std::array<stage::Attempt, 1> attempts = {{{.token = 1,
                                                        .delivery = delivery_,
                                                        .notification = &notification_,
                                                        .payload = payload_,
                                                        .address = found_.address,
                                                        .accepted_at = clock_.wall(),
                                                        .deadline = clock_.mono() + kAttemptMax}}};
      adapter.deliver(attempts);
      for (int turn = 0; turn < kTurns; ++turn) loop_.run_ready();
      if (!found_.verdict) adapter.cancel(1);
    }
    (*worker)->finish();
  }

  void complete(stage::AttemptToken, message::Verdict verdict) override {
    found_.verdict = std::move(verdict);
  }

  void on_request(const tocsin_http_request& request) override {
    RehearsedOutput::Request& seen = found_.requests.emplace_back();
    seen.method = plugin::copy_of(request.method);
    seen.url = plugin::copy_of(request.url);
    seen.body = plugin::copy_of(request.body);
    for (std::uint32_t i = 0; i < request.header_count; ++i) {
      const tocsin_header& field = plugin::item_of(request.headers, request.header_stride, i);
      seen.headers.emplace_back(plugin::copy_of(field.name), plugin::copy_of(field.value));
    }
  }

  const PluginCatalog& catalog_;
  const message::Notification& notification_;
  telemetry::Log& log_;
  ManualClock clock_;
  telemetry::Metrics metrics_{1};
  plugin::PluginMetrics plugin_metrics_{metrics_};
  script::ScriptMetrics script_metrics_{metrics_};
  event::Loop loop_{{.name = "render", .clock = &clock_}};
  plugin::NotificationView view_;
  message::DeliveryId delivery_;
  std::string payload_;
  RehearsedOutput found_;
};

}  // namespace

tl::expected<RehearsedOutput, plugin::Refusal> rehearse_output(
    const Value::Entry& output, const PluginCatalog& catalog,
    const message::Notification& notification, WallTime now, telemetry::Log& log) {
  return OutputRehearsal(catalog, notification, now, log).run(output);
}

}  // namespace tocsin::app
