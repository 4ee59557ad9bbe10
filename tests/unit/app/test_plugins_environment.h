#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "gateway/config/environment.h"

namespace tocsin::app {

/// The file system as it is, and one variable: the folder of plugins that a test's configuration
/// names as ${TEST_PLUGINS}.
class TestPluginsEnvironment final : public config::Environment {
 public:
  explicit TestPluginsEnvironment(std::string folder) : folder_(std::move(folder)) {}

  std::optional<std::string> variable(const std::string& name) const override {
    return name == "TEST_PLUGINS" ? std::optional(folder_) : std::nullopt;
  }
  Result<std::string> read_file(const std::string& path, std::size_t bytes_max) const override {
    return system_.read_file(path, bytes_max);
  }
  std::vector<std::string> glob(const std::string& pattern) const override {
    return system_.glob(pattern);
  }
  std::string canonical(const std::string& path) const override { return system_.canonical(path); }

 private:
  const std::string folder_;
  const config::SystemEnvironment system_;
};

}  // namespace tocsin::app
