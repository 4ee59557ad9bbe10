#pragma once

#include <dlfcn.h>
#include <gtest/gtest.h>

#include <string>

#include "tocsin/plugin.h"

namespace tocsin {

/// A plugin of this repository as the shared object that is shipped, by its file's name without
/// ".so". Stays loaded.
inline const tocsin_plugin* shipped(const std::string& name) {
  const std::string path = TOCSIN_PLUGINS "/" + name + ".so";
  void* object = ::dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  EXPECT_NE(object, nullptr) << ::dlerror();
  return reinterpret_cast<tocsin_entry_fn>(::dlsym(object, "tocsin_plugin_v0"))();
}

}  // namespace tocsin
