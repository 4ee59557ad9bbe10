// Drops what was heard within a window.
//
//   filters: [{type: dedup, key: "{{topic}}:{{labels.host}}", window: 5m}]
//
// In two steps, so that nothing is lost: the key is reserved when a notification comes and becomes
// a mark only when the notification is durable. One that could not be stored frees its key, and its
// sender's next try passes. A notification that is sent again under its own identity (an
// idempotency key) is no duplicate of itself: the store answers it.

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

#include "tocsin/plugin.h"

namespace {

constexpr std::size_t kKeyBytesMax = 768;  // longer ones are cut: the host allows 1 KiB in all
constexpr std::size_t kIdentityBytesMax = 128;

constexpr tocsin_str operator""_t(const char* from, std::size_t length) { return {from, length}; }
std::string_view view(tocsin_str text) { return {text.ptr, text.len}; }
tocsin_str text(std::string_view from) { return {from.data(), from.size()}; }

const std::array<tocsin_option, 2> kOptions = {{
    {.size = sizeof(tocsin_option),
     .type = TOCSIN_STRING,
     .flags = TOCSIN_RELOADABLE,
     .key = "key"_t,
     .doc = "What makes two notifications the same, such as {{topic}}:{{labels.host}}."_t,
     .default_text = "{{topic}}:{{title}}:{{key}}"_t,
     .min = "1"_t,
     .max = "4096"_t},
    {.size = sizeof(tocsin_option),
     .type = TOCSIN_DURATION,
     .flags = TOCSIN_RELOADABLE,
     .key = "window"_t,
     .doc = "How long after one was let through others like it are dropped."_t,
     .default_text = "5m"_t,
     .min = "1s"_t,
     .max = "7d"_t},
}};
const tocsin_option_table kTable = {.size = sizeof(tocsin_option_table),
                                    .count = kOptions.size(),
                                    .stride = sizeof(tocsin_option),
                                    .name = "dedup"_t,
                                    .doc = "Drops what was heard within a window."_t,
                                    .options = kOptions.data()};

struct Settings {
  const tocsin_host* host = nullptr;
  std::string key;
  std::int64_t window_ns = 0;
};

/// The filter on one loop.
class Dedup {
 public:
  Dedup(const Settings& settings, tocsin_worker* worker, tocsin_template* key)
      : settings_(settings), worker_(worker), key_(key) {}
  ~Dedup() { settings_.host->template_free(key_); }
  Dedup(const Dedup&) = delete;
  Dedup& operator=(const Dedup&) = delete;

  std::uint32_t on_message(tocsin_filter_call& call) {
    std::array<char, kKeyBytesMax> key;  // NOLINT(cppcoreguidelines-pro-type-member-init)
    const std::size_t length =
        settings_.host->template_render(key_, call.notification, key.data(), key.size());
    const std::string_view whole(key.data(), std::min(length, key.size()));
    const std::string_view identity = view(call.identity).substr(0, kIdentityBytesMax);
    tocsin_reservation reservation = {};
    reservation.size = sizeof(reservation);
    settings_.host->reserve(worker_, text(whole), text(identity), &reservation);
    if (reservation.outcome == TOCSIN_EXISTS) {
      const std::string_view first(reservation.value, reservation.value_len);
      const bool itself = !identity.empty() && first == identity;
      return itself ? TOCSIN_PASS : TOCSIN_DROP;
    }
    // Without room for the key everything passes: a repeat is better than a loss.
    if (reservation.outcome != TOCSIN_OK) return TOCSIN_PASS;
    call.reservation = reservation.token;
    reserved_.emplace(reservation.token, whole);
    return TOCSIN_PASS;
  }

  void on_outcome(std::uint64_t token, bool committed) {
    const auto node = reserved_.extract(token);
    if (node.empty()) return;
    if (committed) {
      settings_.host->confirm(worker_, text(node.mapped()), token, settings_.window_ns);
    } else {
      settings_.host->undo(worker_, text(node.mapped()), token);
    }
  }

 private:
  const Settings& settings_;
  tocsin_worker* worker_;
  tocsin_template* key_;
  std::unordered_map<std::uint64_t, std::string> reserved_;
};

std::unique_ptr<Settings> settings_of(const tocsin_create& from) {
  auto settings = std::make_unique<Settings>();
  settings->host = from.host;
  for (std::uint32_t i = 0; i < from.settings->count; ++i) {
    const tocsin_value& value = from.settings->items[i];
    if (view(from.settings->keys[i]) == "key") settings->key = view(value.text);
    if (view(from.settings->keys[i]) == "window") settings->window_ns = value.integer;
  }
  return settings;
}

std::uint32_t validate(const tocsin_create* from, tocsin_fault* fault) noexcept {
  const auto settings = settings_of(*from);
  tocsin_template* key =
      from->host->template_compile(text(settings->key), TOCSIN_ESCAPE_NONE, fault);
  from->host->template_free(key);
  if (key != nullptr) return TOCSIN_OK;
  constexpr std::string_view kKey = "key";
  fault->key_len = static_cast<std::uint32_t>(kKey.copy(fault->key, sizeof(fault->key)));
  return TOCSIN_INVALID;
}

std::uint32_t create(const tocsin_create* from, void** self, tocsin_fault*) noexcept {
  *self = settings_of(*from).release();
  return TOCSIN_OK;
}

void destroy(void* self) noexcept { delete static_cast<Settings*>(self); }

std::uint32_t worker_init(void* self, tocsin_worker* worker, void** dedup,
                          tocsin_fault* fault) noexcept {
  const Settings& settings = *static_cast<Settings*>(self);
  tocsin_template* key =
      settings.host->template_compile(text(settings.key), TOCSIN_ESCAPE_NONE, fault);
  if (key == nullptr) return TOCSIN_INVALID;
  *dedup = std::make_unique<Dedup>(settings, worker, key).release();
  return TOCSIN_OK;
}

void worker_fini(void* dedup) noexcept { delete static_cast<Dedup*>(dedup); }

const tocsin_filter kFilter = {
    .size = sizeof(tocsin_filter),
    .on_message =
        [](void* dedup, tocsin_filter_call* call) noexcept {
          return static_cast<Dedup*>(dedup)->on_message(*call);
        },
    .on_outcome =
        [](void* dedup, std::uint64_t token, std::uint32_t committed) noexcept {
          static_cast<Dedup*>(dedup)->on_outcome(token, committed != 0);
        }};

}  // namespace

extern "C" TOCSIN_EXPORT const tocsin_plugin* tocsin_plugin_v0(void) {
  static const tocsin_plugin plugin = {.size = sizeof(tocsin_plugin),
                                       .abi_major = TOCSIN_ABI_MAJOR,
                                       .abi_hash = {TOCSIN_ABI_HASH, sizeof(TOCSIN_ABI_HASH) - 1},
                                       .name = "dedup"_t,
                                       .version = "0.1.0"_t,
                                       .doc = "Drops what was heard within a window."_t,
                                       .options = &kTable,
                                       .filter = &kFilter,
                                       .validate = validate,
                                       .create = create,
                                       .destroy = destroy,
                                       .worker_init = worker_init,
                                       .worker_fini = worker_fini};
  return &plugin;
}
