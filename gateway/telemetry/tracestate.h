#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace tocsin::telemetry {

inline constexpr std::size_t kTracestateMembersMax = 32;
/// What we send at most; the specification asks everybody to carry at least this much.
inline constexpr std::size_t kTracestateBytesMax = 512;

/// The vendors' list beside a traceparent
/// (https://www.w3.org/TR/trace-context-2/#tracestate-header). Borrows all text: the header it was
/// parsed from and what was put must outlive it. Does not allocate.
class Tracestate {
 public:
  struct Member {
    std::string_view key;
    std::string_view value;
  };

  /// Several header lines are to be joined with commas first. Nothing when any member is malformed,
  /// a key occurs twice or there are more than 32: the specification then drops the whole list,
  /// never the traceparent. Empty members are skipped.
  static std::optional<Tracestate> parse(std::string_view header);

  std::size_t size() const { return size_; }
  const Member& operator[](std::size_t i) const { return members_[i]; }
  std::optional<std::string_view> find(std::string_view key) const;

  /// Puts our member first and removes an older one of that key; the last member of a full list
  /// gives way. False, changing nothing, when key or value is malformed.
  bool put(std::string_view key, std::string_view value);

  /// Appends `key=value,...`. Above kTracestateBytesMax members of more than 128 bytes are left out
  /// first, then members from the end.
  void append_to(std::string& out) const;

 private:
  std::array<Member, kTracestateMembersMax> members_;
  std::size_t size_ = 0;
};

}  // namespace tocsin::telemetry
