#include "gateway/app/junit.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <string_view>

#include "gateway/base/text.h"

namespace tocsin::app {

namespace {

// For elements and attributes of XML 1.0, in which control characters have no form at all, nor has
// what is not UTF-8.
std::string escaped(std::string_view text) {
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t good = utf8_prefix(text.substr(at));
    for (const char c : text.substr(at, good)) {
      switch (c) {
        case '&':
          out += "&amp;";
          break;
        case '<':
          out += "&lt;";
          break;
        case '>':
          out += "&gt;";
          break;
        case '"':
          out += "&quot;";
          break;
        default:
          out += static_cast<unsigned char>(c) < 0x20 && c != '\n' ? '?' : c;
      }
    }
    at += good;
    if (at < text.size()) out += '?', ++at;
  }
  return out;
}

void attribute(std::string& out, std::string_view name, std::string_view value) {
  out.append(" ").append(name).append("=\"").append(escaped(value)).append("\"");
}

void count(std::string& out, std::string_view name, std::size_t number) {
  attribute(out, name, std::to_string(number));
}

void time(std::string& out, Duration took) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.3f", std::chrono::duration<double>(took).count());
  attribute(out, "time", text.data());
}

struct Counts {
  std::size_t tests = 0;
  std::size_t failures = 0;
  std::size_t errors = 0;
  Duration took{};

  void add(const JunitSuite& suite) {
    tests += suite.cases.size() + (suite.error.empty() ? 0 : 1);
    errors += suite.error.empty() ? 0 : 1;
    for (const JunitCase& one : suite.cases) {
      failures += one.failure.empty() ? 0 : 1;
      took += one.took;
    }
  }
  void write(std::string& out) const {
    count(out, "tests", tests);
    count(out, "failures", failures);
    count(out, "errors", errors);
    time(out, took);
  }
};

void problem(std::string& out, std::string_view element, const std::string& text) {
  out.append("      <").append(element);
  attribute(out, "message", std::string_view(text).substr(0, text.find('\n')));
  out.append(">").append(escaped(text)).append("</").append(element).append(">\n");
}

void write_case(std::string& out, const JunitSuite& suite, const JunitCase& one) {
  out += "    <testcase";
  attribute(out, "classname", suite.name);
  attribute(out, "name", one.name);
  if (one.place.file) attribute(out, "file", *one.place.file);
  if (one.place.line > 0) count(out, "line", one.place.line);
  time(out, one.took);
  if (one.failure.empty()) {
    out += "/>\n";
    return;
  }
  out += ">\n";
  problem(out, "failure", one.failure);
  out += "    </testcase>\n";
}

}  // namespace

std::string junit_xml(const std::vector<JunitSuite>& suites) {
  Counts all;
  for (const JunitSuite& suite : suites) all.add(suite);
  std::string out = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites";
  all.write(out);
  out += ">\n";
  for (const JunitSuite& suite : suites) {
    Counts counts;
    counts.add(suite);
    out += "  <testsuite";
    attribute(out, "name", suite.name);
    counts.write(out);
    out += ">\n";
    if (!suite.error.empty()) {
      out += "    <testcase";
      attribute(out, "classname", suite.name);
      attribute(out, "name", "can be run");
      out += ">\n";
      problem(out, "error", suite.error);
      out += "    </testcase>\n";
    }
    for (const JunitCase& one : suite.cases) write_case(out, suite, one);
    out += "  </testsuite>\n";
  }
  return out + "</testsuites>\n";
}

}  // namespace tocsin::app
