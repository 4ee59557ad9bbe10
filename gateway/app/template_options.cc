#include "gateway/app/template_options.h"

#include <algorithm>

namespace tocsin::app {

namespace {

using enum OptionType;

constexpr std::string_view kMissingWords = "empty|error";

constexpr std::array<Option, 2> kPartOptions = {{
    {.key = "text", .doc = "The part's text.", .max = "65536"},
    {.key = "file",
     .doc = "A file that is the part's text; a relative path starts at this file's folder.",
     .min = "1",
     .max = "4096"},
}};
constexpr OptionTable kPartTable = {"part", "A text that templates include.", kPartOptions, "text",
                                    "text|file"};
constexpr Option kPart = {.key = "",
                          .type = kTable,
                          .doc = "A text that templates include as {{>NAME}}.",
                          .table = &kPartTable};

constexpr std::array<Option, 3> kTemplatesOptions = {{
    {.key = "missing",
     .type = kChoice,
     .doc = "What stands for a value that a notification does not have: nothing, or the delivery "
            "is rejected and says what was missing.",
     .default_text = "empty",
     .flags = Option::kReloadable,
     .choices = kMissingWords},
    {.key = "time_zone",
     .doc = "The zone of times that a template gives none, such as Europe/Berlin.",
     .default_text = "UTC",
     .flags = Option::kReloadable,
     .min = "1",
     .max = "100"},
    {.key = "parts",
     .type = kMap,
     .doc = "Texts that any template includes as {{>NAME}}, by names of your choice.",
     .default_text = "{}",
     .flags = Option::kReloadable,
     .max = "256",
     .element = &kPart},
}};
constexpr OptionTable kTemplates = {
    "templates", "What all templates have in common.", kTemplatesOptions, {}, {}};

}  // namespace

const Option& templates_option() {
  static const Option option = {.key = "templates",
                                .type = kTable,
                                .doc = "What all templates have in common.",
                                .default_text = "{}",
                                .flags = Option::kReloadable,
                                .table = &kTemplates};
  return option;
}

const Option& output_values_option() {
  static constexpr Option kValue = {
      .key = "", .doc = "A value.", .flags = Option::kSecret, .max = "4096"};
  static constexpr Option kValues = {
      .key = "values",
      .type = kMap,
      .doc =
          "What templates of this output write as {{values.NAME}}, as a token that no file may "
          "show.",
      .default_text = "{}",
      .flags = Option::kReloadable,
      .max = "64",
      .element = &kValue};
  return kValues;
}

bool OutputTemplateOptions::make(const OptionTable& plugin) {
  for (const Option& option : plugin.options) {
    // What needs another instance when it changes cannot be another for each topic.
    constexpr unsigned kWanted = Option::kTemplate | Option::kReloadable;
    if (option.type != kString || (option.flags & kWanted) != kWanted) continue;
    Option& text = texts_.emplace_back(option);
    text.default_text = {};
    text.flags &= ~static_cast<unsigned>(Option::kRequired);
  }
  if (texts_.empty()) return false;
  topic_table_ = {"topic", "The texts for one pattern of topics.", texts_, {}, {}};
  topic_ = {.key = "",
            .type = kTable,
            .doc = "What stands for the output's own texts.",
            .table = &topic_table_};
  keys_ = {{
      {.key = "missing",
       .type = kChoice,
       .doc = "As templates.missing, for this output alone.",
       .flags = Option::kReloadable,
       .choices = kMissingWords},
      {.key = "time_zone",
       .doc = "As templates.time_zone, for this output alone.",
       .flags = Option::kReloadable,
       .min = "1",
       .max = "100"},
      {.key = "topics",
       .type = kMap,
       .doc = "Other texts for some topics, by patterns such as orders.*: the first that matches "
              "and has the text stands for the output's own.",
       .default_text = "{}",
       .flags = Option::kReloadable,
       .max = "256",
       .element = &topic_},
  }};
  table_ = {"templates", "How the output's texts are made.", keys_, {}, {}};
  option_ = {.key = "templates",
             .type = kTable,
             .doc =
                 "How the output's texts are made: other ones for some topics, and what stands "
                 "for missing values.",
             .flags = Option::kReloadable,
             .table = &table_};
  return true;
}

}  // namespace tocsin::app
