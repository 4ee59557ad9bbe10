#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <utility>

#include "gateway/event/tls.h"
#include "gateway/event/tls_stream.h"

namespace tocsin::event {

namespace {

using OwnedContext = std::unique_ptr<SSL_CTX, void (*)(SSL_CTX*)>;

/// "\x08http/1.1", as ALPN writes its list (RFC 7301 3.1).
constexpr unsigned char kProtocols[] = {8, 'h', 't', 't', 'p', '/', '1', '.', '1'};

std::uint64_t next_id() {
  static std::atomic<std::uint64_t> last{0};
  return ++last;
}

tl::unexpected<Error> file_fault(std::string_view option, const std::string& file,
                                 std::string_view problem) {
  ERR_clear_error();
  return fail(Code::kInvalid, file + ": " + std::string(problem), std::string(option));
}

// Asked first, since OpenSSL tells a missing file and a broken one by the same word.
Result<void> check_readable(std::string_view option, const std::string& file) {
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> opened(std::fopen(file.c_str(), "re"),
                                                               std::fclose);
  if (opened == nullptr) {
    const Error why = system_error(errno, "cannot be read");
    return file_fault(option, file, why.what);
  }
  if (std::fgetc(opened.get()) == EOF) return file_fault(option, file, "is empty, or no file");
  return {};
}

Result<void> load_trust(SSL_CTX* context, std::string_view option, const std::string& file) {
  TOCSIN_TRY(check_readable(option, file));
  if (SSL_CTX_load_verify_file(context, file.c_str()) != 1) {
    return file_fault(option, file, "holds no certificate in PEM");
  }
  return {};
}

// No terminal is asked: a gateway has none.
int no_password(char*, int, int, void*) { return 0; }

Result<void> load_identity(SSL_CTX* context, const std::string& cert_file,
                           const std::string& key_file) {
  TOCSIN_TRY(check_readable("cert_file", cert_file));
  TOCSIN_TRY(check_readable("key_file", key_file));
  if (SSL_CTX_use_certificate_chain_file(context, cert_file.c_str()) != 1) {
    return file_fault("cert_file", cert_file, "holds no certificate in PEM");
  }
  SSL_CTX_set_default_passwd_cb(context, no_password);
  if (SSL_CTX_use_PrivateKey_file(context, key_file.c_str(), SSL_FILETYPE_PEM) != 1) {
    const int reason = ERR_GET_REASON(ERR_peek_last_error());
    const bool other = ERR_GET_LIB(ERR_peek_last_error()) == ERR_LIB_X509 &&
                       (reason == X509_R_KEY_VALUES_MISMATCH || reason == X509_R_KEY_TYPE_MISMATCH);
    if (other) return file_fault("key_file", key_file, "is not the key of " + cert_file);
    return file_fault("key_file", key_file, "holds no key in PEM that needs no password");
  }
  if (SSL_CTX_check_private_key(context) != 1) {
    return file_fault("key_file", key_file, "is not the key of " + cert_file);
  }
  return {};
}

// The server's choice; none in common is no reason to part, as both speak HTTP/1.1 without it.
int choose_protocol(SSL*, const unsigned char** out, unsigned char* length,
                    const unsigned char* offered, unsigned offered_length, void*) {
  unsigned char* chosen = nullptr;
  const int found = SSL_select_next_proto(&chosen, length, kProtocols, sizeof(kProtocols), offered,
                                          offered_length);
  *out = chosen;
  return found == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_NOACK;
}

Result<OwnedContext> make_context(const SSL_METHOD* method) {
  OwnedContext context(SSL_CTX_new(method), SSL_CTX_free);
  if (context == nullptr) return fail(Code::kInternal, "OpenSSL made no context");
  SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
  SSL_CTX_set_options(context.get(), SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
  SSL_CTX_set_mode(context.get(), SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  return context;
}

}  // namespace

TlsContext::TlsContext(ssl_ctx_st* ssl, bool serves, bool verifies)
    : ssl_(ssl), serves_(serves), verifies_(verifies), id_(next_id()) {}

TlsContext::~TlsContext() { SSL_CTX_free(ssl_); }

Result<std::shared_ptr<const TlsContext>> TlsContext::for_client(const TlsClientOptions& options) {
  TOCSIN_TRY_SET(context, make_context(TLS_client_method()));
  if (!options.ca_file.empty()) {
    TOCSIN_TRY(load_trust(context.get(), "ca_file", options.ca_file));
  } else if (options.verify && SSL_CTX_set_default_verify_paths(context.get()) != 1) {
    return fail(Code::kInternal, "OpenSSL does not know the system's trusted certificates");
  }
  if (options.cert_file.empty() != options.key_file.empty()) {
    const bool cert = !options.cert_file.empty();
    return fail(Code::kInvalid,
                cert ? "cert_file needs its key_file" : "key_file needs its cert_file",
                cert ? "cert_file" : "key_file");
  }
  if (!options.cert_file.empty()) {
    TOCSIN_TRY(load_identity(context.get(), options.cert_file, options.key_file));
  }
  SSL_CTX_set_verify(context.get(), options.verify ? SSL_VERIFY_PEER : SSL_VERIFY_NONE,
                     options.verify ? TlsStream::on_verified : nullptr);
  // Zero is success here, unlike everywhere else.
  if (SSL_CTX_set_alpn_protos(context.get(), kProtocols, sizeof(kProtocols)) != 0) {
    return fail(Code::kInternal, "OpenSSL took no protocol list");
  }
  SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
  SSL_CTX_sess_set_new_cb(context.get(), TlsStream::on_session);
  return std::shared_ptr<const TlsContext>(
      new TlsContext(context.release(), false, options.verify));
}

Result<std::shared_ptr<const TlsContext>> TlsContext::for_server(const TlsServerOptions& options) {
  TOCSIN_TRY_SET(context, make_context(TLS_server_method()));
  TOCSIN_TRY(load_identity(context.get(), options.cert_file, options.key_file));
  const bool asks = !options.client_ca_file.empty();
  if (asks) {
    TOCSIN_TRY(load_trust(context.get(), "client_ca_file", options.client_ca_file));
    SSL_CTX_set_client_CA_list(context.get(),
                               SSL_load_client_CA_file(options.client_ca_file.c_str()));
    SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT,
                       TlsStream::on_verified);
    // Sessions of clients that were asked belong to this context alone.
    constexpr unsigned char kScope[] = "tocsin";
    SSL_CTX_set_session_id_context(context.get(), kScope, sizeof(kScope) - 1);
  }
  SSL_CTX_set_alpn_select_cb(context.get(), choose_protocol, nullptr);
  // Tickets only: nothing of a client is kept here.
  SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_OFF);
  return std::shared_ptr<const TlsContext>(new TlsContext(context.release(), true, asks));
}

// --- sessions ----------------------------------------------------------------------------------

TlsSessions::~TlsSessions() { clear(); }

void TlsSessions::clear() {
  for (auto& [server, session] : sessions_) SSL_SESSION_free(session);
  sessions_.clear();
}

// When there are too many, all go: what that costs is one full handshake for each server.
void TlsSessions::put(const std::string& server, ssl_session_st* session) {
  if (sessions_.size() >= kSessionsMax && sessions_.find(server) == sessions_.end()) clear();
  ssl_session_st*& kept = sessions_[server];
  SSL_SESSION_free(kept);
  kept = session;
}

ssl_session_st* TlsSessions::take(const std::string& server) {
  const auto found = sessions_.find(server);
  if (found == sessions_.end()) return nullptr;
  ssl_session_st* session = found->second;
  if (SSL_SESSION_get_protocol_version(session) < TLS1_3_VERSION) {
    SSL_SESSION_up_ref(session);  // the server gives no other when it takes this one
  } else {
    sessions_.erase(found);
  }
  return session;
}

}  // namespace tocsin::event
