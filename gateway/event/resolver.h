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
  /// "ip", "ip:port" or "[v6]:port"; empty: what /etc/resolv.conf says when the resolver is made.
  std::vector<std::string> servers;
  /// Also try the search domains of /etc/resolv.conf, as every program on the machine does.
  bool use_search_domains = true;
  Duration timeout = std::chrono::seconds(5);  ///< for the whole look-up, retries included
  Duration ttl_min = std::chrono::seconds(1);
  Duration ttl_max = std::chrono::hours(1);
  Duration ttl_failure = std::chrono::seconds(2);  ///< how long "no such name" is remembered
  std::size_t names_max = 4096;    ///< cached and in flight; the oldest answer goes first
  std::size_t addresses_max = 64;  ///< kept of one answer; the rest is dropped
};

struct Resolved {
  std::vector<Address> addresses;  ///< port 0; v6 and v4 in the order the system prefers (RFC 6724)
  MonoTime expires;                ///< when asking again gives news
};

/// Names to addresses on one loop, without threads (c-ares on the loop's descriptors), with a cache
/// that keeps to the records' TTL, and one question in flight per name. /etc/hosts comes first and
/// is read anew at each question. All calls and callbacks happen on the loop's thread.
class Resolver {
 public:
  using Done = Function<void(const Result<Resolved>&)>;

  /// A pending question; destroying it means the answer is no longer wanted. It may outlive the
  /// answer and the resolver.
  class Query {
   public:
    virtual ~Query() = default;
  };

  /// Reads /etc/resolv.conf, so not on a serving loop. kInvalid for a server that is no address,
  /// kUnavailable when the system's configuration cannot be read.
  static Result<std::unique_ptr<Resolver>> create(Loop& loop, ResolverOptions options);
  /// Drops pending questions without an answer.
  ~Resolver();
  Resolver(const Resolver&) = delete;
  Resolver& operator=(const Resolver&) = delete;

  /// Calls `done` once, never inside this call: literal addresses and cached names are answered in
  /// the loop's next round, and callers of a name in flight share its answer. `timeout` counts from
  /// each call. `done` may destroy its query and the resolver.
  ///
  /// Errors: kInvalid (not a host name), kNotFound (no such name, or a name without addresses),
  /// kTimeout, kUnavailable (no server gave a usable answer), kFull (names_max questions in
  /// flight).
  [[nodiscard]] std::unique_ptr<Query> resolve(std::string_view host, Done done);

  /// Names cached or in flight.
  std::size_t names() const;

 private:
  class Impl;
  explicit Resolver(std::shared_ptr<Impl> impl);
  std::shared_ptr<Impl> impl_;
};

}  // namespace tocsin::event
