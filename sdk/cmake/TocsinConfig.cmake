# The SDK of the Tocsin gateway: header-only, nothing to link.
#
#   Tocsin::sdk      the contract (tocsin/plugin.h) and the C++ over it (tocsin/plugin.hpp)
#   Tocsin::testing  the same with the fake host (tocsin/testing/fake_host.hpp)
#   tocsin_add_plugin(KIND NAME SOURCE...)  builds KIND_NAME.so
get_filename_component(TOCSIN_SDK_PREFIX "${CMAKE_CURRENT_LIST_DIR}/../../.." ABSOLUTE)

if(NOT TARGET Tocsin::sdk)
  add_library(Tocsin::sdk INTERFACE IMPORTED)
  set_target_properties(Tocsin::sdk PROPERTIES
    INTERFACE_INCLUDE_DIRECTORIES "${TOCSIN_SDK_PREFIX}/include"
    INTERFACE_COMPILE_FEATURES cxx_std_20)
  add_library(Tocsin::testing INTERFACE IMPORTED)
  set_target_properties(Tocsin::testing PROPERTIES INTERFACE_LINK_LIBRARIES Tocsin::sdk)
endif()

function(tocsin_add_plugin kind name)
  set(target ${kind}_${name})
  add_library(${target} MODULE ${ARGN})
  target_link_libraries(${target} PRIVATE Tocsin::sdk)
  # The entry alone is visible, and libraries linked in stay the plugin's own.
  target_link_options(${target} PRIVATE -Wl,--exclude-libs,ALL)
  set_target_properties(${target} PROPERTIES PREFIX "" CXX_VISIBILITY_PRESET hidden
    VISIBILITY_INLINES_HIDDEN ON)
endfunction()
