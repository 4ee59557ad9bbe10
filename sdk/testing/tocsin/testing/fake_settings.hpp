#pragma once

#include <charconv>
#include <deque>
#include <map>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tocsin/plugin.h"
#include "tocsin/sdk/text.hpp"

namespace tocsin::testing {

/// Settings as an operator would write them ("5s", "64KiB", "true"), typed by a plugin's own option
/// table and filled up with its defaults. What cannot be typed throws std::invalid_argument: the
/// gateway would have refused the file. Bounds are not looked at.
class FakeSettings {
 public:
  using Texts = std::vector<std::string>;
  using Pairs = std::vector<std::pair<std::string, std::string>>;

  void set(const std::string& key, std::string text) { scalars_[key] = std::move(text); }
  void set_list(const std::string& key, Texts texts) { lists_[key] = std::move(texts); }
  void set_map(const std::string& key, Pairs pairs) { maps_[key] = std::move(pairs); }

  /// Lives until the next call or this object's end. Keys of tables are written with a dot:
  /// "tls.ca".
  const tocsin_value& build(const tocsin_option_table* table) {
    values_.clear();
    keys_.clear();
    texts_.clear();
    known_ = 0;
    root_ = {};
    fill_table(table, "", root_);
    if (known_ != scalars_.size() + lists_.size() + maps_.size()) {
      throw std::invalid_argument("a setting is no option of the plugin");
    }
    return root_;
  }

 private:
  void fill_table(const tocsin_option_table* table, const std::string& path, tocsin_value& out) {
    std::vector<tocsin_value>& items = values_.emplace_back();
    std::vector<tocsin_str>& keys = keys_.emplace_back();
    const std::uint32_t count = table == nullptr ? 0 : table->count;
    items.reserve(count);
    for (std::uint32_t i = 0; i < count; ++i) {
      const tocsin_option& option =
          sdk::Items<tocsin_option>(table->options, table->count, table->stride)[i];
      const std::string key = path + std::string(sdk::view(option.key));
      tocsin_value value{};
      if (!fill_option(option, key, value)) continue;
      items.push_back(value);
      keys.push_back(option.key);
    }
    make_map(items, keys, out);
  }

  bool fill_option(const tocsin_option& option, const std::string& key, tocsin_value& out) {
    if (option.type == TOCSIN_TABLE) {
      fill_table(option.table, key + ".", out);
      return out.count > 0;
    }
    if (const auto list = lists_.find(key); list != lists_.end()) {
      ++known_;
      std::vector<tocsin_value>& items = values_.emplace_back();
      for (const std::string& text : list->second) items.push_back(scalar(*option.element, text));
      head(TOCSIN_LIST, out);
      lend(items, out);
      return true;
    }
    if (const auto map = maps_.find(key); map != maps_.end()) {
      ++known_;
      std::vector<tocsin_value>& items = values_.emplace_back();
      std::vector<tocsin_str>& keys = keys_.emplace_back();
      for (const auto& [name, text] : map->second) {
        keys.push_back(keep(name));
        items.push_back(scalar(*option.element, text));
      }
      make_map(items, keys, out);
      return true;
    }
    const auto given = scalars_.find(key);
    if (given != scalars_.end()) ++known_;
    const std::string text =
        given != scalars_.end() ? given->second : std::string(sdk::view(option.default_text));
    if (given == scalars_.end() && (text.empty() || text == "{}" || text == "[]")) {
      if ((option.flags & TOCSIN_REQUIRED) != 0) {
        throw std::invalid_argument(key + " is required");
      }
      return false;
    }
    out = scalar(option, text);
    return true;
  }

  tocsin_value scalar(const tocsin_option& option, const std::string& text) {
    tocsin_value out{};
    head(option.type, out);
    switch (option.type) {
      case TOCSIN_BOOLEAN:
        out.integer = text == "true" ? 1 : 0;
        break;
      case TOCSIN_INTEGER:
        out.integer = static_cast<std::int64_t>(number(text, text.size()));
        out.number = static_cast<double>(out.integer);
        break;
      case TOCSIN_NUMBER:
        out.number = number(text, text.size());
        break;
      case TOCSIN_DURATION:
        out.integer = static_cast<std::int64_t>(measured(text, {{"ns", 1},
                                                                {"us", 1e3},
                                                                {"ms", 1e6},
                                                                {"s", 1e9},
                                                                {"m", 60e9},
                                                                {"h", 3600e9},
                                                                {"d", 86400e9}}));
        break;
      case TOCSIN_SIZE:
        out.integer = static_cast<std::int64_t>(
            measured(text, {{"B", 1}, {"KiB", 1024}, {"MiB", 1024 * 1024}, {"GiB", 1 << 30}}));
        break;
      case TOCSIN_RATE:
        out.number = number(text, text.find('/'));
        out.integer = text.ends_with("/m") ? 60'000'000'000 : 1'000'000'000;
        break;
      default:
        out.type = TOCSIN_STRING;
        out.text = keep(text);
    }
    return out;
  }

  static double number(const std::string& text, std::size_t length) {
    double value = 0;
    const char* end = text.data() + (length == text.npos ? text.size() : length);
    const auto [stop, error] = std::from_chars(text.data(), end, value);
    if (error != std::errc() || stop != end) throw std::invalid_argument(text + " is no number");
    return value;
  }
  static double measured(const std::string& text,
                         const std::vector<std::pair<std::string_view, double>>& units) {
    const std::size_t unit = text.find_first_not_of("0123456789.");
    for (const auto& [name, factor] : units) {
      if (unit != text.npos && text.substr(unit) == name) return number(text, unit) * factor;
    }
    if (text == "0") return 0;
    throw std::invalid_argument(text + " has no unit");
  }

  static void head(std::uint32_t type, tocsin_value& out) {
    out.size = sizeof(out);
    out.type = type;
  }
  static void lend(const std::vector<tocsin_value>& items, tocsin_value& out) {
    out.items = items.data();
    out.count = static_cast<std::uint32_t>(items.size());
    out.stride = sizeof(tocsin_value);
  }
  static void make_map(const std::vector<tocsin_value>& items, const std::vector<tocsin_str>& keys,
                       tocsin_value& out) {
    head(TOCSIN_MAP, out);
    lend(items, out);
    out.keys = keys.data();
  }
  tocsin_str keep(const std::string& text) { return sdk::to_c(texts_.emplace_back(text)); }

  std::map<std::string, std::string> scalars_;
  std::map<std::string, Texts> lists_;
  std::map<std::string, Pairs> maps_;
  std::size_t known_ = 0;
  std::deque<std::vector<tocsin_value>> values_;
  std::deque<std::vector<tocsin_str>> keys_;
  std::deque<std::string> texts_;
  tocsin_value root_{};
};

}  // namespace tocsin::testing
