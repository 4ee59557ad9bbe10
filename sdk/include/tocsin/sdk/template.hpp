#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "tocsin/sdk/host.hpp"
#include "tocsin/sdk/kinds.hpp"

namespace tocsin::sdk {

enum class Escape : std::uint32_t {
  kNone = TOCSIN_ESCAPE_NONE,
  kHtml = TOCSIN_ESCAPE_HTML,
  kJson = TOCSIN_ESCAPE_JSON,  ///< the inside of a JSON string
  kUrl = TOCSIN_ESCAPE_URL,
  kSlack = TOCSIN_ESCAPE_SLACK  ///< & < >
};

/// How values are escaped inside a body of that media type, in whatever letters it is written.
inline Escape escape_for(std::string_view content_type) {
  const std::string_view type = content_type.substr(0, content_type.find_first_of("; \t"));
  const auto ends_with = [type](std::string_view end) {
    return type.size() >= end.size() && same_name(type.substr(type.size() - end.size()), end);
  };
  if (ends_with("/json") || ends_with("+json")) return Escape::kJson;
  if (ends_with("/xml") || ends_with("+xml") || same_name(type, "text/html")) return Escape::kHtml;
  return same_name(type, "application/x-www-form-urlencoded") ? Escape::kUrl : Escape::kNone;
}

/// A compiled text with places for a notification's fields (Mustache). One thread at a time, while
/// the instance lives. Write its option with kTemplate, so that the host tells where it is wrong.
class Template {
 public:
  /// Renders to nothing.
  Template() : compiled_(nullptr, Free{nullptr}) {}

  /// False when `text` is broken: the fault says how and names the option `key`. Where an operator
  /// wrote other texts of this option for some topics, those are rendered for them.
  bool compile(const InstanceHost& host, std::string_view text, Escape escape, Fault& fault,
               std::string_view key) {
    tocsin_fault why = empty_fault();
    compiled_ = {host.c_host().template_compile(host.c_instance(), to_c(key), to_c(text),
                                                static_cast<std::uint32_t>(escape), &why),
                 Free{&host.c_host()}};
    return compiled_ != nullptr || fault.refuse({why.what, why.what_len}, key);
  }

  /// Appends to `out`. False: a value is missing where that is an error, or there is too much of
  /// it; `why` says so then, and `out` is as it was.
  bool render(const Notification& notification, std::string& out,
              std::string* why = nullptr) const {
    return render(notification.c(), nullptr, out, why);
  }
  /// The same with what is an attempt's, such as {{delivery_id}}.
  bool render(const Attempt& attempt, std::string& out, std::string* why = nullptr) const {
    return render(attempt.notification().c(), &attempt.c(), out, why);
  }

 private:
  struct Free {
    const tocsin_host* host;
    void operator()(tocsin_template* compiled) const { host->template_free(compiled); }
  };

  static tocsin_fault empty_fault() {
    tocsin_fault fault{};
    fault.size = sizeof(fault);
    return fault;
  }

  bool render(const tocsin_notification& notification, const tocsin_attempt* attempt,
              std::string& out, std::string* why) const {
    if (compiled_ == nullptr) return true;
    tocsin_fault fault = empty_fault();
    tocsin_str text{};
    const std::uint32_t status = compiled_.get_deleter().host->template_render(
        compiled_.get(), &notification, attempt, &text, &fault);
    if (status == TOCSIN_OK) {
      out.append(view(text));
    } else if (why != nullptr) {
      why->assign(fault.what, fault.what_len);
    }
    return status == TOCSIN_OK;
  }

  std::unique_ptr<tocsin_template, Free> compiled_;
};

}  // namespace tocsin::sdk
