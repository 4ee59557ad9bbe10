#pragma once

#include <string_view>
#include <tl/expected.hpp>

#include "gateway/base/option.h"
#include "gateway/base/value.h"
#include "gateway/config/component_catalog.h"
#include "gateway/config/diagnostic.h"
#include "gateway/config/node.h"

namespace tocsin::config {

/// Gives the types of `table` to a tree, fills in defaults, and reports every fault, sorted by
/// place.
///
/// What comes out, by option type: kInteger std::int64_t, kNumber double, kDuration Duration, kSize
/// and kByteRate Value::Size, kRate Rate, kList Value::List, kMap and kTable Value::Map; text for
/// the others, and for a word of Option::choices in a non-choice (such as "auto"). A kPlugin is a
/// map of `type`, `id` when given, and the component's own options. An absent option without
/// default has no entry; a default's place has no file.
///
/// Faults inside templates have their place in the file where `sources` holds it.
///
/// A scalar is typed by its option, so quotes do not matter and "${PORT}" can be a number.
tl::expected<Value, Diagnostics> validate(const Node& root, const OptionTable& table,
                                          const ComponentCatalog& catalog,
                                          const SourceFiles& sources = {});

/// Every mistake in a table itself: a default that does not parse or is out of bounds, a required
/// option with a default, a scalar_key or exactly_one_of that names no option, a missing doc.
/// Tables of built-ins are checked by a test, those of plugins when they are loaded.
std::vector<std::string> table_mistakes(const OptionTable& table);

}  // namespace tocsin::config
