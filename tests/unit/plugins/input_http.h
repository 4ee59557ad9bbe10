#pragma once

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "tests/unit/plugins/shipped_plugin.h"
#include "tocsin/testing/fake_host.hpp"

namespace tocsin {

inline tocsin_emit_outcome emit_outcome(std::uint32_t kind) {
  tocsin_emit_outcome outcome{};
  outcome.size = sizeof(outcome);
  outcome.kind = kind;
  return outcome;
}

inline tocsin_emit_outcome committed(std::string_view id, std::uint32_t deliveries = 1) {
  tocsin_emit_outcome outcome = emit_outcome(TOCSIN_COMMITTED);
  outcome.id = sdk::to_c(id);
  outcome.deliveries = deliveries;
  return outcome;
}

/// The door for notifications on a fake host, and the clients in front of it.
class HttpInputTest : public ::testing::Test {
 protected:
  using Headers = testing::FakeHost::Headers;
  using Answer = testing::FakeHost::Answer;

  static constexpr const char* kOne = R"({"topic":"orders"})";

  ~HttpInputTest() override {
    for (const tocsin_token exchange : exchanges_) host.end_request(exchange);
  }

  void start() { ASSERT_EQ(host.start(), ""); }

  /// One request; `end` ends its exchange, else the fixture does.
  tocsin_token ask(const std::string& method, const std::string& path, const std::string& body = {},
                   const Headers& headers = {}, const std::string& prefix = {}) {
    exchanges_.push_back(host.request(method, path, body, headers, prefix));
    return exchanges_.back();
  }
  tocsin_token post(const std::string& path, const std::string& body, Headers headers = {}) {
    headers.emplace_back("Content-Type", "application/json");
    return ask("POST", path, body, headers);
  }
  tocsin_token post_one(const Headers& headers = {}) {
    return post("/v1/notifications", kOne, headers);
  }
  tocsin_token post_batch(const std::string& body) { return post("/v1/notifications/batch", body); }
  tocsin_token post_lines(const std::string& body) {
    return ask("POST", "/v1/notifications/batch", body, {{"Content-Type", "application/x-ndjson"}});
  }
  void end(tocsin_token exchange) {
    ASSERT_EQ(std::erase(exchanges_, exchange), 1U);
    host.end_request(exchange);
  }

  bool answered(tocsin_token exchange) const { return host.answers.contains(exchange); }
  const Answer& answer(tocsin_token exchange) const { return host.answers.at(exchange); }
  std::uint32_t status(tocsin_token exchange) const {
    return answered(exchange) ? answer(exchange).status : 0;
  }
  /// Empty when there is none.
  std::string header(tocsin_token exchange, std::string_view name) const {
    for (const auto& [field, value] : answer(exchange).headers) {
      if (field == name) return value;
    }
    return {};
  }
  /// The problem's own words.
  std::string detail(tocsin_token exchange) const {
    const std::string& body = answer(exchange).body;
    constexpr std::string_view kBegin = "\"detail\":\"";
    const std::size_t begin = body.find(kBegin) + kBegin.size();
    return body.substr(begin, body.find('"', begin) - begin);
  }
  /// What became of the emit that is the oldest without an outcome.
  void outcome(const std::vector<tocsin_emit_outcome>& outcomes) {
    host.emitted(host.emits.at(told_++).user, outcomes);
  }
  /// The newest outcome a second time, which no host does.
  void outcome_again() { host.emitted(host.emits.at(told_ - 1).user, {committed("ntf_0")}); }

  testing::FakeHost host{shipped("input_http")};

 private:
  std::vector<tocsin_token> exchanges_;
  std::size_t told_ = 0;
};

}  // namespace tocsin
