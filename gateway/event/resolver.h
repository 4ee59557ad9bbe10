#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/base/clock.h"
#include "gateway/base/function.h"
#include "gateway/base/result.h"
#include "gateway/event/address.h"
#include "gateway/event/loop.h"

namespace tocsin::event {

struct ResolverOptions {
  /// "ip" or "ip:port"; empty: what /etc/resolv.conf says.
  std::vector<std::string> servers;
  Duration timeout = std::chrono::seconds(5);  ///< for the whole look-up, retries included
  Duration ttl_min = std::chrono::seconds(1);
  Duration ttl_max = std::chrono::hours(1);
  Duration ttl_failure = std::chrono::seconds(2);  ///< how long "no such name" is remembered
  std::size_t names_max = 4096;                    ///< cached and in flight; the oldest answer goes first
};

struct Resolved {
  std::vector<Address> addresses;  ///< port 0; v6 and v4 in the order the system prefers (RFC 6724)
  MonoTime expires;                ///< when asking again gives news
};

/// Names to addresses on one loop, without threads (c-ares on the loop's descriptors), with a cache
/// that keeps to the records' TTL, and one query in flight per name.
class Resolver {
 public:
  using Done = Function<void(const Result<Resolved>&)>;

  /// A pending question; destroying it means the answer is no longer wanted.
  class Query {
   public:
    virtual ~Query() = default;
  };

  Resolver(Loop& loop, ResolverOptions options);
  ~Resolver();
  Resolver(const Resolver&) = delete;
  Resolver& operator=(const Resolver&) = delete;

  /// Literal addresses and cached names are answered too, never inside this call. Errors: kNotFound
  /// (no such name), kTimeout, kUnavailable (no server answered).
  [[nodiscard]] std::unique_ptr<Query> resolve(std::string_view host, Done done);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace tocsin::event
