#include "gateway/script/scripts.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <optional>
#include <system_error>
#include <tuple>

namespace tocsin::script {

namespace {

constexpr std::size_t kNameBytesMax = 64;

bool is_plugin_name(std::string_view name) {
  if (name.empty() || name.size() > kNameBytesMax || name[0] < 'a' || name[0] > 'z') return false;
  return std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
  });
}

// "output_chat_webhook.lua" is output chat_webhook.
std::optional<std::pair<Kind, std::string>> read_file_name(std::string_view file) {
  if (!file.ends_with(".lua")) return std::nullopt;
  file.remove_suffix(4);
  for (const Kind kind : {Kind::kFilter, Kind::kOutput}) {
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

Scripts::Scripts(std::vector<std::string> folders, TableInspector inspect,
                 std::vector<std::string> library)
    : inspect_(std::move(inspect)), module_folders_{std::move(library), std::move(folders)} {
  for (const std::string& folder : module_folders_.others) {
    std::error_code error;
    std::filesystem::directory_iterator entries(folder, error);
    for (; !error && entries != std::filesystem::directory_iterator(); entries.increment(error)) {
      if (files_.size() >= kFilesMax) break;
      const auto name = read_file_name(entries->path().filename().string());
      if (name) files_.push_back({name->first, name->second, entries->path().string()});
    }
  }
  std::sort(files_.begin(), files_.end(), [](const Found& a, const Found& b) {
    return std::tie(a.kind, a.name, a.path) < std::tie(b.kind, b.name, b.path);
  });
}

Result<std::shared_ptr<const Script>> Scripts::find(Kind kind, std::string_view name) {
  const Name key(kind, name);
  if (const auto known = answers_.find(key); known != answers_.end()) return known->second;
  return answers_.emplace(key, load(kind, name)).first->second;
}

Result<std::shared_ptr<const Script>> Scripts::load(Kind kind, std::string_view name) {
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
                                     "_" + std::string(name) + ".lua");
  }
  TOCSIN_TRY_SET(script, Script::open(file->path, kind, name, inspect_, module_folders_));
  return std::shared_ptr<const Script>(std::move(script));
}

}  // namespace tocsin::script
