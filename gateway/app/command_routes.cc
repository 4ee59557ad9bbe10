#include "gateway/app/command_routes.h"

#include <algorithm>
#include <fstream>
#include <utility>

#include "gateway/app/junit.h"
#include "gateway/app/load_gateway.h"
#include "gateway/app/rehearsal_ground.h"
#include "gateway/app/rejection_text.h"
#include "gateway/app/route_suite.h"
#include "gateway/app/suite_run.h"
#include "gateway/app/text_table.h"

namespace tocsin::app {

namespace {

class SuiteTest {
 public:
  SuiteTest(const RouteTestArguments& arguments, const config::Environment& environment)
      : arguments_(arguments), environment_(environment) {}

  void run(const std::string& path) {
    const auto suite = load_route_suite(path, environment_);
    if (!suite) return refuse(path, suite.error(), path);
    const std::string config_path =
        arguments_.config_path.empty() ? suite->config_path : arguments_.config_path;
    if (config_path.empty()) {
      const Place whole{std::make_shared<const std::string>(path), 0, 0};
      return refuse(path,
                    {{{whole,
                       {},
                       "it is not said which configuration this suite is for",
                       "write config: FILE, or give -c FILE",
                       false}},
                     suite->sources},
                    path);
    }
    // A catalog each: it learns the folders of plugins from the configuration.
    PluginCatalog catalog;
    const auto loaded = load_gateway(config_path, catalog, environment_);
    if (!loaded) return refuse(path, loaded.error(), config_path);
    config::Diagnostics names = check_suite_names(*suite, loaded->root);
    if (!names.empty()) return refuse(path, {std::move(names), suite->sources}, path);
    // Made only now: plugins are tried in a fork, and the fewer threads there are then the better.
    RehearsalGround ground;
    const auto results = run_suite(*suite, *loaded, catalog, ground.lent(), arguments_.clock);
    if (!results) return refuse(path, {results.error(), loaded->sources}, config_path);
    tell(*suite, *results);
  }

  CommandOutput finish() {
    if (!arguments_.junit_path.empty()) {
      std::ofstream file(arguments_.junit_path, std::ios::binary | std::ios::trunc);
      file << junit_xml(junit_);
      if (!file.flush()) {
        output_.exit_code = kFaultExit;
        output_.err += "tocsin: " + arguments_.junit_path + ": it cannot be written\n";
      }
    }
    return std::move(output_);
  }

 private:
  void refuse(const std::string& suite, const config::Rejection& why, const std::string& file) {
    const CommandOutput refused = rejected(why, {file, false, arguments_.colour});
    output_.exit_code = kFaultExit;
    output_.err += refused.err;
    std::string text;
    for (const config::Diagnostic& fault : why.diagnostics) text += one_line(fault) + "\n";
    junit_.push_back({suite, text, {}});
  }

  void tell(const RouteSuite& suite, const std::vector<CaseResult>& results) {
    JunitSuite junit{suite.path, {}, {}};
    for (const CaseResult& result : results) {
      std::string text;
      for (const std::string& line : result.complaints) text += line + "\n";
      junit.cases.push_back({result.tried->name, result.tried->place, text, result.took});
      if (!result.passed()) tell_failure(result);
    }
    junit_.push_back(std::move(junit));
    const auto passed =
        static_cast<std::size_t>(std::ranges::count_if(results, &CaseResult::passed));
    const std::size_t failed = results.size() - passed;
    if (failed > 0) output_.exit_code = kFaultExit;
    output_.out += suite.path + ": " + std::to_string(results.size()) +
                   (results.size() == 1 ? " case, " : " cases, ") +
                   toned(std::to_string(passed) + " passed", Tone::kGood, arguments_.colour);
    if (failed > 0) {
      output_.out +=
          ", " + toned(std::to_string(failed) + " failed", Tone::kBad, arguments_.colour);
    }
    output_.out += "\n";
  }

  void tell_failure(const CaseResult& result) {
    output_.out += result.tried->place.text() + ": " +
                   toned("FAILED", Tone::kBad, arguments_.colour) + ": " +
                   printable(result.tried->name) + "\n";
    for (const std::string& line : result.complaints) {
      output_.out += "    " + printable(line) + "\n";
    }
  }

  const RouteTestArguments& arguments_;
  const config::Environment& environment_;
  CommandOutput output_;
  std::vector<JunitSuite> junit_;
};

}  // namespace

CommandOutput test_routes(const RouteTestArguments& arguments,
                          const config::Environment& environment) {
  SuiteTest test(arguments, environment);
  for (const std::string& suite : arguments.suites) test.run(suite);
  return test.finish();
}

}  // namespace tocsin::app
