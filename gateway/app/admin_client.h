#pragma once

#include <string>
#include <string_view>
#include <tl/expected.hpp>

#include "gateway/app/command_output.h"
#include "gateway/base/address.h"
#include "gateway/base/clock.h"
#include "gateway/base/result.h"
#include "gateway/base/value.h"
#include "gateway/config/environment.h"

// How the command line talks to a running gateway.

namespace tocsin::app {

/// Where the admin API is, and what to show there.
struct AdminTarget {
  Address address;
  std::string token;  ///< empty: none. Never printed
};

/// What every command that asks a gateway was told.
struct AdminArguments {
  std::string address;      ///< --admin; empty: not given
  std::string config_path;  ///< -c; empty: not given
  std::string token;        ///< --token; empty: not given
  std::string token_file;   ///< --token-file; empty: not given
  bool json = false;
  bool colour = false;
};

/// The address: --admin, else what the file of -c says, else 127.0.0.1:9900. The token: --token,
/// else the file of --token-file without its line end, else TOCSIN_ADMIN_TOKEN, else none. A target
/// that cannot be told is the command's output.
tl::expected<AdminTarget, CommandOutput> find_admin(const AdminArguments& arguments,
                                                    const config::Environment& environment);

struct AdminRequest {
  std::string_view method = "GET";
  std::string target;           ///< path and query
  std::string body;             ///< JSON; empty: none
  std::string idempotency_key;  ///< empty: none
};

struct AdminReply {
  int status = 0;
  std::string body;
};

/// The way to a gateway; a fake in tests.
class AdminDoor {
 public:
  virtual ~AdminDoor() = default;
  /// Blocks until the answer is there. Errors are sentences for people.
  virtual Result<AdminReply> ask(const AdminRequest& request) = 0;
};

/// Over HTTP, on a loop of its own for each request: for the command line, never in a gateway.
class AdminClient final : public AdminDoor {
 public:
  static constexpr Duration kPatience = std::chrono::seconds(60);

  explicit AdminClient(AdminTarget target, Duration patience = kPatience)
      : target_(std::move(target)), patience_(patience) {}
  Result<AdminReply> ask(const AdminRequest& request) override;

 private:
  const AdminTarget target_;
  const Duration patience_;  // for one answer
};

/// A success as the gateway wrote it, and as a tree.
struct AdminAnswer {
  std::string text;  ///< JSON
  Value json;        ///< a map
};

/// Why there is none: in a sentence, and the problem document if the gateway gave one.
struct AdminFailure {
  std::string message;
  std::string document;
  int status = 0;  ///< 0: no answer at all
};

tl::expected<AdminAnswer, AdminFailure> ask_admin(AdminDoor& door, const AdminRequest& request);

/// The output of a command that ends here.
CommandOutput failed(const AdminFailure& failure, bool json);
CommandOutput wrong_usage(std::string_view message);

/// Percent-encodes what cannot stand in a path segment or in a query's value.
std::string encoded(std::string_view text);

/// A member of an object, or "" (0) when it is absent or of another type: gateways may be newer.
std::string_view text_member(const Value& object, std::string_view name);
std::int64_t number_member(const Value& object, std::string_view name);

}  // namespace tocsin::app
