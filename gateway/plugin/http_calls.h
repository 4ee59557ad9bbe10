#pragma once

#include <memory>
#include <string>
#include <vector>

#include "gateway/base/result.h"
#include "gateway/http/client.h"
#include "gateway/plugin/token_table.h"
#include "tocsin/plugin.h"

namespace tocsin::plugin {

class Worker;

/// A worker's requests to others. Loop thread.
class HttpCalls {
 public:
  static constexpr std::size_t kCallsMax = 4096;
  static constexpr std::size_t kHeadersMax = 100;
  static constexpr std::size_t kRequestBytesMax = std::size_t{16} << 20;  ///< of a body
  static constexpr std::uint64_t kAnswerBytesMax = 16 << 20;
  static constexpr std::uint64_t kAnswerBytesDefault = 64 << 10;
  static constexpr Duration kPatience = std::chrono::seconds(30);  ///< without a deadline

  using Done = void (*)(void* user, const tocsin_http_response*);

  explicit HttpCalls(Worker& worker);
  ~HttpCalls();

  Result<tocsin_token> send(const tocsin_http_request& request, Done done, void* user);
  /// A token that is over is nothing.
  void cancel(tocsin_token token);

 private:
  class Call;
  void finish(Call& call, std::uint32_t failure, bool sent, std::string_view error);

  Worker& worker_;
  TokenTable<Call> table_;
};

}  // namespace tocsin::plugin
