#pragma once

#include <string_view>

#include "gateway/base/arena.h"
#include "gateway/http/head.h"

namespace tocsin::http {

/// Fills scheme, authority, path and query of `head` from its method, target and Host fields
/// (RFC 9112 3.2). Returns null when all is well, else one sentence for the client: the request is
/// then answered 400.
///
/// Host: exactly one for HTTP/1.1, at most one for HTTP/1.0; well-formed; equal to the authority of
/// an absolute target. Target: origin, absolute or, for OPTIONS, asterisk form.
///
/// Path: percent-encoded unreserved characters are decoded and hexadecimal digits made upper-case;
/// every other encoding (%2F among them) stays as sent; a backslash, which browsers take for a
/// slash, is encoded; "." and ".." segments are resolved and may
/// not climb above the root; empty segments ("//") stay. An encoded NUL or a broken encoding is
/// refused.
const char* read_target(RequestHead& head, std::string_view scheme, Arena& arena);

/// The same normalisation for a bare path that begins with a slash; null in `error` when it went
/// well.
std::string_view normalise_path(std::string_view path, Arena& arena, const char*& error);

}  // namespace tocsin::http
