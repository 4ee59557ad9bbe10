// A plugin's table comes from foreign code: everything that later code takes for granted is looked
// at here, once.

#include "gateway/plugin/option_tables.h"

#include <algorithm>
#include <array>
#include <optional>

#include "gateway/plugin/text.h"

namespace tocsin::plugin {

namespace {

std::optional<OptionType> type_of(std::uint32_t type) {
  switch (type) {
    case TOCSIN_BOOLEAN:
      return OptionType::kBoolean;
    case TOCSIN_INTEGER:
      return OptionType::kInteger;
    case TOCSIN_NUMBER:
      return OptionType::kNumber;
    case TOCSIN_STRING:
      return OptionType::kString;
    case TOCSIN_DURATION:
      return OptionType::kDuration;
    case TOCSIN_SIZE:
      return OptionType::kSize;
    case TOCSIN_RATE:
      return OptionType::kRate;
    case TOCSIN_BYTE_RATE:
      return OptionType::kByteRate;
    case TOCSIN_CHOICE:
      return OptionType::kChoice;
    case TOCSIN_ADDRESS:
      return OptionType::kAddress;
    case TOCSIN_LIST:
      return OptionType::kList;
    case TOCSIN_MAP:
      return OptionType::kMap;
    case TOCSIN_TABLE:
      return OptionType::kTable;
    case TOCSIN_ANY:
      return OptionType::kAny;
    default:
      return std::nullopt;
  }
}

unsigned flags_of(std::uint32_t flags) {
  unsigned own = 0;
  if ((flags & TOCSIN_REQUIRED) != 0) own |= Option::kRequired;
  if ((flags & TOCSIN_SECRET) != 0) own |= Option::kSecret;
  if ((flags & TOCSIN_RELOADABLE) != 0) own |= Option::kReloadable;
  if ((flags & TOCSIN_TEMPLATE) != 0) own |= Option::kTemplate;
  return own;
}

tl::unexpected<Error> wrong(std::string_view path, std::string_view what) {
  return fail(Code::kInvalid, "its option " + std::string(path) + " " + std::string(what));
}

std::string below(std::string_view path, std::string_view key) {
  return path.empty() ? std::string(key) : std::string(path) + "." + std::string(key);
}

}  // namespace

Result<void> OptionTables::convert(const tocsin_option_table* source, std::string_view name) {
  if (source == nullptr) {
    tables_.push_back({.name = name, .doc = "Has no options."});
    root_ = &tables_.back();
    return {};
  }
  TOCSIN_TRY_SET(root, table(*source, "", 0));
  for (const Option& option : root->options) {
    if (is_gateway_key(option.key)) {
      return wrong(option.key, "has a key that belongs to the gateway");
    }
  }
  root_ = root;
  return {};
}

Result<const OptionTable*> OptionTables::table(const tocsin_option_table& source,
                                               std::string_view path, int depth) {
  const std::string shown = path.empty() ? "table" : "table " + std::string(path);
  if (depth >= kDepthMax || tables_.size() + elements_.size() >= kTablesMax) {
    return fail(Code::kInvalid, "its option " + shown + " is nested too deeply");
  }
  if (source.size < sizeof(tocsin_option_table) || source.count > kOptionsMax ||
      (source.count > 0 && (source.options == nullptr || source.stride < sizeof(tocsin_option)))) {
    return fail(Code::kInvalid, "its option " + shown + " is malformed");
  }
  std::vector<Option>& options = options_.emplace_back();
  options.reserve(source.count);
  for (std::uint32_t i = 0; i < source.count; ++i) {
    const tocsin_option& one = item_of(source.options, source.stride, i);
    if (!is_readable(one.key) || one.key.len == 0) {
      return fail(Code::kInvalid, "its option " + shown + " has an option without a key");
    }
    const std::string place = below(path, view_of(one.key));
    const bool twice = std::any_of(options.begin(), options.end(), [&](const Option& earlier) {
      return earlier.key == view_of(one.key);
    });
    if (twice) return wrong(place, "is there twice");
    TOCSIN_TRY_SET(converted, option(one, place, depth));
    options.push_back(converted);
  }
  tables_.push_back({.name = view_of(source.name),
                     .doc = view_of(source.doc),
                     .options = options,
                     .scalar_key = view_of(source.scalar_key),
                     .exactly_one_of = view_of(source.exactly_one_of)});
  return &tables_.back();
}

Result<Option> OptionTables::option(const tocsin_option& source, std::string_view path, int depth) {
  if (source.size < sizeof(tocsin_option)) return wrong(path, "is malformed");
  for (const tocsin_str text :
       {source.doc, source.default_text, source.min, source.max, source.choices}) {
    if (!is_readable(text)) return wrong(path, "is malformed");
  }
  const std::optional<OptionType> type = type_of(source.type);
  if (!type) return wrong(path, "has the unknown type " + std::to_string(source.type));
  if (source.doc.len == 0) return wrong(path, "has no doc");
  Option option{.key = view_of(source.key),
                .type = *type,
                .doc = view_of(source.doc),
                .default_text = view_of(source.default_text),
                .flags = flags_of(source.flags),
                .min = view_of(source.min),
                .max = view_of(source.max),
                .choices = view_of(source.choices)};
  TOCSIN_TRY(nested(source, option, path, depth));
  return option;
}

Result<void> OptionTables::nested(const tocsin_option& source, Option& option,
                                  std::string_view path, int depth) {
  if (option.type == OptionType::kTable) {
    if (source.table == nullptr) return wrong(path, "is a table without options");
    TOCSIN_TRY_SET(inner, table(*source.table, path, depth + 1));
    option.table = inner;
  }
  if (option.type == OptionType::kList || option.type == OptionType::kMap) {
    if (source.element == nullptr) return wrong(path, "does not say what its items are");
    if (depth >= kDepthMax || tables_.size() + elements_.size() >= kTablesMax) {
      return wrong(path, "is nested too deeply");
    }
    TOCSIN_TRY_SET(element, this->option(*source.element, path, depth + 1));
    elements_.push_back(element);
    option.element = &elements_.back();
  }
  return {};
}

}  // namespace tocsin::plugin
