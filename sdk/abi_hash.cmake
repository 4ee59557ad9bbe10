# Writes tocsin/abi_hash.h into OUTPUT_DIR: what a plugin was compiled with, compared when it is
# loaded.
function(tocsin_write_abi_hash include_dir output_dir)
  set(hashed "")
  foreach(header options.h ledger.h plugin.h life.h storage.h)
    file(SHA256 "${include_dir}/tocsin/${header}" one)
    string(APPEND hashed "${one}")
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${include_dir}/tocsin/${header}")
  endforeach()
  string(SHA256 hash "${hashed}")
  file(CONFIGURE OUTPUT "${output_dir}/tocsin/abi_hash.h" CONTENT
    "#ifndef TOCSIN_ABI_HASH\n#define TOCSIN_ABI_HASH \"${hash}\"\n#endif\n")
endfunction()
