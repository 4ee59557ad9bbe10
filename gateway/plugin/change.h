#pragma once

#include <cstdint>

#include "gateway/base/option.h"
#include "gateway/base/value.h"
#include "tocsin/plugin.h"

namespace tocsin::plugin {

/// What other settings mean for an instance.
enum class Change : std::uint8_t {
  kSame,        ///< it is kept and hears nothing
  kReloadable,  ///< only options that are flagged so differ: Instance::reconfigure
  kNew          ///< another instance takes its place
};

/// Compares what an instance was made from with what is wanted now: descriptor and settings, both
/// accepted by `options`, the table of the wanted one. Places and the gateway's own keys
/// (kGatewayKeys) say nothing. kReloadable only when the plugin can be reconfigured.
Change change_of(const tocsin_plugin& was, const Value& had, const tocsin_plugin& is,
                 const Value& wanted, const OptionTable& options);

/// The same of settings alone, of code that is the same and can take other values.
Change change_of(const Value& had, const Value& wanted, const OptionTable& options);

/// Whether the plugin can take other values of its reloadable options.
bool can_reconfigure(const tocsin_plugin& plugin);

}  // namespace tocsin::plugin
