#include "gateway/base/result.h"

#include <cerrno>
#include <system_error>

namespace tocsin {

std::string_view code_name(Code code) {
  switch (code) {
    case Code::kInvalid:
      return "invalid";
    case Code::kNotFound:
      return "not_found";
    case Code::kExists:
      return "exists";
    case Code::kFull:
      return "full";
    case Code::kTimeout:
      return "timeout";
    case Code::kClosed:
      return "closed";
    case Code::kRefused:
      return "refused";
    case Code::kUnavailable:
      return "unavailable";
    case Code::kPermission:
      return "permission";
    case Code::kIo:
      return "io";
    case Code::kCancelled:
      return "cancelled";
    case Code::kInternal:
      return "internal";
  }
  return "internal";
}

std::string Error::text() const { return where.empty() ? what : where + ": " + what; }

namespace {

Code code_of(int error_number) {
  switch (error_number) {
    case ENOENT:
      return Code::kNotFound;
    case EEXIST:
    case EADDRINUSE:
      return Code::kExists;
    case EACCES:
    case EPERM:
      return Code::kPermission;
    case ECONNREFUSED:
      return Code::kRefused;
    case ETIMEDOUT:
      return Code::kTimeout;
    case ECONNRESET:
    case EPIPE:
      return Code::kClosed;
    case EMFILE:
    case ENFILE:
    case ENOSPC:
      return Code::kFull;
    case ECANCELED:
      return Code::kCancelled;
    case EAFNOSUPPORT:
    case EADDRNOTAVAIL:
    case EHOSTUNREACH:
    case ENETUNREACH:
      return Code::kUnavailable;
    default:
      return Code::kIo;
  }
}

}  // namespace

Error system_error(int error_number, std::string_view doing, std::string where) {
  std::string what(doing);
  what += ": ";
  what += std::generic_category().message(error_number);
  return Error{code_of(error_number), std::move(what), std::move(where)};
}

}  // namespace tocsin
