#pragma once

#include <concepts>
#include <memory>
#include <mutex>
#include <type_traits>
#include <utility>
#include <vector>

#include "tocsin/plugin.h"
#include "tocsin/sdk/kinds.hpp"
#include "tocsin/sdk/option.hpp"
#include "tocsin/storage.h"

namespace tocsin::sdk {

/// What a plugin says of itself; static.
struct About {
  std::string_view name;
  std::string_view version;
  std::string_view doc;
  std::span<const Option> options = {};
  std::string_view exactly_one_of = {};
  std::string_view scalar_key = {};  ///< the option that a bare scalar stands for
};

/// The functions behind a descriptor, for the plugin class T.
template <typename T>
class Entry {
 public:
  using Settings = typename T::Settings;

  static const tocsin_plugin* descriptor() {
    static const Entry entry;
    return &entry.plugin_;
  }

 private:
  static constexpr bool kReconfigures =
      requires(T& object, const Settings& next) { object.reconfigure(next); };
  static constexpr bool kTakesUp = requires(T& object) { object.take_up(); };
  static constexpr bool kDrains = requires(T& object) { object.drain(Duration()); };

  using SettingsPtr = std::shared_ptr<Settings>;
  // What the host knows as an instance's self. Settings are shared with the loops, each of which
  // adopts others at its own time.
  class Instance {
   public:
    Instance(InstanceHost h, SettingsPtr settings) : host(h), adopted_(std::move(settings)) {}
    const InstanceHost host;

    SettingsPtr settings() {
      const std::lock_guard lock(mutex_);
      return adopted_;
    }
    void prepare(SettingsPtr next) {
      const std::lock_guard lock(mutex_);
      prepared_ = std::move(next);
    }
    SettingsPtr adopt() {
      const std::lock_guard lock(mutex_);
      if (prepared_ != nullptr) adopted_ = prepared_;
      return adopted_;
    }

   private:
    std::mutex mutex_;
    SettingsPtr adopted_;   // guarded by mutex_
    SettingsPtr prepared_;  // guarded by mutex_
  };
  // What it knows as a worker's self.
  struct Worker {
    Worker(Instance& of, tocsin_worker* handle)
        : instance(of),
          replies(of.host),
          host(of.host, handle, replies),
          settings(of.settings()),
          object(*settings, host) {}
    ~Worker() { replies.clear(); }  // while what the callbacks refer to is there
    Worker(const Worker&) = delete;
    Worker& operator=(const Worker&) = delete;
    Instance& instance;
    Replies replies;
    const Host host;
    SettingsPtr settings;
    std::vector<SettingsPtr> outlived;  // by a reconfigure that threw: the object may use them
    T object;
  };

  Entry() {
    plugin_.size = sizeof(plugin_);
    plugin_.abi_major = TOCSIN_ABI_MAJOR;
    plugin_.abi_hash = to_c(TOCSIN_ABI_HASH);
    plugin_.name = to_c(T::kAbout.name);
    plugin_.version = to_c(T::kAbout.version);
    plugin_.doc = to_c(T::kAbout.doc);
    plugin_.options = options_.table({.name = T::kAbout.name,
                                      .doc = T::kAbout.doc,
                                      .options = T::kAbout.options,
                                      .scalar_key = T::kAbout.scalar_key,
                                      .exactly_one_of = T::kAbout.exactly_one_of});
    plugin_.validate = validate;
    plugin_.create = create;
    plugin_.destroy = [](void* self) { delete static_cast<Instance*>(self); };
    plugin_.worker_init = worker_init;
    plugin_.worker_fini = [](void* self) { delete static_cast<Worker*>(self); };
    if constexpr (kReconfigures) {
      plugin_.reconfigure = reconfigure;
      plugin_.worker_reconfigure = worker_reconfigure;
    }
    if constexpr (kTakesUp) plugin_.worker_start = worker_start;
    if constexpr (kDrains) plugin_.worker_drain = worker_drain;
    declare_kinds();
  }

  void declare_kinds() {
    static_assert(std::derived_from<T, Output> || std::derived_from<T, Filter> ||
                      std::derived_from<T, Input> || std::derived_from<T, Handler> ||
                      std::derived_from<T, Storage>,
                  "a plugin is of at least one kind");
    if constexpr (std::derived_from<T, Output>) {
      output_ = {sizeof(output_), 0, traits, deliver, cancel};
      plugin_.output = &output_;
    }
    if constexpr (std::derived_from<T, Filter>) {
      filter_ = {sizeof(filter_), 0, on_message, on_outcome};
      plugin_.filter = &filter_;
    }
    if constexpr (std::derived_from<T, Input>) {
      input_ = {sizeof(input_), 0, on_emitted};
      plugin_.input = &input_;
    }
    if constexpr (std::derived_from<T, Handler>) {
      handler_ = {sizeof(handler_), 0, on_request, on_body, on_done};
      plugin_.handler = &handler_;
    }
    if constexpr (std::derived_from<T, Storage>) {
      records_ = {sizeof(records_), 0, get_record, scan_records};
      storage_ = {sizeof(storage_), T::kBlocking ? 1U : 0U, open, apply, query, close, &records_};
      plugin_.storage = &storage_;
    }
  }

  // A beginning that may be refused: `work` says whether it succeeded. What it throws is the
  // reason.
  template <typename Work>
  static std::uint32_t begun(const InstanceHost& host, std::string_view where, tocsin_fault* fault,
                             Work&& work) noexcept {
    return guarded(host, where, std::uint32_t{TOCSIN_FAILED}, [&] {
      Fault why(fault);
      try {
        return work(why) ? std::uint32_t{TOCSIN_OK} : why.status();
      } catch (const std::exception& error) {
        why.fail(TOCSIN_FAILED, std::string(where) + " threw: " + error.what());
        return why.status();
      }
    });
  }

  static Worker& worker(void* self) { return *static_cast<Worker*>(self); }
  template <typename Result, typename Work>
  static Result guarded(const InstanceHost& host, std::string_view where, Result fallback,
                        Work&& work) noexcept {
    return contain(host.c_host(), host.c_instance(), where, fallback, std::forward<Work>(work));
  }

  // ---- life

  static Setup setup_of(const tocsin_create& from) {
    return {view(from.id), Value(from.settings), InstanceHost(from.host, from.instance)};
  }

  static std::uint32_t validate(const tocsin_create* from, tocsin_fault* fault) noexcept {
    return begun(setup_of(*from).host, "validate", fault, [&](Fault& why) {
      Settings settings;
      return settings.load(setup_of(*from), why);
    });
  }

  // Null: refused, and `why` has the words.
  static SettingsPtr made_settings(const Setup& setup, Fault& why) {
    auto settings = std::make_shared<Settings>();
    if (!settings->load(setup, why)) return nullptr;
    if constexpr (requires { settings->create(setup, why); }) {
      if (!settings->create(setup, why)) return nullptr;
    }
    return settings;
  }

  static std::uint32_t create(const tocsin_create* from, void** self,
                              tocsin_fault* fault) noexcept {
    const Setup setup = setup_of(*from);
    return begun(setup.host, "create", fault, [&](Fault& why) {
      SettingsPtr settings = made_settings(setup, why);
      if (settings == nullptr) return false;
      *self = std::make_unique<Instance>(setup.host, std::move(settings)).release();
      return true;
    });
  }

  static std::uint32_t reconfigure(void* self, const tocsin_create* next,
                                   tocsin_fault* fault) noexcept {
    const Setup setup = setup_of(*next);
    return begun(setup.host, "reconfigure", fault, [&](Fault& why) {
      SettingsPtr settings = made_settings(setup, why);
      if (settings == nullptr) return false;
      static_cast<Instance*>(self)->prepare(std::move(settings));
      return true;
    });
  }

  static std::uint32_t worker_init(void* self, tocsin_worker* handle, void** worker_self,
                                   tocsin_fault* fault) noexcept {
    auto& instance = *static_cast<Instance*>(self);
    const InstanceHost& host = instance.host;
    return begun(host, "worker_init", fault, [&](Fault& why) {
      auto made = std::make_unique<Worker>(instance, handle);
      if constexpr (std::derived_from<T, Output>) made->object.output_host = &made->host;
      if constexpr (requires { made->object.start(why); }) {
        if (!made->object.start(why)) return false;
      }
      *worker_self = made.release();
      return true;
    });
  }

  static void worker_reconfigure(void* self) noexcept {
    Worker& own = worker(self);
    guarded(own.host, "worker_reconfigure", 0, [&] {
      own.outlived.push_back(std::exchange(own.settings, own.instance.adopt()));
      own.object.reconfigure(*own.settings);
      own.outlived.pop_back();
      return 0;
    });
  }

  static void worker_start(void* self) noexcept {
    guarded(worker(self).host, "worker_start", 0, [&] { return worker(self).object.take_up(), 0; });
  }

  static void worker_drain(void* self, std::int64_t deadline_ns) noexcept {
    guarded(worker(self).host, "worker_drain", 0,
            [&] { return worker(self).object.drain(Duration(deadline_ns)), 0; });
  }

  // ---- output

  static void traits(void* self, tocsin_output_traits* out) noexcept {
    auto& instance = *static_cast<Instance*>(self);
    if constexpr (requires(const Settings& settings) { T::traits(settings); }) {
      guarded(instance.host, "traits", 0, [&] {
        // The texts are copied by the host after this returns.
        static thread_local OutputTraits kept;
        kept = T::traits(*instance.settings());
        out->batch_max = kept.batch_max;
        out->address_kind = to_c(kept.address_kind);
        out->has_own_address = kept.has_own_address ? 1 : 0;
        out->idempotent = kept.idempotent ? 1 : 0;
        out->account = to_c(kept.account);
        out->rehearses = kept.rehearses ? 1 : 0;
        return 0;
      });
    }
  }

  static void deliver(void* self, const tocsin_attempt* attempts, std::uint32_t count,
                      std::uint32_t stride) noexcept {
    const Items<tocsin_attempt> all(attempts, count, stride);
    const bool began = guarded(worker(self).host, "deliver", false,
                               [&] { return worker(self).object.deliver_all(all), true; });
    if (began) return;
    for (const tocsin_attempt& attempt : all) {
      worker(self).host.complete(attempt.token, Verdict::internal("the plugin failed"));
    }
  }

  static void cancel(void* self, tocsin_token attempt) noexcept {
    guarded(worker(self).host, "cancel", 0,
            [&] { return static_cast<Output&>(worker(self).object).cancel(attempt), 0; });
  }

  // ---- filter

  static std::uint32_t on_message(void* self, tocsin_filter_call* call) noexcept {
    return guarded(worker(self).host, "on_message", std::uint32_t{TOCSIN_PASS}, [&] {
      Message message(*call);
      return static_cast<std::uint32_t>(worker(self).object.on_message(message));
    });
  }

  static void on_outcome(void* self, std::uint64_t reservation, std::uint32_t committed) noexcept {
    guarded(worker(self).host, "on_outcome", 0,
            [&] { return worker(self).object.on_outcome(reservation, committed != 0), 0; });
  }

  // ---- input and handler

  static void on_emitted(void* self, std::uint64_t user, const tocsin_emit_outcome* outcomes,
                         std::uint32_t count, std::uint32_t stride) noexcept {
    guarded(worker(self).host, "on_emitted", 0,
            [&] { return worker(self).object.on_emitted(user, {outcomes, count, stride}), 0; });
  }

  static std::uint64_t on_request(void* self, const tocsin_http_head* head,
                                  void** request) noexcept {
    const Host& host = worker(self).host;
    RequestPtr made;
    const bool began = guarded(host, "on_request", false, [&] {
      made = worker(self).object.on_request(RequestHead(*head));
      return true;
    });
    if (!began) host.respond(head->token, {.status = 500});
    if (made == nullptr) return 0;
    made->exchange = head->token;
    const std::uint64_t wanted = made->body_bytes_max();
    *request = made.release();
    return wanted;
  }

  static void on_body(void* self, void* request, tocsin_str body) noexcept {
    auto* asked = static_cast<Request*>(request);
    if (asked == nullptr) return;
    const bool taken = guarded(worker(self).host, "on_body", false,
                               [&] { return asked->on_body(view(body)), true; });
    if (!taken) worker(self).host.respond(asked->exchange, {.status = 500});
  }

  static void on_done(void* /*self*/, void* request) noexcept {
    if (request != nullptr) static_cast<Request*>(request)->on_done();
  }

  // ---- storage

  static std::uint32_t open(void* self, const tocsin_store_open* how, tocsin_store_state* state,
                            tocsin_fault* fault) noexcept {
    return guarded(worker(self).host, "open", std::uint32_t{TOCSIN_FAILED}, [&] {
      Fault why(fault);
      return worker(self).object.open(*how, *state, why) ? std::uint32_t{TOCSIN_OK} : why.status();
    });
  }

  static void apply(void* self, tocsin_operation* const* operations, std::uint32_t count,
                    tocsin_token batch) noexcept {
    const Host& host = worker(self).host;
    const bool began = guarded(host, "apply", false, [&] {
      return worker(self).object.apply(operations, count, batch), true;
    });
    if (began) return;
    tocsin_fault fault{};
    fault.size = sizeof(fault);
    Fault(&fault).fail(TOCSIN_FAILED, "the storage threw while it applied a batch");
    host.c_host().applied(host.c_worker(), batch, TOCSIN_APPLY_UNKNOWN, &fault);
  }

  static std::uint32_t query(void* self, const tocsin_query* asked, const tocsin_row_sink* sink,
                             tocsin_fault* fault) noexcept {
    auto& instance = *static_cast<Instance*>(self);
    return guarded(instance.host, "query", std::uint32_t{TOCSIN_FAILED}, [&] {
      Fault why(fault);
      return T::query(*instance.settings(), *asked, *sink, why) ? std::uint32_t{TOCSIN_OK}
                                                                : why.status();
    });
  }

  static std::uint32_t get_record(void* self, tocsin_str collection, tocsin_str key,
                                  std::int64_t now_ns, const tocsin_record_sink* sink,
                                  tocsin_fault* fault) noexcept {
    auto& instance = *static_cast<Instance*>(self);
    return guarded(instance.host, "get_record", std::uint32_t{TOCSIN_FAILED}, [&] {
      Fault why(fault);
      const bool read = T::get_record(*instance.settings(), view(collection), view(key),
                                      Duration(now_ns), *sink, why);
      return read ? std::uint32_t{TOCSIN_OK} : why.status();
    });
  }

  static std::uint32_t scan_records(void* self, const tocsin_record_scan* scan,
                                    const tocsin_record_sink* sink, tocsin_fault* fault) noexcept {
    auto& instance = *static_cast<Instance*>(self);
    return guarded(instance.host, "scan_records", std::uint32_t{TOCSIN_FAILED}, [&] {
      Fault why(fault);
      return T::scan_records(*instance.settings(), *scan, *sink, why) ? std::uint32_t{TOCSIN_OK}
                                                                      : why.status();
    });
  }

  static void close(void* self) noexcept {
    guarded(worker(self).host, "close", 0, [&] { return worker(self).object.close(), 0; });
  }

  tocsin_plugin plugin_{};
  OptionExport options_;
  tocsin_output output_{};
  tocsin_filter filter_{};
  tocsin_input input_{};
  tocsin_handler handler_{};
  tocsin_storage storage_{};
  tocsin_records records_{};
};

}  // namespace tocsin::sdk

/// Exports T as this shared object's plugin.
#define TOCSIN_PLUGIN(T)                                                      \
  extern "C" TOCSIN_EXPORT const tocsin_plugin* TOCSIN_ENTRY(void) noexcept { \
    return ::tocsin::sdk::Entry<T>::descriptor();                             \
  }
