#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "gateway/base/result.h"

namespace tocsin::config {

/// All that configuration may see of the machine: variables and files. Calls may block, so it is
/// used on one thread at a time, which is no serving loop.
class Environment {
 public:
  virtual ~Environment() = default;

  virtual std::optional<std::string> variable(const std::string& name) const = 0;

  /// The whole file. Code::kFull when it is larger than `bytes_max`; the error's text is a sentence
  /// without the path.
  virtual Result<std::string> read_file(const std::string& path, std::size_t bytes_max) const = 0;

  /// Paths that match a pattern of glob(7), in byte order; empty when none does.
  virtual std::vector<std::string> glob(const std::string& pattern) const = 0;

  /// The same text for every spelling of one file, so that cycles are found.
  virtual std::string canonical(const std::string& path) const = 0;
};

/// The process's environment and file system.
class SystemEnvironment final : public Environment {
 public:
  std::optional<std::string> variable(const std::string& name) const override;
  Result<std::string> read_file(const std::string& path, std::size_t bytes_max) const override;
  std::vector<std::string> glob(const std::string& pattern) const override;
  std::string canonical(const std::string& path) const override;
};

/// Variables and files from memory, for tests and for checking a text that is not on disk. A
/// pattern matches by its text before the first '*' and after the last one.
class MemoryEnvironment final : public Environment {
 public:
  std::map<std::string, std::string> variables;
  std::map<std::string, std::string> files;

  std::optional<std::string> variable(const std::string& name) const override;
  Result<std::string> read_file(const std::string& path, std::size_t bytes_max) const override;
  std::vector<std::string> glob(const std::string& pattern) const override;
  std::string canonical(const std::string& path) const override { return path; }
};

}  // namespace tocsin::config
