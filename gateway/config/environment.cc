#include "gateway/config/environment.h"

#include <fcntl.h>
#include <glob.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>

namespace tocsin::config {

namespace {

class OpenFile {
 public:
  // Without O_NONBLOCK a FIFO nobody writes to would stop the gateway's start for ever.
  explicit OpenFile(const std::string& path)
      : fd_(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)) {}
  OpenFile(const OpenFile&) = delete;
  OpenFile& operator=(const OpenFile&) = delete;
  ~OpenFile() {
    if (fd_ >= 0) ::close(fd_);
  }
  int fd() const { return fd_; }

 private:
  int fd_;
};

Error cannot_read(int error_number) { return system_error(error_number, "it cannot be read"); }

Error too_large(std::size_t bytes_max) {
  return Error{Code::kFull, "it is larger than " + std::to_string(bytes_max) + " bytes", {}};
}

}  // namespace

std::optional<std::string> SystemEnvironment::variable(const std::string& name) const {
  const char* value = std::getenv(name.c_str());  // NOLINT(concurrency-mt-unsafe): nobody sets any
  if (value == nullptr) return std::nullopt;
  return std::string(value);
}

Result<std::string> SystemEnvironment::read_file(const std::string& path,
                                                 std::size_t bytes_max) const {
  const OpenFile file(path);
  if (file.fd() < 0) return tl::unexpected(cannot_read(errno));
  struct stat status = {};
  if (::fstat(file.fd(), &status) != 0) return tl::unexpected(cannot_read(errno));
  if (S_ISDIR(status.st_mode)) return fail(Code::kInvalid, "it is a directory");
  if (!S_ISREG(status.st_mode)) return fail(Code::kInvalid, "it is not a regular file");

  std::string text;
  std::array<char, 16384> chunk;
  while (true) {
    const ssize_t got = ::read(file.fd(), chunk.data(), chunk.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return tl::unexpected(cannot_read(errno));
    if (got == 0) return text;
    text.append(chunk.data(), static_cast<std::size_t>(got));
    if (text.size() > bytes_max) return tl::unexpected(too_large(bytes_max));
  }
}

std::vector<std::string> SystemEnvironment::glob(const std::string& pattern) const {
  glob_t matches = {};
  std::vector<std::string> paths;
  // NOLINTNEXTLINE(concurrency-mt-unsafe): only for ~user, and for variables, which nobody sets
  if (::glob(pattern.c_str(), 0, nullptr, &matches) == 0) {
    paths.assign(matches.gl_pathv, matches.gl_pathv + matches.gl_pathc);
  }
  ::globfree(&matches);
  std::sort(paths.begin(), paths.end());  // glob's own order depends on the locale
  return paths;
}

std::string SystemEnvironment::canonical(const std::string& path) const {
  char* resolved = ::realpath(path.c_str(), nullptr);
  if (resolved == nullptr) return path;
  std::string text(resolved);
  std::free(resolved);  // NOLINT(cppcoreguidelines-no-malloc): realpath's memory
  return text;
}

std::optional<std::string> MemoryEnvironment::variable(const std::string& name) const {
  const auto found = variables.find(name);
  if (found == variables.end()) return std::nullopt;
  return found->second;
}

Result<std::string> MemoryEnvironment::read_file(const std::string& path,
                                                 std::size_t bytes_max) const {
  const auto found = files.find(path);
  if (found == files.end()) return tl::unexpected(cannot_read(ENOENT));
  if (found->second.size() > bytes_max) return tl::unexpected(too_large(bytes_max));
  return found->second;
}

std::vector<std::string> MemoryEnvironment::glob(const std::string& pattern) const {
  const std::string_view view = pattern;
  const std::string_view before = view.substr(0, view.find('*'));
  const std::string_view after = view.substr(view.rfind('*') + 1);
  std::vector<std::string> paths;
  for (const auto& [path, text] : files) {
    const bool long_enough = path.size() >= before.size() + after.size();
    if (long_enough && path.starts_with(before) && path.ends_with(after)) paths.push_back(path);
  }
  return paths;
}

}  // namespace tocsin::config
