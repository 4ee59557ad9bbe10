#pragma once

#include <string>
#include <vector>

#include "gateway/base/clock.h"
#include "gateway/base/value.h"

namespace tocsin::app {

/// Test results in the XML that CI systems read (JUnit's, as its Ant task wrote it).
struct JunitCase {
  std::string name;
  Place place;
  std::string failure;  ///< what is wrong, in lines; empty: it passed
  Duration took{};
};

struct JunitSuite {
  std::string name;
  std::string error;  ///< why it could not be run at all; empty: it was
  std::vector<JunitCase> cases;
};

std::string junit_xml(const std::vector<JunitSuite>& suites);

}  // namespace tocsin::app
