#What `tocsin plugins new` writes : the files of sdk / template, as one source file.
set(tocsin_templates "")
file(GLOB tocsin_template_files CONFIGURE_DEPENDS RELATIVE ${PROJECT_SOURCE_DIR}/sdk/template
  ${PROJECT_SOURCE_DIR}/sdk/template/*/*)
foreach(file ${tocsin_template_files})
  get_filename_component(kind ${file} DIRECTORY)
  get_filename_component(name ${file} NAME)
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/sdk/template/${file})
  file(READ ${PROJECT_SOURCE_DIR}/sdk/template/${file} text)
  string(APPEND tocsin_templates "    {\"${kind}\", \"${name}\", R\"template(${text})template\"},\n")
endforeach()
file(CONFIGURE OUTPUT ${CMAKE_CURRENT_BINARY_DIR}/plugin_templates.cc @ONLY CONTENT
"#include \"gateway/app/plugin_templates.h\"

namespace tocsin::app {

namespace {

constexpr PluginTemplate kTemplates[] = {
@tocsin_templates@};

}  // namespace

std::span<const PluginTemplate> plugin_templates() { return kTemplates; }

}  // namespace tocsin::app
")
target_sources(tocsin_app PRIVATE ${CMAKE_CURRENT_BINARY_DIR}/plugin_templates.cc)
