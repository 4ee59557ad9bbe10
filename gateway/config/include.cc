#include "gateway/config/include.h"

#include <algorithm>
#include <map>
#include <unordered_map>

#include "gateway/config/interpolation.h"
#include "gateway/config/limits.h"
#include "gateway/config/yaml_reader.h"

namespace tocsin::config {

namespace {

constexpr std::string_view kIncludeKey = "include";

bool is_pattern(std::string_view path) { return path.find_first_of("*?[") != path.npos; }

std::string beside(const std::string& including_file, const std::string& path) {
  const std::size_t slash = including_file.rfind('/');
  if (path.starts_with('/') || slash == std::string::npos) return path;
  return including_file.substr(0, slash + 1) + path;
}

// Moves what `from` holds into `into`, both mappings or both lists.
class Merger {
 public:
  explicit Merger(Diagnostics& faults) : faults_(faults) {}

  void merge(Node& into, Node&& from) {
    std::unordered_map<std::string, std::size_t> index;
    for (std::size_t i = 0; i < into.entries.size(); ++i) index.emplace(into.entries[i].key, i);
    for (Node::Entry& entry : from.entries) {
      const auto found = index.find(entry.key);
      if (found == index.end()) {
        into.entries.push_back(std::move(entry));
      } else {
        merge_entry(into.entries[found->second], std::move(entry));
      }
    }
  }

 private:
  void merge_entry(Node::Entry& into, Node::Entry&& from) {
    const Node::Kind kind = into.value.kind;
    if (from.value.kind == Node::Kind::kNull) return;
    if (kind == Node::Kind::kNull) {
      into = std::move(from);
    } else if (kind == Node::Kind::kMap && from.value.kind == kind) {
      merge(into.value, std::move(from.value));
    } else if (kind == Node::Kind::kList && from.value.kind == kind) {
      std::move(from.value.items.begin(), from.value.items.end(),
                std::back_inserter(into.value.items));
    } else if (faults_.size() < kDiagnosticsMax) {
      faults_.push_back({from.key_place,
                         {},
                         "the key \"" + from.key + "\" is set in two files",
                         "it is already at " + into.key_place.text() + ": keep one of the two"});
    }
  }

  Diagnostics& faults_;
};

class FileReader {
 public:
  FileReader(const Environment& environment, SourceFiles& sources)
      : environment_(environment), sources_(sources) {}

  tl::expected<FileSet, Diagnostics> run(const std::string& path) {
    Place whole_file{std::make_shared<const std::string>(path), 0, 0};
    Result<std::string> text = environment_.read_file(path, kFileBytesMax);
    if (!text) {
      return tl::unexpected(Diagnostics{{std::move(whole_file), {}, text.error().what, {}}});
    }
    const std::string canonical = environment_.canonical(path);
    seen_.emplace(canonical, whole_file);
    Node root = read_text(path, canonical, std::move(*text));
    if (faults_.empty() && root.kind == Node::Kind::kNull) {
      blame(whole_file, std::string(kEmptyFile), "describe at least one listener");
    }
    if (!faults_.empty()) return tl::unexpected(std::move(faults_));
    return FileSet{std::move(root), std::move(files_), std::move(warnings_)};
  }

 private:
  void blame(Place place, std::string message, std::string hint) {
    faults_.push_back({std::move(place), {}, std::move(message), std::move(hint)});
  }

  // One file and what it includes. On a fault the tree is whatever could be read.
  Node read_text(const std::string& path, const std::string& canonical, std::string text) {
    auto name = sources_.add(path, std::move(text));
    files_.push_back(path);
    auto parsed = read_yaml(sources_.text(path), name);
    if (!parsed) {
      std::move(parsed.error().begin(), parsed.error().end(), std::back_inserter(faults_));
      return {};
    }
    Node root = std::move(*parsed);
    if (root.kind != Node::Kind::kMap && root.kind != Node::Kind::kNull) {
      blame(root.place, "the file holds " + std::string(kind_name(root.kind)) + ", not settings",
            "write key: value lines, such as listeners:");
      return {};
    }
    interpolate_tree(root, environment_, faults_);
    open_.push_back(canonical);
    follow_includes(root, path);
    open_.pop_back();
    return root;
  }

  void follow_includes(Node& root, const std::string& path) {
    const auto found = std::find_if(root.entries.begin(), root.entries.end(),
                                    [](const Node::Entry& e) { return e.key == kIncludeKey; });
    if (found == root.entries.end()) return;
    const Node include = std::move(found->value);
    root.entries.erase(found);
    if (include.kind == Node::Kind::kScalar) return include_one(root, include, path);
    if (include.kind != Node::Kind::kList) {
      const bool map = include.kind == Node::Kind::kMap;
      return blame(include.place,
                   "include takes a path or a list of paths, and this is " +
                       std::string(map ? "a mapping" : "nothing"),
                   "write include: conf.d/*.yaml");
    }
    for (const Node& item : include.items) include_one(root, item, path);
  }

  void include_one(Node& root, const Node& item, const std::string& path) {
    if (item.kind != Node::Kind::kScalar || item.text.empty()) {
      return blame(item.place, "include takes paths, and this is none",
                   "write include: conf.d/*.yaml");
    }
    const std::string target = beside(path, item.text);
    if (!is_pattern(target)) return include_file(root, item.place, target);
    const std::vector<std::string> matches = environment_.glob(target);
    for (const std::string& match : matches) include_file(root, item.place, match);
    if (!matches.empty()) return;
    warnings_.push_back({item.place, {}, "the pattern " + target + " matches no file", {}});
  }

  void include_file(Node& root, const Place& place, const std::string& path) {
    const std::string canonical = environment_.canonical(path);
    if (std::find(open_.begin(), open_.end(), canonical) != open_.end()) {
      return blame(place, "the file " + path + " includes itself, directly or through others",
                   "keep included files in a directory of their own, such as conf.d/");
    }
    if (const auto [first, is_new] = seen_.emplace(canonical, place); !is_new) {
      return blame(place, "the file " + path + " is included a second time",
                   "it is already included at " + first->second.text());
    }
    if (open_.size() > kIncludeDepthMax || seen_.size() > kFilesMax) {
      return blame(place,
                   open_.size() > kIncludeDepthMax
                       ? "includes are nested deeper than " + std::to_string(kIncludeDepthMax)
                       : "more than " + std::to_string(kFilesMax) + " files are included",
                   "join some of them");
    }
    Result<std::string> text = environment_.read_file(path, kFileBytesMax);
    if (!text) {
      return blame(place, "the file " + path + " cannot be included: " + text.error().what,
                   "paths start at the directory of the file that includes");
    }
    Node included = read_text(path, canonical, std::move(*text));
    if (included.kind == Node::Kind::kNull) return;
    if (root.kind == Node::Kind::kNull) root.kind = Node::Kind::kMap;
    Merger(faults_).merge(root, std::move(included));
  }

  const Environment& environment_;
  SourceFiles& sources_;
  Diagnostics faults_;
  Diagnostics warnings_;
  std::vector<std::string> files_;
  std::vector<std::string> open_;      // canonical, the main file first
  std::map<std::string, Place> seen_;  // canonical, with the place that included it
};

}  // namespace

tl::expected<FileSet, Diagnostics> read_files(const std::string& path,
                                              const Environment& environment,
                                              SourceFiles& sources) {
  return FileReader(environment, sources).run(path);
}

}  // namespace tocsin::config
