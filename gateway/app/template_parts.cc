// Parts are read before anything is validated, because the validation compiles the templates that
// include them.

#include "gateway/app/template_parts.h"

#include <filesystem>
#include <optional>
#include <utility>

#include "gateway/config/key_advice.h"
#include "gateway/config/scalar_place.h"
#include "gateway/config/source_text.h"
#include "gateway/template/tags.h"

namespace tocsin::app {

namespace fs = std::filesystem;
using config::Node;

class TemplateParts::Reader {
 public:
  Reader(const config::Environment& environment, config::SourceFiles& sources,
         config::Diagnostics& faults)
      : environment_(environment), sources_(sources), faults_(faults) {}

  void part(const Node::Entry& entry, std::map<std::string, Part, std::less<>>& parts) {
    const std::string path = config::path_of_key("templates.parts", entry.key);
    const Node& value = entry.value;
    if (value.kind == Node::Kind::kScalar) return add(entry.key, {value, false}, path, parts);
    if (value.kind != Node::Kind::kMap) return;
    const Node::Entry* text = value.find("text");
    const Node::Entry* file = value.find("file");
    if (text != nullptr && text->value.kind == Node::Kind::kScalar) {
      add(entry.key, {text->value, false}, path + ".text", parts);
    } else if (file != nullptr && file->value.kind == Node::Kind::kScalar) {
      if (auto read = read_file(file->value, path + ".file")) {
        add(entry.key, {std::move(*read), true}, path + ".file", parts);
      }
    }
  }

 private:
  std::optional<Node> read_file(const Node& name, const std::string& path) {
    const fs::path base = name.place.file ? fs::path(*name.place.file).parent_path() : fs::path();
    std::string file = (base / name.text).lexically_normal().string();
    auto text = environment_.read_file(file, templates::kTemplateBytesMax);
    if (!text) {
      faults_.push_back({name.place, path, file + ": " + text.error().what,
                         "relative paths start where the configuration file is"});
      return std::nullopt;
    }
    Node read;
    read.kind = Node::Kind::kScalar;
    read.quoted = true;
    read.text = std::move(*text);
    read.place = {sources_.add(std::move(file), read.text), 1, 1};
    if (auto unfit = config::SourceText(read.text, read.place.file).unfit()) {
      faults_.push_back(std::move(*unfit));
      return std::nullopt;
    }
    return read;
  }

  void add(const std::string& name, Part part, const std::string& path,
           std::map<std::string, Part, std::less<>>& parts) {
    if (const auto tags = templates::read_tags(part.node.text); !tags) {
      faults_.push_back({place_of(part, tags.error().offset), path, tags.error().what, {}});
    }
    parts.insert_or_assign(name, std::move(part));
  }

  Place place_of(const Part& part, std::size_t offset) const {
    const Node& node = part.node;
    if (part.is_file) return config::SourceText(node.text, node.place.file).place_at(offset);
    if (!node.written.empty() || node.place.file == nullptr) return node.place;
    return config::place_in_scalar(sources_.text(*node.place.file), node.place, node.text, offset)
        .value_or(node.place);
  }

  const config::Environment& environment_;
  config::SourceFiles& sources_;
  config::Diagnostics& faults_;
};

namespace {

std::string_view text_of(const Node& map, std::string_view key) {
  const Node::Entry* entry = map.find(key);
  return entry != nullptr && entry->value.kind == Node::Kind::kScalar
             ? std::string_view(entry->value.text)
             : std::string_view();
}

}  // namespace

TemplateParts TemplateParts::read(const Node& root, const config::Environment& environment,
                                  config::SourceFiles& sources, config::Diagnostics& faults) {
  TemplateParts read;
  const Node::Entry* written = root.find("templates");
  if (written == nullptr) return read;
  const Node& settings = written->value;
  auto made = std::make_shared<templates::Settings>();
  made->missing = templates::parse_missing(text_of(settings, "missing"));
  if (const std::string zone(text_of(settings, "time_zone")); templates::is_time_zone(zone)) {
    made->zone = zone;
  }
  if (const Node::Entry* parts = settings.find("parts")) {
    Reader reader(environment, sources, faults);
    for (const Node::Entry& entry : parts->value.entries) reader.part(entry, read.parts_);
  }
  for (const auto& [name, part] : read.parts_) made->parts.emplace(name, part.node.text);
  read.settings_ = std::move(made);
  return read;
}

const TemplateParts::Part* TemplateParts::find(std::string_view name) const {
  const auto found = parts_.find(name);
  return found == parts_.end() ? nullptr : &found->second;
}

}  // namespace tocsin::app
