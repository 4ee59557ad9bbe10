// The outbox in one SQLite file: the storage that needs no server.
//
// One connection writes, a batch a transaction, on the storage's loop (store.h); pages are read on
// connections of their own (readers.h). What lies where is drawn in schema.cc, how idempotency keys
// are found in key_index.cc, what an operation does is in apply_*.cc.
#include <tocsin/plugin.h>
#include <tocsin/storage.h>

#include <iterator>
#include <new>
#include <string_view>

#include "store.h"

namespace tocsin::sqlite {

namespace {

constexpr tocsin_str str(std::string_view text) { return {text.data(), text.size()}; }

constexpr tocsin_option option(std::string_view key, tocsin_option_type type,
                               std::string_view default_text, std::string_view min,
                               std::string_view max, std::string_view doc) {
  tocsin_option made{};
  made.size = sizeof made;
  made.type = type;
  made.key = str(key);
  made.doc = str(doc);
  made.default_text = str(default_text);
  made.min = str(min);
  made.max = str(max);
  return made;
}

constexpr tocsin_option path_option() {
  tocsin_option made =
      option("path", TOCSIN_STRING, "", "1", "",
             "the database file; its log, lock and ballast lie beside it and begin with its name");
  made.flags = TOCSIN_REQUIRED;
  return made;
}

constexpr tocsin_option choice(std::string_view key, std::string_view choices,
                               std::string_view default_text, std::string_view doc) {
  tocsin_option made = option(key, TOCSIN_CHOICE, default_text, "", "", doc);
  made.choices = str(choices);
  return made;
}

constexpr tocsin_option kOptions[] = {
    path_option(),
    choice("sync", "full|normal|off", "full",
           "when a commit is on the disk: before it is acknowledged (full), or some time later; "
           "normal and off lose acknowledged notifications when the power fails"),
    option("cache_size", TOCSIN_SIZE, "8MiB", "1MiB", "4GiB", "memory for pages of the database"),
    choice("page_size", "4KiB|8KiB|16KiB|32KiB", "4KiB",
           "bytes a page has; only of a database that is created"),
    option("checkpoint_size", TOCSIN_SIZE, "8MiB", "1MiB", "1GiB",
           "how long the log grows before it is moved into the database file"),
    option("ballast_size", TOCSIN_SIZE, "16MiB", "0B", "1GiB",
           "room kept back for settling when the disk is full"),
    option("lock_timeout", TOCSIN_DURATION, "5s", "0s", "1m",
           "how long to wait for another program's lock on the database"),
};

constexpr tocsin_option_table kTable = {
    .size = sizeof(tocsin_option_table),
    .count = std::size(kOptions),
    .stride = sizeof(tocsin_option),
    .reserved = 0,
    .name = str("sqlite"),
    .doc = str("keeps the outbox in a SQLite database on a local disk"),
    .options = kOptions,
    .scalar_key = str("path"),
    .exactly_one_of = {},
};

const tocsin_value* find(const tocsin_value& settings, std::string_view key) {
  for (std::uint32_t i = 0; i < settings.count; ++i) {
    if (std::string_view(settings.keys[i].ptr, settings.keys[i].len) != key) continue;
    const auto* bytes = reinterpret_cast<const char*>(settings.items);
    return reinterpret_cast<const tocsin_value*>(bytes + std::size_t{i} * settings.stride);
  }
  return nullptr;
}

std::string text_of(const tocsin_value* value) {
  return value != nullptr ? std::string(value->text.ptr, value->text.len) : std::string();
}

Settings read_settings(const tocsin_value& settings) {
  Settings read;
  read.path = text_of(find(settings, "path"));
  if (const std::string sync = text_of(find(settings, "sync")); !sync.empty()) read.sync = sync;
  if (const std::string page = text_of(find(settings, "page_size")); !page.empty()) {
    read.page_size = std::stoll(page) * 1024;
  }
  const auto number = [&](std::string_view key, std::int64_t& into) {
    if (const tocsin_value* value = find(settings, key)) into = value->integer;
  };
  number("cache_size", read.cache_bytes);
  number("checkpoint_size", read.checkpoint_bytes);
  number("ballast_size", read.ballast_bytes);
  std::int64_t lock_timeout = read.lock_timeout.count();
  number("lock_timeout", lock_timeout);
  read.lock_timeout = std::chrono::nanoseconds(lock_timeout);
  return read;
}

/// The instance, and the instance on the one loop that uses it.
struct Plugin {
  Plugin(const tocsin_create& create)
      : host(create.host),
        store(read_settings(*create.settings), Host(create.host, create.instance)) {}

  const tocsin_host* host;
  tocsin_worker* worker = nullptr;
  Store store;
};

Plugin& plugin_of(void* self) { return *static_cast<Plugin*>(self); }

std::uint32_t create(const tocsin_create* create, void** self, tocsin_fault*) noexcept {
  auto* plugin = new (std::nothrow) Plugin(*create);
  if (plugin == nullptr) return TOCSIN_FAILED;
  const std::string sync = text_of(find(*create->settings, "sync"));
  if (sync == "normal" || sync == "off") {
    Host(create->host, create->instance)
        .log(TOCSIN_LOG_WARNING, "sync is " + sync +
                                     ": notifications that were acknowledged are lost when the "
                                     "power fails");
  }
  *self = plugin;
  return TOCSIN_OK;
}

void destroy(void* self) noexcept { delete static_cast<Plugin*>(self); }

std::uint32_t worker_init(void* self, tocsin_worker* worker, void** worker_self,
                          tocsin_fault*) noexcept {
  plugin_of(self).worker = worker;
  *worker_self = self;
  return TOCSIN_OK;
}

void worker_fini(void* self) noexcept { plugin_of(self).worker = nullptr; }

std::uint32_t open(void* self, std::int64_t now_ns, tocsin_store_state* state,
                   tocsin_fault* fault) noexcept {
  return plugin_of(self).store.open(now_ns, *state, fault);
}

void apply(void* self, tocsin_operation* const* operations, std::uint32_t count,
           tocsin_token token) noexcept {
  Plugin& plugin = plugin_of(self);
  tocsin_fault fault{};
  fault.size = sizeof fault;
  const std::uint32_t outcome = plugin.store.apply(operations, count, fault);
  plugin.host->applied(plugin.worker, token, outcome, &fault);
}

std::uint32_t query(void* self, const tocsin_query* query, const tocsin_row_sink* sink,
                    tocsin_fault* fault) noexcept {
  return plugin_of(self).store.query(*query, *sink, fault);
}

void close(void* self) noexcept { plugin_of(self).store.close(); }

constexpr tocsin_storage kStorage = {
    .size = sizeof(tocsin_storage),
    .blocking = 1,
    .open = open,
    .apply = apply,
    .query = query,
    .close = close,
};

constexpr tocsin_plugin kPlugin = {
    .size = sizeof(tocsin_plugin),
    .abi_major = TOCSIN_ABI_MAJOR,
    .abi_hash = str(TOCSIN_ABI_HASH),
    .name = str("sqlite"),
    .version = str("0.1.0"),
    .doc = str("keeps the outbox in a SQLite database on a local disk"),
    .options = &kTable,
    .storage = &kStorage,
    .create = create,
    .destroy = destroy,
    .worker_init = worker_init,
    .worker_fini = worker_fini,
};

}  // namespace

}  // namespace tocsin::sqlite

extern "C" TOCSIN_EXPORT const tocsin_plugin* tocsin_plugin_v0(void) {
  return &tocsin::sqlite::kPlugin;
}
