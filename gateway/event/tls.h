#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

#include "gateway/base/clock.h"
#include "gateway/base/function.h"
#include "gateway/base/result.h"
#include "gateway/event/stream.h"

struct ssl_ctx_st;
struct ssl_session_st;

namespace tocsin::event {

/// How servers are met over TLS. Files are PEM.
struct TlsClientOptions {
  bool verify = true;     ///< false: whoever answers is believed
  std::string ca_file;    ///< trusted instead of what the system trusts; empty: the system's
  std::string cert_file;  ///< our certificate and its chain, for servers that ask; empty: none
  std::string key_file;   ///< the certificate's key; both or neither
};

/// How clients are met over TLS. Files are PEM.
struct TlsServerOptions {
  std::string cert_file;
  std::string key_file;
  std::string client_ca_file;  ///< clients must show a certificate of these; empty: none is asked
};

/// Certificates, keys and trust, read once: TLS 1.2 at least, no renegotiation, ALPN "http/1.1".
/// Immutable and safe to share between threads.
class TlsContext {
 public:
  /// Reads files, so not on a serving loop. Errors are Code::kInvalid; `where` is the name of the
  /// option at fault (TlsClientOptions's or TlsServerOptions's), `what` names its file.
  static Result<std::shared_ptr<const TlsContext>> for_client(const TlsClientOptions& options);
  static Result<std::shared_ptr<const TlsContext>> for_server(const TlsServerOptions& options);

  ~TlsContext();
  TlsContext(const TlsContext&) = delete;
  TlsContext& operator=(const TlsContext&) = delete;

  bool verifies() const { return verifies_; }
  bool serves() const { return serves_; }
  /// Different for every context this process ever makes.
  std::uint64_t id() const { return id_; }
  /// For the event room.
  ssl_ctx_st* ssl() const { return ssl_; }

 private:
  TlsContext(ssl_ctx_st* ssl, bool serves, bool verifies);

  ssl_ctx_st* ssl_;
  const bool serves_;
  const bool verifies_;
  const std::uint64_t id_;
};

/// What servers gave us to make the next handshake short. Belongs to one loop; the newest session
/// of a server is kept, and used once from TLS 1.3 on (RFC 8446 C.4).
class TlsSessions {
 public:
  static constexpr std::size_t kSessionsMax = 1024;

  TlsSessions() = default;
  ~TlsSessions();
  TlsSessions(const TlsSessions&) = delete;
  TlsSessions& operator=(const TlsSessions&) = delete;

  /// Takes ownership.
  void put(const std::string& server, ssl_session_st* session);
  /// Gives ownership; null: there is none.
  ssl_session_st* take(const std::string& server);
  std::size_t size() const { return sessions_.size(); }

 private:
  void clear();
  std::unordered_map<std::string, ssl_session_st*> sessions_;
};

/// Whom a client wants to speak to.
struct TlsPeer {
  /// A host name or an IP address without brackets: the certificate must be for it, and a name is
  /// sent along (SNI). May be empty when the context does not verify.
  std::string name;
  std::shared_ptr<TlsSessions> sessions;  ///< null: nothing is resumed
};

/// Turns a connected stream into one that speaks TLS, as client or as server by its context;
/// destroying it gives up without a callback and closes the stream.
///
/// The TLS stream keeps Stream's contract. on_end means that the peer said so (close_notify): a
/// connection that just ends is on_broken, since what came before may be cut. An idle stream holds
/// no buffer.
class TlsHandshake {
 public:
  using Done = Function<void(Result<std::unique_ptr<Stream>>)>;

  /// Calls `done` once, never inside the constructor: with a stream whose events are not yet set,
  /// or with kPermission (a certificate was refused, the sentence names its subject), kTimeout
  /// (after `timeout`), kClosed, kIo (what the stream said), kUnavailable (anything else TLS
  /// stumbled over). `done` may destroy the handshake.
  TlsHandshake(std::unique_ptr<Stream> stream, const TlsContext& context, TlsPeer peer,
               Duration timeout, Done done);
  ~TlsHandshake();
  TlsHandshake(const TlsHandshake&) = delete;
  TlsHandshake& operator=(const TlsHandshake&) = delete;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace tocsin::event
