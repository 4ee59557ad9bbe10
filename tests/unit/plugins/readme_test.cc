// plugins/README.md shows the options of every plugin as the plugin itself declares them.

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include "tests/unit/plugins/shipped_plugin.h"
#include "tocsin/sdk/text.hpp"

namespace tocsin {
namespace {

using sdk::view;

std::string code(std::string_view text) { return "`" + std::string(text) + "`"; }

// "a|b c" with words of its own around and between.
std::string listed(std::string_view from, std::string_view between) {
  std::string text;
  for (std::size_t at = 0; at <= from.size();) {
    const std::size_t end = std::min(from.find('|', at), from.size());
    text.append(text.empty() ? "" : between).append(code(from.substr(at, end - at)));
    at = end + 1;
  }
  return text;
}

std::string type_of(const tocsin_option& option) {
  constexpr const char* kTypes[] = {"boolean",  "integer", "number", "text", "duration",
                                    "size",     "rate",    "rate",   "",     "host:port",
                                    "list of ", "map of ", "table",  "",     "anything"};
  if (option.type == TOCSIN_CHOICE) return listed(view(option.choices), ", ");
  if ((option.flags & TOCSIN_TEMPLATE) != 0) return "template";
  std::string type = kTypes[option.type];
  if (option.element != nullptr) type += type_of(*option.element) + "s";
  if ((option.flags & TOCSIN_SECRET) != 0) type = "secret " + type;
  return type;
}

// Of texts and lists bounds are about their length, which says little.
std::string bounds_of(const tocsin_option& option) {
  const std::set<std::uint32_t> measured = {TOCSIN_INTEGER, TOCSIN_NUMBER, TOCSIN_DURATION,
                                            TOCSIN_SIZE};
  if (!measured.contains(option.type)) return {};
  const std::string min(view(option.min));
  const std::string max(view(option.max));
  if (min.empty()) return max.empty() ? "" : ", at most " + max;
  return max.empty() ? ", at least " + min : ", " + min + " to " + max;
}

std::string row_of(const tocsin_option& option) {
  const std::string_view given = view(option.default_text);
  const bool required = (option.flags & TOCSIN_REQUIRED) != 0;
  return "| " + code(view(option.key)) + " | " + type_of(option) + bounds_of(option) + " | " +
         (required        ? "required"
          : given.empty() ? "none"
                          : code(given)) +
         " | " + std::string(view(option.doc)) + " |\n";
}

std::string section_of(const std::string& kind, const tocsin_plugin& plugin) {
  std::string text = "### " + kind + "/" + std::string(view(plugin.name)) + "\n\n" +
                     std::string(view(plugin.doc)) + "\n";
  const tocsin_option_table* table = plugin.options;
  if (table == nullptr || table->count == 0) return text + "It has no options.\n";
  if (table->exactly_one_of.len > 0) {
    text += "Exactly one of " + listed(view(table->exactly_one_of), " and ") + " is given.\n";
  }
  text += "\n| option | value | default | what it does |\n| --- | --- | --- | --- |\n";
  for (const tocsin_option& option :
       sdk::Items<tocsin_option>(table->options, table->count, table->stride)) {
    text += row_of(option);
  }
  return text;
}

TEST(PluginsReadme, ShowsTheOptionsOfEveryShippedPlugin) {
  std::ostringstream read;
  read << std::ifstream(TOCSIN_SOURCE_DIR "/plugins/README.md").rdbuf();
  const std::string readme = read.str();
  int shown = 0;
  for (const auto& file : std::filesystem::directory_iterator(TOCSIN_PLUGINS)) {
    const std::string stem = file.path().stem().string();
    if (file.path().extension() != ".so") continue;
    const std::string section = section_of(stem.substr(0, stem.find('_')), *shipped(stem));
    EXPECT_NE(readme.find(section), std::string::npos) << "expected in it:\n\n" << section;
    ++shown;
  }
  EXPECT_GE(shown, 9);
}

}  // namespace
}  // namespace tocsin
