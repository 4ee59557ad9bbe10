#include <chrono>

#include "tests/unit/event/tls_wire.h"

namespace tocsin::event {
namespace {

using testing::Authority;
using ::testing::HasSubstr;
using testing::Identity;
using testing::TlsTest;
using testing::TlsWire;

class TlsHandshakeTest : public TlsTest {
 protected:
  /// What the client says to a server with that certificate; empty: it is content.
  static std::string refusal(const Identity& identity, const std::string& name,
                             TlsClientOptions options = {}) {
    const auto client = client_context(std::move(options));
    const auto server = server_context(identity);
    TlsWire wire;
    wire.begin_both(*client, *server, {name, nullptr});
    wire.settle();
    if (wire.client.stream != nullptr) return {};
    if (!wire.client.refused) return "nothing happened";
    EXPECT_EQ(wire.client.refused->code, Code::kPermission);
    // The server is told, in an alert.
    EXPECT_TRUE(wire.server.refused.has_value());
    return wire.client.refused->text();
  }
};

TEST_F(TlsHandshakeTest, BelievesACertificateForTheNameOrTheAddressAskedFor) {
  const Identity& identity = shared().identity;
  EXPECT_EQ(refusal(identity, "server.test"), "");
  EXPECT_EQ(refusal(identity, "SERVER.test."), "");
  EXPECT_EQ(refusal(identity, "any.wild.test"), "");
  EXPECT_EQ(refusal(identity, "127.0.0.1"), "");
  const Identity v6 = shared().authority.issue({.names = "IP:::1"});
  EXPECT_EQ(refusal(v6, "::1"), "");
}

TEST_F(TlsHandshakeTest, NamesTheHostsACertificateIsForWhenItIsForAnother) {
  EXPECT_EQ(refusal(shared().identity, "other.test"),
            "other.test: the certificate of \"CN=server\" is not for other.test, only for "
            "server.test, *.wild.test, 127.0.0.1");
  EXPECT_EQ(refusal(shared().identity, "127.0.0.2"),
            "127.0.0.2: the certificate of \"CN=server\" is not for 127.0.0.2, only for "
            "server.test, *.wild.test, 127.0.0.1");
  EXPECT_THAT(refusal(shared().identity, "a.b.wild.test"), HasSubstr("is not for a.b.wild.test"));
}

TEST_F(TlsHandshakeTest, DoesNotTakeTheCommonNameForAHost) {
  const Identity old = shared().authority.issue({.common_name = "old.test", .names = ""});
  EXPECT_EQ(refusal(old, "old.test"),
            "old.test: the certificate of \"CN=old.test\" is not for old.test: it names no host");
}

TEST_F(TlsHandshakeTest, SaysWhenACertificateHasExpired) {
  const Identity expired =
      shared().authority.issue({.names = "DNS:server.test", .from_s = -90'000, .until_s = -86'400});
  EXPECT_THAT(refusal(expired, "server.test"),
              HasSubstr("the certificate of \"CN=server\" expired on 20"));
}

TEST_F(TlsHandshakeTest, SaysWhenACertificateIsNotYetValid) {
  const Identity early = shared().authority.issue({.names = "DNS:server.test", .from_s = 86'000});
  EXPECT_THAT(refusal(early, "server.test"),
              HasSubstr("the certificate of \"CN=server\" is not valid before 20"));
}

TEST_F(TlsHandshakeTest, NamesAnAuthorityItDoesNotTrust) {
  const Identity foreign = shared().stranger.issue({.names = "DNS:server.test"});
  EXPECT_EQ(refusal(foreign, "server.test"),
            "server.test: the certificate of \"CN=server\" comes from \"CN=Stranger CA\", an "
            "authority that is not trusted here");
}

TEST_F(TlsHandshakeTest, SaysWhenACertificateIsSelfSigned) {
  const Identity self = shared().authority.self_signed({.names = "DNS:server.test"});
  EXPECT_EQ(refusal(self, "server.test"),
            "server.test: the certificate of \"CN=server\" is self-signed and not trusted here");
  EXPECT_EQ(refusal(self, "server.test", {.ca_file = self.cert_file}), "");
}

TEST_F(TlsHandshakeTest, EscapesWhatAStrangerWroteIntoACertificate) {
  const Identity hostile =
      shared().stranger.issue({.common_name = "a\nb\x1b[2J", .names = "DNS:server.test"});
  const std::string text = refusal(hostile, "server.test");
  EXPECT_EQ(text.find('\n'), std::string::npos);
  EXPECT_EQ(text.find('\x1b'), std::string::npos);
}

TEST_F(TlsHandshakeTest, BelievesAnybodyOnlyWhenToldTo) {
  const Identity self = shared().stranger.self_signed({.names = "DNS:elsewhere.test"});
  EXPECT_EQ(refusal(self, "server.test", {.verify = false}), "");
}

TEST_F(TlsHandshakeTest, DoesNotVerifyAgainstNoName) {
  const auto client = client_context();
  TlsWire wire;
  wire.begin(wire.client, *client, {"", nullptr});
  wire.loop.run_ready();
  ASSERT_TRUE(wire.client.refused.has_value());
  EXPECT_THAT(wire.client.refused->what, HasSubstr("no host"));
}

TEST_F(TlsHandshakeTest, ShowsItsCertificateToAServerThatAsks) {
  const Identity us = shared().authority.issue({.common_name = "gateway", .names = ""});
  const auto server = server_context(shared().identity, shared().authority.file());
  const auto client = client_context({.cert_file = us.cert_file, .key_file = us.key_file});
  TlsWire wire;
  wire.begin_both(*client, *server, {"server.test", nullptr});
  wire.settle();
  ASSERT_TRUE(wire.server.stream != nullptr);
  wire.client.stream->write("hello");
  wire.settle();
  EXPECT_EQ(wire.server.events.data, "hello");
}

// In TLS 1.3 a client learns that its certificate was refused behind the handshake.
TEST_F(TlsHandshakeTest, SaysThatTheServerWantsACertificate) {
  const auto server = server_context(shared().identity, shared().authority.file());
  const auto client = client_context();
  TlsWire wire;
  wire.begin_both(*client, *server, {"server.test", nullptr});
  wire.settle();
  EXPECT_EQ(wire.server.refused->what, "a client certificate is required, and none was shown");
  EXPECT_EQ(wire.client.events.broken, 1);
  EXPECT_EQ(wire.client.events.error.what, "a client certificate is required, and none was shown");
}

TEST_F(TlsHandshakeTest, ResumesASessionOnce) {
  const auto client = client_context();
  const auto server = server_context(shared().identity);
  const auto sessions = std::make_shared<TlsSessions>();
  const auto connect = [&] {
    TlsWire wire;
    wire.begin_both(*client, *server, {"server.test", sessions});
    wire.carry(wire.client, wire.server);
    const std::size_t flight = wire.server.wire->out.size();
    wire.settle();
    EXPECT_TRUE(wire.client.stream != nullptr);
    wire.client.stream->end();
    wire.settle();
    return flight;
  };
  const std::size_t full = connect();
  EXPECT_EQ(sessions->size(), 1u);
  const std::size_t resumed = connect();
  EXPECT_LT(resumed, full / 2);  // no certificate crossed the wire
  EXPECT_EQ(sessions->size(), 1u);
}

TEST_F(TlsHandshakeTest, ResumesNoSessionOfOtherSettingsOrAnotherName) {
  const auto server = server_context(shared().identity);
  const auto sessions = std::make_shared<TlsSessions>();
  const auto flight = [&](const TlsContext& client, const std::string& name) {
    TlsWire wire;
    wire.begin_both(client, *server, {name, sessions});
    wire.carry(wire.client, wire.server);
    const std::size_t bytes = wire.server.wire->out.size();
    wire.settle();
    return bytes;
  };
  const auto trusting = client_context({.verify = false});
  const std::size_t full = flight(*trusting, "server.test");
  EXPECT_GT(flight(*client_context(), "server.test"), full / 2);
  EXPECT_GT(flight(*trusting, "any.wild.test"), full / 2);
}

TEST_F(TlsHandshakeTest, GivesUpInTime) {
  const auto client = client_context();
  TlsWire wire;
  wire.begin(wire.client, *client, {"server.test", nullptr});
  wire.clock.advance(TlsWire::kPatience + std::chrono::seconds(1));
  wire.loop.run_ready();
  wire.loop.run_ready();
  ASSERT_TRUE(wire.client.refused.has_value());
  EXPECT_EQ(wire.client.refused->code, Code::kTimeout);
  EXPECT_EQ(wire.client.refused->text(), "server.test: the TLS handshake took too long");
}

TEST_F(TlsHandshakeTest, SaysThatTheOtherSideSpeaksNoTls) {
  const auto client = client_context();
  TlsWire wire;
  wire.begin(wire.client, *client, {"server.test", nullptr});
  wire.loop.run_ready();
  wire.client.wire->events->on_data("HTTP/1.1 400 Bad Request\r\n\r\n");
  wire.loop.run_ready();
  ASSERT_TRUE(wire.client.refused.has_value());
  EXPECT_EQ(wire.client.refused->text(), "server.test: the other side does not speak TLS");
}

TEST_F(TlsHandshakeTest, SaysThatTheConnectionWasClosedMeanwhile) {
  const auto client = client_context();
  TlsWire wire;
  wire.begin(wire.client, *client, {"server.test", nullptr});
  wire.loop.run_ready();
  wire.client.wire->events->on_end();
  wire.loop.run_ready();
  ASSERT_TRUE(wire.client.refused.has_value());
  EXPECT_EQ(wire.client.refused->code, Code::kClosed);
}

TEST_F(TlsHandshakeTest, IsGivenUpWithoutAWord) {
  const auto client = client_context();
  TlsWire wire;
  wire.begin(wire.client, *client, {"server.test", nullptr});
  wire.loop.run_ready();
  wire.client.handshake.reset();
  wire.loop.run_ready();
  EXPECT_TRUE(wire.client.wire->destroyed);
  EXPECT_FALSE(wire.client.over());
}

// --- files -------------------------------------------------------------------------------------

TEST_F(TlsHandshakeTest, NamesTheFileAtFault) {
  const Identity& good = shared().identity;
  const Identity other = shared().authority.issue({});
  const std::string text = shared().folder.write("text.pem", "no certificate\n");
  const std::string empty = shared().folder.write("empty.pem", "");
  const auto fault = [](const TlsClientOptions& options) {
    const auto made = TlsContext::for_client(options);
    return made ? std::string("none") : made.error().text();
  };
  EXPECT_EQ(fault({.ca_file = "/nowhere/ca.pem"}),
            "ca_file: /nowhere/ca.pem: cannot be read: No such file or directory");
  EXPECT_EQ(fault({.ca_file = text}), "ca_file: " + text + ": holds no certificate in PEM");
  EXPECT_EQ(fault({.ca_file = empty}), "ca_file: " + empty + ": is empty, or no file");
  EXPECT_EQ(fault({.cert_file = text, .key_file = good.key_file}),
            "cert_file: " + text + ": holds no certificate in PEM");
  EXPECT_EQ(fault({.cert_file = good.cert_file, .key_file = text}),
            "key_file: " + text + ": holds no key in PEM that needs no password");
  EXPECT_EQ(fault({.cert_file = good.cert_file, .key_file = other.key_file}),
            "key_file: " + other.key_file + ": is not the key of " + good.cert_file);
  EXPECT_EQ(fault({.cert_file = good.cert_file}), "cert_file: cert_file needs its key_file");
  EXPECT_EQ(fault({.key_file = good.key_file}), "key_file: key_file needs its cert_file");
}

}  // namespace
}  // namespace tocsin::event
