#pragma once

#include <algorithm>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "tocsin/sdk/host.hpp"
#include "tocsin/sdk/kinds.hpp"

namespace tocsin::sdk {

enum class Escape : std::uint32_t {
  kNone = TOCSIN_ESCAPE_NONE,
  kHtml = TOCSIN_ESCAPE_HTML,
  kJson = TOCSIN_ESCAPE_JSON,  ///< the inside of a JSON string
  kUrl = TOCSIN_ESCAPE_URL
};

/// A compiled text with places for a notification's fields (Mustache). One thread at a time.
class Template {
 public:
  /// Renders to nothing.
  Template() : compiled_(nullptr, Free{nullptr}) {}

  /// False when `text` is broken: the fault says how and names the option `key`.
  bool compile(const InstanceHost& host, std::string_view text, Escape escape, Fault& fault,
               std::string_view key) {
    tocsin_fault why{};
    why.size = sizeof(why);
    compiled_ = {
        host.c_host().template_compile(to_c(text), static_cast<std::uint32_t>(escape), &why),
        Free{&host.c_host()}};
    return compiled_ != nullptr || fault.refuse({why.what, why.what_len}, key);
  }

  /// Into `room`, of which what does not fit is cut; what was written.
  std::string_view render(const Notification& notification, std::span<char> room) const {
    return {room.data(), std::min(render_whole(notification, room), room.size())};
  }
  /// Appends to `out`.
  void render(const Notification& notification, std::string& out) const {
    const std::size_t begin = out.size();
    out.resize(begin + kRoomMin);
    const std::size_t length = render_whole(notification, std::span(out).subspan(begin));
    const bool whole = begin + length <= out.size();
    out.resize(begin + length);
    if (!whole) render_whole(notification, std::span(out).subspan(begin));
  }

 private:
  static constexpr std::size_t kRoomMin = 1024;
  struct Free {
    const tocsin_host* host;
    void operator()(tocsin_template* compiled) const { host->template_free(compiled); }
  };

  std::size_t render_whole(const Notification& notification, std::span<char> room) const {
    if (compiled_ == nullptr) return 0;
    return compiled_.get_deleter().host->template_render(compiled_.get(), &notification.c(),
                                                         room.data(), room.size());
  }

  std::unique_ptr<tocsin_template, Free> compiled_;
};

}  // namespace tocsin::sdk
