// The outbox in one SQLite file: the storage that needs no server.
//
// One connection writes, a batch a transaction, on the storage's loop (store.h); pages are read on
// connections of their own (readers.h). What lies where is drawn in schema.cc, how idempotency keys
// are found in key_index.cc, what an operation does is in apply_*.cc.
#include <sqlite3.h>
#include <tocsin/plugin.h>
#include <tocsin/storage.h>

#include <memory>
#include <string>
#include <string_view>

#include "store.h"

namespace tocsin::sqlite {

namespace {

constexpr tocsin_str str(std::string_view text) { return {text.data(), text.size()}; }

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

// SQLite counts its memory under a mutex of the process, twice for each of the dozen allocations of
// an append, and nobody asks for the count. Refused, and no harm, once somebody has used SQLite.
void stop_counting_memory() { sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0); }

std::uint32_t create(const tocsin_create* create, void** self, tocsin_fault* fault) noexcept {
  stop_counting_memory();
  auto plugin = std::make_unique<Plugin>(*create);
  const std::string why = path_fault(plugin->store.settings().path);
  if (!why.empty()) return put_fault(fault, TOCSIN_INVALID, why, "path");
  const std::string& sync = plugin->store.settings().sync;
  if (sync != "full") {
    Host(create->host, create->instance)
        .log(TOCSIN_LOG_WARNING, "sync is " + sync +
                                     ": notifications that were acknowledged are lost when the "
                                     "power fails");
  }
  *self = plugin.release();
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

std::uint32_t open(void* self, const tocsin_store_open* how, tocsin_store_state* state,
                   tocsin_fault* fault) noexcept {
  return plugin_of(self).store.open(*how, *state, fault);
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
  return plugin_of(self).store.readers().read(*query, *sink, fault);
}

std::uint32_t get_record(void* self, tocsin_str collection, tocsin_str key, std::int64_t now_ns,
                         const tocsin_record_sink* sink, tocsin_fault* fault) noexcept {
  return plugin_of(self).store.readers().get(collection, key, now_ns, *sink, fault);
}

std::uint32_t scan_records(void* self, const tocsin_record_scan* scan,
                           const tocsin_record_sink* sink, tocsin_fault* fault) noexcept {
  return plugin_of(self).store.readers().scan(*scan, *sink, fault);
}

void close(void* self) noexcept { plugin_of(self).store.close(); }

constexpr tocsin_records kRecords = {
    .size = sizeof(tocsin_records),
    .reserved = 0,
    .get = get_record,
    .scan = scan_records,
};

constexpr tocsin_storage kStorage = {
    .size = sizeof(tocsin_storage),
    .blocking = 1,
    .open = open,
    .apply = apply,
    .query = query,
    .close = close,
    .records = &kRecords,
};

constexpr tocsin_plugin kPlugin = {
    .size = sizeof(tocsin_plugin),
    .abi_major = TOCSIN_ABI_MAJOR,
    .abi_hash = str(TOCSIN_ABI_HASH),
    .name = str("sqlite"),
    .version = str("0.1.0"),
    .doc = str("Keeps the outbox in a SQLite database on a local disk."),
    .options = &kOptionTable,
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
