#pragma once

#include <openssl/x509_vfy.h>

#include <string>
#include <string_view>

namespace tocsin::event {

/// Why a certificate was refused, in one sentence that names its subject. `wanted`: the host asked
/// for. What the peer wrote into its certificate is escaped and cut.
std::string certificate_refusal(X509_STORE_CTX* store, std::string_view wanted);

/// What the oldest error in OpenSSL's queue says, in one sentence; empties the queue.
std::string tls_words();

}  // namespace tocsin::event
