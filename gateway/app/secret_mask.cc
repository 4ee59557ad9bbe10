#include "gateway/app/secret_mask.h"

#include <algorithm>

#include "gateway/template/helpers.h"

namespace tocsin::app {

namespace {

constexpr std::string_view kShown = "***";

}  // namespace

SecretMask::SecretMask(const OptionTable& table, const Value& settings) {
  add_table(table, settings);
  std::ranges::sort(secrets_, [](const std::string& one, const std::string& other) {
    return one.size() != other.size() ? one.size() > other.size() : one < other;
  });
  secrets_.erase(std::unique(secrets_.begin(), secrets_.end()), secrets_.end());
}

void SecretMask::add_table(const OptionTable& table, const Value& settings) {
  for (const Option& option : table.options) {
    if (const Value* value = settings.find(option.key)) add(option, *value, false);
  }
}

void SecretMask::add(const Option& option, const Value& value, bool below_secret) {
  const bool secret = below_secret || (option.flags & Option::kSecret) != 0;
  if (value.is<std::string>()) {
    if (secret) add_text(value.as<std::string>());
  } else if (value.is<Value::List>() && option.element != nullptr) {
    for (const Value& item : value.as<Value::List>()) add(*option.element, item, secret);
  } else if (value.is<Value::Map>() && option.element != nullptr) {
    for (const Value::Entry& entry : value.as<Value::Map>()) {
      add(*option.element, entry.value, secret);
    }
  } else if (value.is<Value::Map>() && option.table != nullptr) {
    add_table(*option.table, value);
  }
}

void SecretMask::add_text(std::string_view secret) {
  if (secret.empty()) return;
  using templates::Escape;
  for (const Escape escape :
       {Escape::kNone, Escape::kJson, Escape::kHtml, Escape::kUrl, Escape::kSlack}) {
    std::string form;
    templates::append_escaped(form, secret, escape);
    secrets_.push_back(std::move(form));
  }
}

std::string SecretMask::masked(std::string text) const {
  for (const std::string& secret : secrets_) {
    if (secret.size() < kBytesMin) {
      if (text == secret) return std::string(kShown);
      continue;
    }
    for (std::size_t at = text.find(secret); at != std::string::npos;
         at = text.find(secret, at + kShown.size())) {
      text.replace(at, secret.size(), kShown);
    }
  }
  return text;
}

}  // namespace tocsin::app
