#pragma once

#include "tocsin/plugin.hpp"

// What an operator may write under `classify`; classify.h reads it.

namespace tocsin::output_webhook {

inline constexpr sdk::Option kPattern = {
    .doc = "What must stand there; * is any run of characters.", .max = "1024"};
inline constexpr sdk::Option kRuleKeys[] = {
    {.key = "status",
     .doc = "Statuses of the answer: 429, 4xx, 500-599, or several apart by commas.",
     .min = "1",
     .max = "256"},
    {.key = "json",
     .type = sdk::kMap,
     .doc = "What the answer's JSON must hold: RFC 6901 pointers, each with a pattern.",
     .default_text = "{}",
     .max = "16",
     .element = &kPattern},
    {.key = "headers",
     .type = sdk::kMap,
     .doc = "What the answer's header fields must hold: names, each with a pattern.",
     .default_text = "{}",
     .max = "16",
     .element = &kPattern},
    {.key = "body",
     .doc = "A pattern for the whole body; * is any run of characters.",
     .min = "1",
     .max = "1024"},
    {.key = "verdict",
     .type = sdk::kChoice,
     .doc = "What such an answer means. Unless given, what HTTP says.",
     .choices = "delivered|retry|throttled|rejected|target_gone|ambiguous|unauthorized"},
    {.key = "scope",
     .type = sdk::kChoice,
     .doc = "What is throttled or unauthorized.",
     .choices = "address|output|account"},
    {.key = "after",
     .doc = "Where the seconds to wait stand, with or without a fraction: a JSON pointer or the "
            "name of a header field. Unless given, Retry-After.",
     .min = "1",
     .max = "256"},
    {.key = "after_default",
     .type = sdk::kDuration,
     .doc = "How long to wait when the answer does not say.",
     .min = "0s",
     .max = "24h"},
    {.key = "because",
     .doc = "Why, in words of your own, before the provider's.",
     .min = "1",
     .max = "256"},
    {.key = "reason",
     .doc = "Where the provider says why: a JSON pointer or the name of a header field.",
     .min = "1",
     .max = "256"},
    {.key = "provider_id",
     .doc =
         "Where the provider's id of what it took stands: a JSON pointer or the name of a header "
         "field.",
     .min = "1",
     .max = "256"},
};
inline constexpr sdk::OptionTable kRuleTable = {
    .name = "rule", .doc = "What one sort of answers means.", .options = kRuleKeys};
inline constexpr sdk::Option kRule = {.type = sdk::kTable, .doc = "A rule.", .table = &kRuleTable};

inline constexpr sdk::Option kClassify = {
    .key = "classify",
    .type = sdk::kList,
    .doc =
        "What the receiver's answers mean: rules, of which the first that fits decides. Where "
        "none does, HTTP does.",
    .default_text = "[]",
    .flags = sdk::kReloadable,
    .max = "64",
    .element = &kRule};

}  // namespace tocsin::output_webhook
