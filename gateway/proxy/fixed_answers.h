#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gateway/http/exchange.h"
#include "gateway/http/filter.h"

namespace tocsin::proxy {

/// `respond:` of a route: always the same answer, given once the request is whole. A body that
/// turns out malformed, too large or too slow is refused instead.
class FixedAnswer final : public http::Handler {
 public:
  struct Options {
    int status = 200;
    std::string body;
    std::string content_type;
    std::vector<std::pair<std::string, std::string>> headers;
  };
  explicit FixedAnswer(Options options) : options_(std::move(options)) {}
  void on_request(http::Exchange& exchange, http::RequestHead& head) override;

 private:
  class AfterBody;
  void answer(http::Exchange& exchange) const;

  const Options options_;
};

/// `redirect:` of a route. With `append_path` the location and what the path has after the prefix
/// are joined by exactly one slash, so that no path leads to another host.
class Redirect final : public http::Handler {
 public:
  struct Options {
    std::string to;  ///< with append_path: without query and fragment
    int status = 302;
    bool append_path = false;  ///< what the path has after the prefix, and the query
    std::string prefix;
  };
  explicit Redirect(Options options) : options_(std::move(options)) {}
  void on_request(http::Exchange& exchange, http::RequestHead& head) override;

 private:
  std::string joined(const http::RequestHead& request) const;

  const Options options_;
};

/// A problem document (RFC 9457), for requests that no route takes.
class ProblemAnswer final : public http::Handler {
 public:
  ProblemAnswer(int status, std::string detail, std::string allow = {})
      : status_(status), detail_(std::move(detail)), allow_(std::move(allow)) {}
  void on_request(http::Exchange& exchange, http::RequestHead& head) override;

 private:
  const int status_;
  const std::string detail_;
  const std::string allow_;  // the Allow field of a 405
};

}  // namespace tocsin::proxy
