#pragma once

#include <string_view>
#include <vector>

namespace tocsin::policy {

/// The meaning of a topic pattern, written straight from its definition: the slow truth that the
/// compiled matcher is compared with.
class NaiveGlob {
 public:
  static bool match(std::string_view pattern, std::string_view topic) {
    return segments_match(split(pattern), split(topic));
  }

 private:
  using Segments = std::vector<std::string_view>;

  static Segments split(std::string_view text) {
    Segments segments;
    if (text.empty()) return segments;
    for (std::size_t begin = 0;;) {
      const std::size_t dot = text.find('.', begin);
      segments.push_back(text.substr(begin, dot - begin));
      if (dot == std::string_view::npos) return segments;
      begin = dot + 1;
    }
  }

  /// ends[j]: the first i items of the pattern match the first j of the text.
  template <typename Pattern, typename Text, typename IsMany, typename Fits>
  static bool table_match(const Pattern& pattern, const Text& text, IsMany is_many, Fits fits) {
    std::vector<bool> ends(text.size() + 1, false);
    ends[0] = true;
    for (const auto& item : pattern) {
      std::vector<bool> next(text.size() + 1, false);
      next[0] = is_many(item) && ends[0];
      for (std::size_t j = 1; j <= text.size(); ++j) {
        next[j] =
            is_many(item) ? (ends[j] || next[j - 1]) : (ends[j - 1] && fits(item, text[j - 1]));
      }
      ends = next;
    }
    return ends[text.size()];
  }

  static bool segments_match(const Segments& pattern, const Segments& topic) {
    return table_match(
        pattern, topic, [](std::string_view item) { return item == "**"; },
        [](std::string_view item, std::string_view part) { return bytes_match(item, part); });
  }
  static bool bytes_match(std::string_view pattern, std::string_view text) {
    return table_match(
        pattern, text, [](char item) { return item == '*'; },
        [](char item, char byte) { return item == byte; });
  }
};

}  // namespace tocsin::policy
