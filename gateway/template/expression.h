#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

#include "gateway/template/helpers.h"

namespace tocsin::templates {

/// What a name at the top of a template stands for.
enum class FieldKind : std::uint8_t {
  kNone,  ///< of no notification
  kTopic,
  kLevel,
  kTitle,
  kBody,
  kKey,
  kExternalId,
  kDeliverAt,
  kExpiresAt,
  kLabels,  ///< all of them
  kLabel,   ///< path[0]
  kData,    ///< path, from the root of `data`
  kId,
  kDeliveryId,
  kOutput,
  kAddress,
  kAcceptedAt,
  kValue,  ///< path[0] names it; once the template is compiled, it is the value itself
  kItem,   ///< "."
};

struct Field {
  FieldKind kind = FieldKind::kNone;
  std::string name;               ///< as it was written
  std::vector<std::string> path;  ///< kLabel, kData, kValue
};

/// The field of a name: `data.order.total`, `labels.team`, `labels[service.name]`, `topic`. kNone
/// for others, which may still name something inside a section over data.
Field parse_field(std::string_view name);

/// Cut at its dots; a name that holds an empty part has none of them.
std::vector<std::string> split_name(std::string_view name);

/// What a field is of: a delivery's are not there while a filter makes a key.
bool is_of_delivery(FieldKind kind);

/// A name that is near to `name`, in words: "; did you mean topic?". Otherwise those there are.
std::string field_advice(std::string_view name, bool of_delivery);

/// NAME | HELPER ARGUMENT... | ...
struct Expression {
  Field field;
  std::vector<Helper> helpers;
};

/// The sentence of an error says what would be right. `zone` is for times without one.
tl::expected<Expression, std::string> parse_expression(std::string_view content,
                                                       const std::string& zone);

}  // namespace tocsin::templates
