// The macros come from build_info.cmake, which alone knows the tree's revision and the packages.

#include "gateway/app/command_version.h"

#include <array>
#include <string_view>
#include <utility>

#include "gateway/base/text.h"

namespace tocsin::app {

namespace {

struct Fact {
  std::string_view name;
  std::string_view value;
};

constexpr std::array<Fact, 6> kFacts = {{{"version", TOCSIN_VERSION},
                                         {"revision", TOCSIN_REVISION},
                                         {"build_type", TOCSIN_BUILD_TYPE},
                                         {"sanitizers", TOCSIN_SANITIZERS},
                                         {"compiler", TOCSIN_COMPILER},
                                         {"system", TOCSIN_SYSTEM}}};

constexpr std::array<Fact, 7> kLibraries = {{{"libuv", TOCSIN_LIBUV_VERSION},
                                             {"llhttp", TOCSIN_LLHTTP_VERSION},
                                             {"c-ares", TOCSIN_CARES_VERSION},
                                             {"yaml-cpp", TOCSIN_YAML_VERSION},
                                             {"spdlog", TOCSIN_SPDLOG_VERSION},
                                             {"prometheus-cpp", TOCSIN_PROMETHEUS_VERSION},
                                             {"CLI11", TOCSIN_CLI11_VERSION}}};

void append_member(std::string& out, const Fact& fact) {
  append_json_string(out, fact.name);
  out += ":";
  append_json_string(out, fact.value);
}

std::string as_json() {
  std::string out = "{";
  for (const Fact& fact : kFacts) {
    append_member(out, fact);
    out += ",";
  }
  out += "\"libraries\":{";
  bool first = true;
  for (const Fact& library : kLibraries) {
    if (library.value.empty()) continue;  // not every package tells its version
    if (!std::exchange(first, false)) out += ",";
    append_member(out, library);
  }
  return out + "}}\n";
}

void append_row(std::string& out, const Fact& fact) {
  constexpr std::size_t kColumn = 16;
  if (fact.value.empty()) return;
  out.append("  ").append(fact.name).append(kColumn - fact.name.size(), ' ');
  out.append(fact.value).append("\n");
}

}  // namespace

std::string_view version() { return TOCSIN_VERSION; }

std::string version_text(bool json) {
  if (json) return as_json();
  std::string out = "tocsin " TOCSIN_VERSION "\n";
  for (std::size_t i = 1; i < kFacts.size(); ++i) append_row(out, kFacts[i]);
  out += "built with\n";
  for (const Fact& library : kLibraries) append_row(out, library);
  return out;
}

}  // namespace tocsin::app
