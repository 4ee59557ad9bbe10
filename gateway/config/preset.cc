// Presets are put in before anything is validated: from then on nobody needs to know what an
// operator wrote and what came with the gateway, and a fault stands where it was written.

#include "gateway/config/preset.h"

#include <algorithm>
#include <map>
#include <optional>
#include <string_view>
#include <utility>

#include "gateway/base/text.h"
#include "gateway/config/interpolation.h"
#include "gateway/config/key_advice.h"
#include "gateway/config/limits.h"
#include "gateway/config/yaml_reader.h"

namespace tocsin::config {

namespace {

constexpr std::string_view kPresetKey = "preset";
constexpr std::string_view kTypeKey = "type";
constexpr std::string_view kEnding = ".yaml";

// No name leads out of the folders.
bool is_name(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_';
  });
}

// What `into` does not have.
void fill_in(Node& into, const Node& from) {
  for (const Node::Entry& entry : from.entries) {
    const auto own = std::ranges::find(into.entries, entry.key, &Node::Entry::key);
    if (own == into.entries.end()) {
      into.entries.push_back(entry);
    } else if (own->value.kind == Node::Kind::kMap && entry.value.kind == Node::Kind::kMap) {
      fill_in(own->value, entry.value);
    }
  }
}

class PresetFiller {
 public:
  PresetFiller(const std::vector<std::string>& folders, const Environment& environment,
               SourceFiles& sources, Diagnostics& faults)
      : folders_(folders), environment_(environment), sources_(sources), faults_(faults) {}

  void fill(Node::Entry& output) {
    const Node::Entry* named = output.value.find(kPresetKey);
    if (named == nullptr || named->value.kind != Node::Kind::kScalar) return;
    path_ = path_of_key("outputs", output.key) + "." + std::string(kPresetKey);
    const Node name = named->value;
    if (!is_name(name.text)) {
      return blame(name.place, "a preset's name has letters, digits, - and _",
                   "gateway.preset_path names further folders of presets");
    }
    const Node* preset = find(name);
    if (preset == nullptr || !same_type(output.value, *preset, name)) return;
    fill_in(output.value, *preset);
  }

 private:
  void blame(const Place& place, std::string message, std::string hint) {
    if (faults_.size() < kDiagnosticsMax) {
      faults_.push_back({place, path_, std::move(message), std::move(hint)});
    }
  }

  // Each file is read once; null: that was told.
  const Node* find(const Node& name) {
    const auto known = read_.find(name.text);
    if (known == read_.end()) read_.emplace(name.text, read(name));
    const std::optional<Node>& preset = read_.at(name.text);
    return preset ? &*preset : nullptr;
  }

  std::optional<Node> read(const Node& name) {
    for (const std::string& folder : folders_) {
      const std::string path = folder + "/" + name.text + std::string(kEnding);
      const std::vector<std::string> there =
          environment_.glob(folder + "/*" + std::string(kEnding));
      if (std::ranges::find(there, path) == there.end()) continue;
      Result<std::string> text = environment_.read_file(path, kFileBytesMax);
      if (text) return parsed(path, std::move(*text));
      blame(name.place, "the preset " + path + " cannot be read: " + text.error().what, {});
      return std::nullopt;
    }
    blame(name.place, "there is no preset \"" + name.text + "\"", advice(name.text));
    return std::nullopt;
  }

  std::optional<Node> parsed(const std::string& path, std::string text) {
    const auto file = sources_.add(path, std::move(text));
    auto root = read_yaml(sources_.text(path), file);
    if (!root) {
      std::ranges::move(root.error(), std::back_inserter(faults_));
      return std::nullopt;
    }
    if (root->kind != Node::Kind::kMap) {
      blame(root->place,
            "a preset holds keys of an output, and this is " + std::string(kind_name(root->kind)),
            "write type: webhook and what else "
            "it sets");
      return std::nullopt;
    }
    interpolate_tree(*root, environment_, faults_);
    std::erase_if(root->entries, [](const Node::Entry& entry) { return entry.key == kPresetKey; });
    return std::move(*root);
  }

  bool same_type(const Node& output, const Node& preset, const Node& name) {
    const Node::Entry* own = output.find(kTypeKey);
    const Node::Entry* its = preset.find(kTypeKey);
    if (own == nullptr || its == nullptr || own->value.text == its->value.text) return true;
    blame(own->value.place,
          "the preset " + name.text + " is for outputs of type " + its->value.text,
          "write type: " + its->value.text);
    return false;
  }

  std::string advice(std::string_view name) const {
    std::vector<std::string> names;
    for (const std::string& folder : folders_) {
      for (const std::string& path : environment_.glob(folder + "/*" + std::string(kEnding))) {
        const std::string_view file = std::string_view(path).substr(path.rfind('/') + 1);
        names.emplace_back(file.substr(0, file.size() - kEnding.size()));
      }
    }
    std::ranges::sort(names);
    names.erase(std::unique(names.begin(), names.end()), names.end());
    const std::vector<std::string_view> views(names.begin(), names.end());
    if (const auto meant = closest(name, views)) return "did you mean " + std::string(*meant) + "?";
    if (names.empty()) return "gateway.preset_path names folders of presets";
    std::string list = "there are ";
    for (const std::string& one : names) list += (list.size() > 10 ? ", " : "") + one;
    return list;
  }

  const std::vector<std::string>& folders_;
  const Environment& environment_;
  SourceFiles& sources_;
  Diagnostics& faults_;
  std::map<std::string, std::optional<Node>, std::less<>> read_;
  std::string path_;  // of the output that is looked at
};

}  // namespace

void apply_presets(Node& root, const std::vector<std::string>& folders,
                   const Environment& environment, SourceFiles& sources, Diagnostics& faults) {
  const auto outputs = std::ranges::find(root.entries, "outputs", &Node::Entry::key);
  if (outputs == root.entries.end()) return;
  PresetFiller filler(folders, environment, sources, faults);
  for (Node::Entry& output : outputs->value.entries) filler.fill(output);
}

}  // namespace tocsin::config
