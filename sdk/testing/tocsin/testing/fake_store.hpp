#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <string_view>
#include <utility>

#include "tocsin/plugin.h"
#include "tocsin/sdk/text.hpp"
#include "tocsin/testing/manual_clock.hpp"

namespace tocsin::testing {

/// What a plugin tells of deliveries and addresses, and keeps; the part of FakeHost that needs
/// nothing else of it. Reports and suppressions are noted and answered by the test; records are
/// kept, and answered by FakeHost::run().
class FakeStore {
 public:
  using Duration = std::chrono::nanoseconds;

  struct Reported {
    std::uint32_t state;  ///< enum tocsin_report_state
    std::string delivery_id, provider_id, reason;
    void (*fn)(void*, std::uint32_t) = nullptr;
    void* user = nullptr;
    bool over = false;
  };
  struct Suppressed {
    bool lift;
    std::string address, reason;
    Duration ttl;
    void (*fn)(void*, std::uint32_t) = nullptr;
    void* user = nullptr;
    bool over = false;
  };
  struct Kept {
    std::string value;
    std::uint64_t version = 0;
    Duration ends = Duration::max();  ///< on the monotonic clock
  };

  FakeStore(const FakeStore&) = delete;
  FakeStore& operator=(const FakeStore&) = delete;

  void answer(Reported& report, std::uint32_t status) { tell(report, status); }
  void answer(Suppressed& suppression, std::uint32_t status) { tell(suppression, status); }

  std::deque<Reported> reports;
  std::deque<Suppressed> suppressions;
  std::map<std::string, Kept> records;      ///< by key
  std::uint32_t store_refusal = TOCSIN_OK;  ///< what asking answers at once, when not OK
  bool store_down = false;                  ///< records are answered UNAVAILABLE

 protected:
  explicit FakeStore(const ManualClock& clock) : clock_(clock) {}
  ~FakeStore() = default;

  /// Answers one question for a record; false: there was none.
  bool answer_record() {
    if (asked_.empty()) return false;
    const Asked asked = std::move(asked_.front());
    asked_.pop_front();
    if (asked.got != nullptr) {
      get(asked);
    } else {
      const std::uint32_t status = put(asked);
      if (asked.put != nullptr) asked.put(asked.user, status);
    }
    return true;
  }
  /// Nothing is answered any more.
  void end_store() {
    for (Reported& report : reports) report.over = true;
    for (Suppressed& suppression : suppressions) suppression.over = true;
    asked_.clear();
  }

  /// Fills in the functions, for a host that is what a tocsin_worker is.
  template <typename Host>
  static void lend_store(tocsin_host& table) {
    table.report = [](tocsin_worker* w, const tocsin_report* r, void (*fn)(void*, std::uint32_t),
                      void* user) { return of<Host>(w).report(*r, fn, user); };
    table.suppress = [](tocsin_worker* w, const tocsin_suppression* s,
                        void (*fn)(void*, std::uint32_t),
                        void* user) { return of<Host>(w).suppress(*s, fn, user); };
    table.record_get = [](tocsin_worker* w, tocsin_str key,
                          void (*fn)(void*, const tocsin_record_answer*), void* user) {
      Asked asked;
      asked.got = fn;
      asked.user = user;
      return fn == nullptr ? std::uint32_t{TOCSIN_INVALID} : of<Host>(w).ask(key, std::move(asked));
    };
    table.record_put = [](tocsin_worker* w, tocsin_str key, tocsin_str value, std::uint64_t version,
                          std::int64_t ttl, void (*fn)(void*, std::uint32_t), void* user) {
      Asked asked;
      asked.value = sdk::view(value);
      asked.version = version;
      asked.ttl = Duration(ttl);
      asked.put = fn;
      asked.user = user;
      return of<Host>(w).ask(key, std::move(asked));
    };
  }

 private:
  static constexpr std::size_t kKeyBytesMax = 256;
  static constexpr std::size_t kValueBytesMax = 4096;

  struct Asked {
    std::string key, value;
    std::uint64_t version = 0;
    Duration ttl{};
    void (*got)(void*, const tocsin_record_answer*) = nullptr;
    void (*put)(void*, std::uint32_t) = nullptr;
    void* user = nullptr;
  };

  template <typename Host>
  static FakeStore& of(tocsin_worker* handle) {
    return *reinterpret_cast<Host*>(handle);
  }
  template <typename Told>
  static void tell(Told& told, std::uint32_t status) {
    if (!std::exchange(told.over, true) && told.fn != nullptr) told.fn(told.user, status);
  }

  std::uint32_t report(const tocsin_report& r, void (*fn)(void*, std::uint32_t), void* user) {
    if (store_refusal != TOCSIN_OK) return store_refusal;
    if (r.state > TOCSIN_REPORT_BOUNCED) return TOCSIN_INVALID;
    if (r.delivery_id.len == 0) return TOCSIN_NOT_FOUND;
    reports.push_back({r.state, std::string(sdk::view(r.delivery_id)),
                       std::string(sdk::view(r.provider_id)), std::string(sdk::view(r.reason)), fn,
                       user});
    return TOCSIN_OK;
  }
  std::uint32_t suppress(const tocsin_suppression& s, void (*fn)(void*, std::uint32_t),
                         void* user) {
    if (store_refusal != TOCSIN_OK) return store_refusal;
    const std::size_t colon = sdk::view(s.address).find(':');
    if (colon == 0 || colon == std::string_view::npos || s.ttl_ns < 0) return TOCSIN_INVALID;
    suppressions.push_back({s.lift != 0, std::string(sdk::view(s.address)),
                            std::string(sdk::view(s.reason)), Duration(s.ttl_ns), fn, user});
    return TOCSIN_OK;
  }
  std::uint32_t ask(tocsin_str key, Asked asked) {
    if (store_refusal != TOCSIN_OK) return store_refusal;
    asked.key = sdk::view(key);
    const bool fits = !asked.key.empty() && asked.key.size() <= kKeyBytesMax &&
                      asked.value.size() <= kValueBytesMax && asked.ttl >= Duration::zero();
    if (!fits) return TOCSIN_INVALID;
    asked_.push_back(std::move(asked));
    return TOCSIN_OK;
  }

  const Kept* find(const std::string& key) const {
    const auto kept = records.find(key);
    const bool live = kept != records.end() && kept->second.ends > clock_.mono();
    return live ? &kept->second : nullptr;
  }
  void get(const Asked& asked) const {
    const Kept* kept = store_down ? nullptr : find(asked.key);
    tocsin_record_answer answer{};
    answer.size = sizeof(answer);
    answer.status = store_down ? TOCSIN_UNAVAILABLE : TOCSIN_OK;
    const Kept held = kept == nullptr ? Kept() : *kept;  // the callback may change the map
    if (kept != nullptr) {
      answer.value = sdk::to_c(held.value);
      answer.version = held.version;
    } else if (!store_down) {
      answer.status = TOCSIN_NOT_FOUND;
      answer.version = TOCSIN_RECORD_ABSENT;
    }
    asked.got(asked.user, &answer);
  }
  std::uint32_t put(const Asked& asked) {
    if (store_down) return TOCSIN_UNAVAILABLE;
    const Kept* kept = find(asked.key);
    const std::uint64_t found = kept == nullptr ? TOCSIN_RECORD_ABSENT : kept->version;
    if (asked.version != 0 && asked.version != found) return TOCSIN_EXISTS;
    const Duration ends =
        asked.ttl == Duration::zero() ? Duration::max() : clock_.mono() + asked.ttl;
    records[asked.key] = {asked.value, ++versions_, ends};
    return TOCSIN_OK;
  }

  const ManualClock& clock_;
  std::uint64_t versions_ = 0;
  std::deque<Asked> asked_;
};

}  // namespace tocsin::testing
