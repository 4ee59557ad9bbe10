#pragma once

#include <map>
#include <string>
#include <string_view>

#include "gateway/config/diagnostic.h"
#include "gateway/config/environment.h"
#include "gateway/config/node.h"
#include "gateway/template/settings.h"

namespace tocsin::app {

/// The parts of `templates.parts` with their places, and what the rest of `templates` says.
class TemplateParts {
 public:
  struct Part {
    config::Node node;     ///< a scalar; `text` is the part's
    bool is_file = false;  ///< the text is all of the file that the node's place names
  };

  TemplateParts() = default;

  /// Takes them from a tree that nobody has validated: what has another shape is left out and for
  /// the validation to refuse. Reads the files that parts name. Faults: files that cannot be read,
  /// and texts whose tags are broken, whoever includes them.
  static TemplateParts read(const config::Node& root, const config::Environment& environment,
                            config::SourceFiles& sources, config::Diagnostics& faults);

  const templates::SettingsPtr& settings() const { return settings_; }
  /// Null: there is none of that name.
  const Part* find(std::string_view name) const;

 private:
  class Reader;
  std::map<std::string, Part, std::less<>> parts_;
  templates::SettingsPtr settings_ = std::make_shared<const templates::Settings>();
};

}  // namespace tocsin::app
