#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tocsin/plugin.hpp"
#include "tocsin/sdk/json.hpp"

namespace tocsin::output_webhook {

/// What a provider answered, whole. Borrowed for the call.
struct Reply {
  std::uint32_t status = 0;
  std::string_view body;
  /// The first field of that name; empty: there is none.
  std::function<std::string_view(std::string_view name)> header;
};

/// A table of an operator's that says what a provider's answers mean:
///
///   classify:
///     - {status: "429", verdict: throttled, scope: account, after: /parameters/retry_after}
///     - {status: "403", json: {/description: "*blocked*"}, verdict: target_gone}
///     - {status: "2xx", provider_id: /result/message_id}
///
/// The first rule whose conditions all hold decides; where it leaves something open, and where no
/// rule holds, HTTP does. Immutable.
class Classifier {
 public:
  static constexpr sdk::Duration kAfterMax = std::chrono::hours(24);

  /// False: a rule cannot be, and the fault says why.
  bool load(const sdk::Value& rules, sdk::Fault& fault);
  /// What the answer means; `by_http` is what HTTP makes of it.
  sdk::Verdict judge(const Reply& reply, sdk::Verdict by_http) const;
  bool empty() const { return rules_.empty(); }

 private:
  /// "/parameters/retry_after" of the body as JSON, or the name of a header field; empty: nowhere.
  using Source = std::string;
  using Pattern = std::pair<std::string, std::string>;  // where, and what must stand there
  struct StatusRange {
    std::uint32_t first = 0;
    std::uint32_t last = 0;
  };
  struct Rule {
    std::vector<StatusRange> statuses;  // empty: any
    std::vector<Pattern> json;
    std::vector<Pattern> headers;
    std::string body;  // pattern; empty: any
    std::optional<std::uint32_t> verdict;
    std::optional<sdk::Scope> scope;
    Source after;
    sdk::Duration after_default{};
    std::string because;
    Source reason;
    Source provider_id;
  };
  /// A reply whose body is read as JSON when somebody first asks.
  class Reading;

  static bool load_rule(const sdk::Value& from, Rule& rule, std::string& why);
  static bool load_statuses(std::string_view text, Rule& rule);
  static bool holds(const Rule& rule, Reading& reading);
  static void apply(const Rule& rule, Reading& reading, sdk::Verdict& verdict);

  std::vector<Rule> rules_;
};

/// Whether `*`, any run of bytes, makes `pattern` the text.
bool matches(std::string_view pattern, std::string_view text);

}  // namespace tocsin::output_webhook
