// A provider's answers are data of the operator's, not code: what one of them means can be written
// down without a release of ours, and every preset is such a table.

#include "classify.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

namespace tocsin::output_webhook {

namespace {

struct Word {
  std::string_view text;
  std::uint32_t value;
};
constexpr std::array<Word, 7> kVerdicts = {{{"delivered", TOCSIN_DELIVERED},
                                            {"retry", TOCSIN_RETRY},
                                            {"throttled", TOCSIN_THROTTLED},
                                            {"rejected", TOCSIN_REJECTED},
                                            {"target_gone", TOCSIN_TARGET_GONE},
                                            {"ambiguous", TOCSIN_AMBIGUOUS},
                                            {"unauthorized", TOCSIN_UNAUTHORIZED}}};
constexpr std::array<Word, 3> kScopes = {{{"address", TOCSIN_SCOPE_ADDRESS},
                                          {"output", TOCSIN_SCOPE_OUTPUT},
                                          {"account", TOCSIN_SCOPE_ACCOUNT}}};

// The option's choices hold these words only.
template <std::size_t kCount>
std::optional<std::uint32_t> value_of(const std::array<Word, kCount>& words,
                                      std::string_view text) {
  for (const Word& word : words) {
    if (word.text == text) return word.value;
  }
  return std::nullopt;
}

std::optional<std::uint32_t> number_of(std::string_view text) {
  std::uint32_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const bool good = error == std::errc() && end == text.data() + text.size();
  return good ? std::optional(number) : std::nullopt;
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

bool is_pointer(std::string_view text) { return text.starts_with('/'); }

// Seconds, with a fraction or without. What is no number says nothing.
std::optional<sdk::Duration> seconds_of(std::string_view text) {
  double seconds = 0;
  text = trimmed(text);
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  if (!std::isfinite(seconds) || seconds < 0) return std::nullopt;
  const double most = std::chrono::duration<double>(Classifier::kAfterMax).count();
  return std::chrono::ceil<sdk::Duration>(std::chrono::duration<double>(std::min(seconds, most)));
}

}  // namespace

bool matches(std::string_view pattern, std::string_view text) {
  std::size_t at = 0;
  std::size_t star = std::string_view::npos;  // in the pattern, the last one met
  std::size_t from = 0;                       // in the text, where that one's run ends
  std::size_t i = 0;
  while (i < text.size()) {
    if (at < pattern.size() && pattern[at] == '*') {
      star = at++;
      from = i;
    } else if (at < pattern.size() && pattern[at] == text[i]) {
      ++at;
      ++i;
    } else if (star != std::string_view::npos) {
      at = star + 1;
      i = ++from;
    } else {
      return false;
    }
  }
  while (at < pattern.size() && pattern[at] == '*') ++at;
  return at == pattern.size();
}

class Classifier::Reading {
 public:
  explicit Reading(const Reply& reply) : reply_(reply) {}

  const Reply& reply() const { return reply_; }

  /// A text, a number as it is written, true, false or null; nothing: the place holds none of them.
  std::optional<std::string_view> json(std::string_view pointer) {
    if (!read_) json_ = sdk::JsonReply::read(reply_.body);
    read_ = true;
    if (!json_) return std::nullopt;
    if (const auto text = json_->text(pointer)) return text;
    if (const auto truth = json_->boolean(pointer)) return *truth ? "true" : "false";
    return json_->is_null(pointer) ? std::optional<std::string_view>("null") : std::nullopt;
  }
  std::string_view at(const Source& source) {
    if (source.empty()) return {};
    return is_pointer(source) ? json(source).value_or(std::string_view()) : reply_.header(source);
  }

 private:
  const Reply& reply_;
  std::optional<sdk::JsonReply> json_;
  bool read_ = false;
};

bool Classifier::load(const sdk::Value& rules, sdk::Fault& fault) {
  for (std::size_t i = 0; i < rules.size(); ++i) {
    std::string why;
    if (!load_rule(rules.at(i), rules_.emplace_back(), why)) {
      return fault.refuse("rule " + std::to_string(i + 1) + ": " + why, "classify");
    }
  }
  return true;
}

bool Classifier::load_rule(const sdk::Value& from, Rule& rule, std::string& why) {
  const std::string_view statuses = from["status"].text_view();
  if (from["status"] && !load_statuses(statuses, rule)) {
    why = "status takes 429, 4xx or 500-599, apart by commas";
    return false;
  }
  const sdk::Value json = from["json"];
  for (std::size_t i = 0; i < json.size(); ++i) {
    if (!is_pointer(json.key(i))) {
      why = "\"" + std::string(json.key(i)) + "\" is no JSON pointer: it begins with /";
      return false;
    }
    rule.json.emplace_back(json.key(i), json.at(i).text());
  }
  const sdk::Value headers = from["headers"];
  for (std::size_t i = 0; i < headers.size(); ++i) {
    rule.headers.emplace_back(headers.key(i), headers.at(i).text());
  }
  rule.body = from["body"].text();
  rule.verdict = value_of(kVerdicts, from["verdict"].text_view());
  if (const auto scope = value_of(kScopes, from["scope"].text_view())) {
    rule.scope = static_cast<sdk::Scope>(*scope);
  }
  rule.after = from["after"].text();
  rule.after_default = from["after_default"].duration();
  rule.because = from["because"].text();
  rule.reason = from["reason"].text();
  rule.provider_id = from["provider_id"].text();
  return true;
}

bool Classifier::load_statuses(std::string_view text, Rule& rule) {
  while (true) {
    const std::size_t comma = std::min(text.find(','), text.size());
    const std::string_view one = trimmed(text.substr(0, comma));
    const std::size_t dash = one.find('-');
    std::optional<std::uint32_t> first;
    std::optional<std::uint32_t> last;
    if (one.size() == 3 && one.ends_with("xx")) {
      const auto hundreds = number_of(one.substr(0, 1));
      if (hundreds) first = *hundreds * 100;
      if (hundreds) last = *hundreds * 100 + 99;
    } else if (dash != std::string_view::npos) {
      first = number_of(one.substr(0, dash));
      last = number_of(one.substr(dash + 1));
    } else {
      first = last = number_of(one);
    }
    if (!first || !last || *first < 100 || *last > 599 || *first > *last) return false;
    rule.statuses.push_back({*first, *last});
    if (comma == text.size()) return true;
    text.remove_prefix(comma + 1);
  }
}

bool Classifier::holds(const Rule& rule, Reading& reading) {
  const Reply& reply = reading.reply();
  const auto has_status = [&](const StatusRange& range) {
    return reply.status >= range.first && reply.status <= range.last;
  };
  if (!rule.statuses.empty() &&
      !std::any_of(rule.statuses.begin(), rule.statuses.end(), has_status)) {
    return false;
  }
  for (const auto& [name, pattern] : rule.headers) {
    const std::string_view value = reply.header(name);
    if (value.empty() || !matches(pattern, value)) return false;
  }
  for (const auto& [pointer, pattern] : rule.json) {
    const auto value = reading.json(pointer);
    if (!value || !matches(pattern, *value)) return false;
  }
  return rule.body.empty() || matches(rule.body, reply.body);
}

void Classifier::apply(const Rule& rule, Reading& reading, sdk::Verdict& verdict) {
  if (rule.verdict) verdict.kind = *rule.verdict;
  if (rule.scope) verdict.scope = *rule.scope;
  if (const auto after = seconds_of(reading.at(rule.after))) verdict.after = *after;
  if (verdict.after == sdk::Duration::zero()) verdict.after = rule.after_default;
  verdict.provider_id = reading.at(rule.provider_id);
  if (verdict.kind == TOCSIN_DELIVERED) {
    verdict.reason.clear();
    return;
  }
  if (verdict.reason.empty()) {
    verdict.reason = "the receiver answered " + std::to_string(reading.reply().status);
  }
  if (!rule.because.empty()) verdict.reason.append(": ").append(rule.because);
  if (const std::string_view why = reading.at(rule.reason); !why.empty()) {
    verdict.reason.append(": ").append(why);
  }
}

sdk::Verdict Classifier::judge(const Reply& reply, sdk::Verdict by_http) const {
  Reading reading(reply);
  for (const Rule& rule : rules_) {
    if (!holds(rule, reading)) continue;
    apply(rule, reading, by_http);
    break;
  }
  return by_http;
}

}  // namespace tocsin::output_webhook
