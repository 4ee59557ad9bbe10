#pragma once

#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <utility>

namespace tocsin {

/// Why an operation failed, coarse enough to decide on. The text carries the rest.
enum class Code {
  kInvalid,      ///< the caller's input is wrong; trying again cannot help
  kNotFound,     ///< what was named does not exist
  kExists,       ///< what was to be made exists already
  kFull,         ///< a bounded queue, table or budget has no room now
  kTimeout,      ///< the deadline passed first
  kClosed,       ///< the other side or the owner ended it
  kRefused,      ///< the other side said no
  kUnavailable,  ///< a dependency cannot serve now; later may help
  kPermission,   ///< the operating system or a policy forbids it
  kIo,           ///< the operating system reported any other failure
  kCancelled,    ///< the caller took it back
  kInternal,     ///< our own fault, contained
};

/// The stable lower-case name of a code, e.g. "not_found".
std::string_view code_name(Code code);

/// A failed operation: what failed in a sentence, and where in the input when there is a place.
struct Error {
  Code code = Code::kInternal;
  std::string what;   ///< one sentence without a full stop
  std::string where;  ///< file:line:column, a pointer, an address; may be empty

  /// "where: what", or only what when there is no place.
  std::string text() const;
};

template <typename T>
using Result = tl::expected<T, Error>;

/// Shorthand for the failing branch of a Result.
inline tl::unexpected<Error> fail(Code code, std::string what, std::string where = {}) {
  return tl::unexpected<Error>(Error{code, std::move(what), std::move(where)});
}

/// Turns an errno value into an Error whose text is `doing` and the system's message.
Error system_error(int error_number, std::string_view doing, std::string where = {});

}  // namespace tocsin

#define TOCSIN_CONCAT_(a, b) a##b
#define TOCSIN_CONCAT(a, b) TOCSIN_CONCAT_(a, b)

/// Evaluates a Result<void>-like expression and returns its error to the caller.
#define TOCSIN_TRY(expression)                                                 \
  do {                                                                         \
    if (auto tocsin_tried = (expression); !tocsin_tried) [[unlikely]]          \
      return tl::unexpected<::tocsin::Error>(std::move(tocsin_tried).error()); \
  } while (false)

/// Declares `name` from a Result's value, or returns its error to the caller.
#define TOCSIN_TRY_SET(name, expression)                            \
  auto TOCSIN_CONCAT(tocsin_tried_, __LINE__) = (expression);       \
  if (!TOCSIN_CONCAT(tocsin_tried_, __LINE__)) [[unlikely]]         \
    return tl::unexpected<::tocsin::Error>(                         \
        std::move(TOCSIN_CONCAT(tocsin_tried_, __LINE__)).error()); \
  auto name = std::move(TOCSIN_CONCAT(tocsin_tried_, __LINE__)).value()
