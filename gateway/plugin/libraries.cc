#include "gateway/plugin/libraries.h"

#include <algorithm>
#include <filesystem>
#include <optional>
#include <system_error>
#include <tuple>

#include "gateway/plugin/trial_child.h"

namespace tocsin::plugin {

namespace {

// "output_slack.so" is output slack, "http_filter_cors.so" is http_filter cors.
std::optional<std::pair<Kind, std::string>> read_file_name(std::string_view file) {
  if (!file.ends_with(".so")) return std::nullopt;
  file.remove_suffix(3);
  for (const Kind kind : kKinds) {
    const std::string_view prefix = kind_name(kind);
    if (!file.starts_with(prefix) || file.size() <= prefix.size() || file[prefix.size()] != '_') {
      continue;
    }
    const std::string_view name = file.substr(prefix.size() + 1);
    if (is_plugin_name(name)) return std::pair(kind, std::string(name));
  }
  return std::nullopt;
}

}  // namespace

Libraries::Libraries(std::vector<std::string> folders, TableInspector inspect, Duration patience)
    : folders_(std::move(folders)), inspect_(std::move(inspect)), patience_(patience) {
  for (const std::string& folder : folders_) read_folder(folder);
  std::sort(files_.begin(), files_.end(), [](const Found& a, const Found& b) {
    return std::tie(a.kind, a.name, a.path) < std::tie(b.kind, b.name, b.path);
  });
}

void Libraries::read_folder(const std::string& folder) {
  std::error_code error;
  std::filesystem::directory_iterator entries(folder, error);
  if (error) {
    unreadable_.push_back(folder + ": " + error.message());
    return;
  }
  for (; entries != std::filesystem::directory_iterator(); entries.increment(error)) {
    if (error || files_.size() >= kFilesMax) return;
    const auto name = read_file_name(entries->path().filename().string());
    if (name) files_.push_back({name->first, name->second, entries->path().string()});
  }
}

Result<const Library*> Libraries::find(Kind kind, std::string_view name) {
  const Name key(kind, name);
  if (const auto known = answers_.find(key); known != answers_.end()) return known->second;
  return answers_.emplace(key, load(kind, name)).first->second;
}

// Whatever else is wrong with the file is found, and said, where it is loaded to stay.
Result<void> Libraries::try_loading(const Found& file) {
  if (Library::is_loaded(file.path)) return {};
  constexpr char kLoaded = 'y';
  TOCSIN_TRY_SET(child, TrialChild::start([&](int fd) {
                   (void)Library::open(file.path, file.kind, file.name, inspect_);
                   TrialChild::tell(fd, &kLoaded, sizeof(kLoaded));
                 }));
  char heard = 0;
  if (child.hear(&heard, sizeof(heard), SystemClock::instance().mono() + patience_)) return {};
  return fail(Code::kInvalid, file.path + ": " + child.end() + " while it was loaded");
}

Result<const Library*> Libraries::load(Kind kind, std::string_view name) {
  const Found* file = nullptr;
  for (const Found& found : files_) {
    if (found.kind != kind || found.name != name) continue;
    if (file != nullptr) {
      return fail(Code::kExists, std::string(kind_name(kind)) + " " + std::string(name) +
                                     " is there twice: " + file->path + " and " + found.path);
    }
    file = &found;
  }
  if (file == nullptr) {
    return fail(Code::kNotFound, "no folder of plugin_path has " + std::string(kind_name(kind)) +
                                     "_" + std::string(name) + ".so");
  }
  TOCSIN_TRY(try_loading(*file));
  TOCSIN_TRY_SET(library, Library::open(file->path, kind, name, inspect_));
  for (const Kind one : kKinds) {
    if (!library->has(one)) continue;
    const auto earlier = provided_.find(Name(one, name));
    if (earlier == provided_.end()) continue;
    return fail(Code::kExists, library->path() + ": " + std::string(kind_name(one)) + " " +
                                   std::string(name) + " is provided by " +
                                   earlier->second->path() + " already");
  }
  for (const Kind one : kKinds) {
    if (library->has(one)) provided_.emplace(Name(one, name), library.get());
  }
  libraries_.push_back(std::move(library));
  return libraries_.back().get();
}

}  // namespace tocsin::plugin
