#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "gateway/base/result.h"
#include "tocsin/plugin.h"

namespace tocsin::plugin {

class Worker;

/// What a plugin tells of deliveries and addresses, and the small values it keeps, on its loop.
/// Loop thread. Everything answers a status of the contract at once; when that is OK `fn` follows.
class StoreDoor {
 public:
  static constexpr std::size_t kCallsMax = 1024;  ///< without an answer yet; more are FULL
  static constexpr std::size_t kKeyBytesMax = 256;
  static constexpr std::size_t kValueBytesMax = 4096;
  /// Where the records of all plugins lie, each instance's under a prefix of its own.
  static constexpr std::string_view kCollection = "plugin";

  using Told = void (*)(void* user, std::uint32_t status);
  using Found = void (*)(void* user, const tocsin_record_answer*);

  explicit StoreDoor(Worker& worker);
  /// Abandons what is under way: no callback follows.
  ~StoreDoor();
  StoreDoor(const StoreDoor&) = delete;
  StoreDoor& operator=(const StoreDoor&) = delete;

  /// Calls without an answer yet.
  std::size_t under_way() const;

  std::uint32_t report(const tocsin_report& report, Told fn, void* user);
  std::uint32_t suppress(const tocsin_suppression& suppression, Told fn, void* user);
  std::uint32_t get(tocsin_str key, Found fn, void* user);
  std::uint32_t put(tocsin_str key, tocsin_str value, std::uint64_t version, std::int64_t ttl_ns,
                    Told fn, void* user);

 private:
  struct Shared;
  bool full() const;
  /// What hears a result of the gateway, and tells its status.
  auto teller(Told fn, void* user);
  void tell(Told fn, void* user, std::uint32_t status);
  std::string caller() const;
  std::string full_key(tocsin_str key) const;

  Worker& worker_;
  std::shared_ptr<Shared> shared_;  // with calls that outlive this object
};

}  // namespace tocsin::plugin
