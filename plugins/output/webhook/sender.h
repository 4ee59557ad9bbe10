#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "tocsin/plugin.h"

namespace tocsin::output_webhook {

/// What an instance was configured to. Immutable.
struct Settings {
  explicit Settings(const tocsin_create& from);

  const tocsin_host* host = nullptr;
  std::string url;
  std::vector<std::pair<std::string, std::string>> headers;
};

/// The instance on its home loop.
class Sender {
 public:
  Sender(const Settings& settings, tocsin_worker* worker);

  void deliver(const tocsin_attempt& attempt);
  void cancel(tocsin_token attempt);

 private:
  /// A request on its way.
  struct Call {
    Sender* sender = nullptr;
    tocsin_token attempt = 0;
    tocsin_token request = 0;
  };

  static void on_response(void* user, const tocsin_http_response* response) noexcept;
  void complete(tocsin_token attempt, const tocsin_verdict& verdict);
  void release(std::unique_ptr<Call> call);

  const Settings& settings_;
  tocsin_worker* worker_;
  std::unordered_map<tocsin_token, std::unique_ptr<Call>> calls_;
  std::vector<std::unique_ptr<Call>> free_calls_;
  std::string body_;                    // of the request being written
  std::vector<tocsin_header> headers_;  // the last two are the attempt's
};

}  // namespace tocsin::output_webhook
