#include "gateway/config/load.h"

#include "gateway/config/include.h"
#include "gateway/config/preset.h"
#include "gateway/config/validation.h"

namespace tocsin::config {

tl::expected<LoadedConfig, Rejection> load(const std::string& path, const OptionTable& table,
                                           ComponentCatalog& catalog,
                                           const Environment& environment) {
  SourceFiles sources;
  tl::expected<FileSet, Diagnostics> files = read_files(path, environment, sources);
  if (!files) {
    sort_by_place(files.error());
    return tl::unexpected(Rejection{std::move(files.error()), std::move(sources)});
  }
  Diagnostics faults;
  apply_presets(files->root, catalog.preset_folders(files->root), environment, sources, faults);
  catalog.prepare(files->root, environment, sources, faults);
  if (!faults.empty()) {
    sort_by_place(faults);
    return tl::unexpected(Rejection{std::move(faults), std::move(sources)});
  }
  tl::expected<Value, Diagnostics> root = validate(files->root, table, catalog, sources);
  if (!root) return tl::unexpected(Rejection{std::move(root.error()), std::move(sources)});
  return LoadedConfig{std::move(*root), std::move(files->files), std::move(sources),
                      std::move(files->warnings)};
}

}  // namespace tocsin::config
