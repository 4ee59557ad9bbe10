#include <gtest/gtest.h>

#include <deque>
#include <map>
#include <string>
#include <vector>

#include "plugins/output/webhook/classify.h"

namespace tocsin {
namespace {

using namespace std::chrono_literals;
using output_webhook::Classifier;
using output_webhook::matches;
using output_webhook::Reply;

// Rules as the host hands them over. What is made lives as long as this object.
class Rules {
 public:
  using Texts = std::vector<std::pair<std::string, std::string>>;

  // `json` and `headers` stand for themselves, all else is text; after_default is in seconds.
  Rules& add(const Texts& keys, const Texts& json = {}, const Texts& headers = {}) {
    std::vector<tocsin_value>& items = values_.emplace_back();
    std::vector<tocsin_str>& names = keys_.emplace_back();
    for (const auto& [key, text] : keys) {
      names.push_back(keep(key));
      items.push_back(key == "after_default" ? seconds(text) : scalar(text));
    }
    for (const auto& [key, map] : {std::pair("json", &json), std::pair("headers", &headers)}) {
      if (map->empty()) continue;
      std::vector<tocsin_value>& inner = values_.emplace_back();
      std::vector<tocsin_str>& inner_names = keys_.emplace_back();
      for (const auto& [name, text] : *map) {
        inner_names.push_back(keep(name));
        inner.push_back(scalar(text));
      }
      names.push_back(keep(key));
      items.push_back(map_of(inner, inner_names));
    }
    rules_.push_back(map_of(items, names));
    return *this;
  }
  // Why they are refused; empty: they are not.
  std::string load() {
    list_ = {};
    list_.size = sizeof(list_);
    list_.type = TOCSIN_LIST;
    list_.items = rules_.data();
    list_.count = static_cast<std::uint32_t>(rules_.size());
    list_.stride = sizeof(tocsin_value);
    tocsin_fault fault{};
    fault.size = sizeof(fault);
    sdk::Fault told(&fault);
    return classifier.load(sdk::Value(&list_), told) ? "" : std::string(fault.what, fault.what_len);
  }
  // By these rules, where HTTP says that the answer is `by_http`.
  sdk::Verdict judge(std::uint32_t status, std::string_view body,
                     std::map<std::string, std::string> headers = {},
                     sdk::Verdict by_http = sdk::Verdict::rejected("the receiver answered")) {
    EXPECT_EQ(load(), "");
    const Reply reply{status, body, [&headers](std::string_view name) -> std::string_view {
                        return headers[std::string(name)];
                      }};
    return classifier.judge(reply, std::move(by_http));
  }

  Classifier classifier;

 private:
  tocsin_str keep(std::string text) { return sdk::to_c(texts_.emplace_back(std::move(text))); }
  tocsin_value scalar(const std::string& text) {
    tocsin_value value{};
    value.size = sizeof(value);
    value.type = TOCSIN_STRING;
    value.text = keep(text);
    return value;
  }
  static tocsin_value seconds(const std::string& text) {
    tocsin_value value{};
    value.size = sizeof(value);
    value.type = TOCSIN_DURATION;
    value.integer = std::stoll(text) * 1'000'000'000;
    return value;
  }
  static tocsin_value map_of(const std::vector<tocsin_value>& items,
                             const std::vector<tocsin_str>& keys) {
    tocsin_value value{};
    value.size = sizeof(value);
    value.type = TOCSIN_MAP;
    value.items = items.data();
    value.keys = keys.data();
    value.count = static_cast<std::uint32_t>(items.size());
    value.stride = sizeof(tocsin_value);
    return value;
  }

  std::deque<std::vector<tocsin_value>> values_;
  std::deque<std::vector<tocsin_str>> keys_;
  std::deque<std::string> texts_;
  std::vector<tocsin_value> rules_;
  tocsin_value list_{};
};

std::uint32_t kind(const sdk::Verdict& verdict) { return verdict.kind; }

TEST(Classifier, LeavesToHttpWhatNoRuleFits) {
  Rules rules;
  rules.add({{"status", "429"}, {"verdict", "throttled"}});
  const sdk::Verdict verdict = rules.judge(500, "", {}, sdk::Verdict::retry("as HTTP has it", 5s));
  EXPECT_EQ(kind(verdict), std::uint32_t{TOCSIN_RETRY});
  EXPECT_EQ(verdict.after, 5s);
  EXPECT_EQ(verdict.reason, "as HTTP has it");
}

TEST(Classifier, TakesTheFirstRuleThatFits) {
  Rules rules;
  rules.add({{"status", "400-404, 410"}, {"verdict", "target_gone"}});
  rules.add({{"status", "4xx"}, {"verdict", "retry"}});
  EXPECT_EQ(kind(rules.judge(404, "")), std::uint32_t{TOCSIN_TARGET_GONE});
  Rules again;
  again.add({{"status", "400-404, 410"}, {"verdict", "target_gone"}});
  again.add({{"status", "4xx"}, {"verdict", "retry"}});
  EXPECT_EQ(kind(again.judge(405, "")), std::uint32_t{TOCSIN_RETRY});
}

TEST(Classifier, WantsAllConditionsOfARule) {
  const auto judged = [](std::string_view body, std::string header) {
    Rules rules;
    rules.add({{"status", "200"}, {"verdict", "rejected"}, {"body", "*sorry*"}},
              {{"/ok", "false"}, {"/code", "7"}, {"/why", "no *"}}, {{"X-Kind", "chat*"}});
    return kind(rules.judge(200, body, {{"X-Kind", std::move(header)}}, sdk::Verdict::delivered()));
  };
  const std::string_view whole = R"({"ok":false,"code":7,"why":"no room","more":"sorry"})";
  EXPECT_EQ(judged(whole, "chat-1"), std::uint32_t{TOCSIN_REJECTED});
  EXPECT_EQ(judged(whole, "mail"), std::uint32_t{TOCSIN_DELIVERED});
  EXPECT_EQ(judged(whole, ""), std::uint32_t{TOCSIN_DELIVERED});
  EXPECT_EQ(judged(R"({"ok":false,"code":8,"why":"no room","more":"sorry"})", "chat-1"),
            std::uint32_t{TOCSIN_DELIVERED});
  EXPECT_EQ(judged(R"({"ok":false,"code":7,"why":"no room"})", "chat-1"),
            std::uint32_t{TOCSIN_DELIVERED});
  EXPECT_EQ(judged("sorry, no JSON", "chat-1"), std::uint32_t{TOCSIN_DELIVERED});
}

TEST(Classifier, ReadsSecondsWithAFractionFromTheBody) {
  Rules rules;
  rules.add({{"status", "429"},
             {"verdict", "throttled"},
             {"scope", "account"},
             {"after", "/retry_after"}});
  const sdk::Verdict verdict = rules.judge(429, R"({"retry_after":0.25})");
  EXPECT_EQ(verdict.after, 250ms);
  EXPECT_EQ(verdict.scope, sdk::Scope::kAccount);
}

TEST(Classifier, ReadsSecondsFromAHeaderElseAsHttpOrTheRuleSays) {
  const auto after = [](std::map<std::string, std::string> headers, sdk::Duration by_http) {
    Rules rules;
    rules.add({{"verdict", "throttled"}, {"after", "X-Wait"}, {"after_default", "60"}});
    return rules.judge(429, "", std::move(headers), sdk::Verdict::throttled("slow", by_http)).after;
  };
  EXPECT_EQ(after({{"X-Wait", " 7 "}}, 3s), 7s);
  EXPECT_EQ(after({{"X-Wait", "soon"}}, 3s), 3s);
  EXPECT_EQ(after({{"X-Wait", "-1"}}, 0s), 60s);
  EXPECT_EQ(after({{"X-Wait", "1e300"}}, 0s), 24h) << "no wait is longer";
  EXPECT_EQ(after({{"X-Wait", "nan"}}, 0s), 60s);
}

TEST(Classifier, TellsTheProvidersWordsAndOurs) {
  Rules rules;
  rules.add({{"status", "400"}, {"because", "the chat has another id"}, {"reason", "/id"}});
  const sdk::Verdict by_http = sdk::Verdict::rejected("the receiver answered 400");
  EXPECT_EQ(rules.judge(400, R"({"id":-100})", {}, by_http).reason,
            "the receiver answered 400: the chat has another id: -100");
}

TEST(Classifier, KeepsTheProvidersIdOfWhatItTook) {
  Rules rules;
  rules.add({{"status", "2xx"}, {"provider_id", "/result/message_id"}});
  const sdk::Verdict verdict =
      rules.judge(200, R"({"result":{"message_id":42}})", {}, sdk::Verdict::delivered());
  EXPECT_EQ(verdict.provider_id, "42");
  EXPECT_EQ(verdict.reason, "");
}

TEST(Classifier, SaysThatASuccessByHttpIsNone) {
  Rules rules;
  rules.add({{"status", "200"}, {"verdict", "rejected"}, {"reason", "/error"}}, {{"/ok", "false"}});
  EXPECT_EQ(
      rules.judge(200, R"({"ok":false,"error":"no_text"})", {}, sdk::Verdict::delivered()).reason,
      "the receiver answered 200: no_text");
}

TEST(Classifier, RefusesWhatNoAnswerCouldBe) {
  for (const char* status :
       {"", "9xx", "99", "600", "404-400", "4", "four", "404,", "-", "4xx-5xx"}) {
    Rules rules;
    rules.add({{"status", status}});
    EXPECT_EQ(rules.load(), "rule 1: status takes 429, 4xx or 500-599, apart by commas") << status;
  }
  Rules rules;
  rules.add({{"status", "2xx"}}).add({}, {{"code", "7"}});
  EXPECT_EQ(rules.load(), "rule 2: \"code\" is no JSON pointer: it begins with /");
}

TEST(ClassifierPattern, StarsAreAnyRunOfBytes) {
  EXPECT_TRUE(matches("", ""));
  EXPECT_TRUE(matches("*", ""));
  EXPECT_TRUE(matches("a*c*e", "abcde"));
  EXPECT_TRUE(matches("*blocked*", "Forbidden: bot was blocked by the user"));
  EXPECT_TRUE(matches("a*a", "abaa"));
  EXPECT_FALSE(matches("a*b", "aba"));
  EXPECT_FALSE(matches("abc", "ab"));
  EXPECT_FALSE(matches("", "a"));
}

}  // namespace
}  // namespace tocsin
