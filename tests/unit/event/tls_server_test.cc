// Against OpenSSL's own server in a process of its own, over real sockets.

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>

#include <cstdio>
#include <cstdlib>

#include "gateway/event/tcp.h"
#include "tests/unit/event/tls_wire.h"

extern char** environ;  // NOLINT(readability-identifier-naming)

namespace tocsin::event {
namespace {

using ::testing::HasSubstr;
using testing::Identity;
using testing::Recorder;
using testing::TlsTest;
using testing::turn_until;

/// `openssl s_server`, which sends each line back with its letters turned around.
class OpensslServer {
 public:
  OpensslServer(const Identity& identity, std::vector<std::string> more) {
    std::vector<std::string> words = {"openssl",     "s_server",        "-accept",
                                      "127.0.0.1:0", "-cert",           identity.cert_file,
                                      "-key",        identity.key_file, "-rev"};
    words.insert(words.end(), more.begin(), more.end());
    std::vector<char*> arguments;
    for (std::string& word : words) arguments.push_back(word.data());
    arguments.push_back(nullptr);
    int out[2];
    EXPECT_EQ(::pipe2(out, O_CLOEXEC), 0);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, out[1], 1);
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
    EXPECT_EQ(::posix_spawnp(&process_, "openssl", &actions, nullptr, arguments.data(), environ),
              0);
    posix_spawn_file_actions_destroy(&actions);
    ::close(out[1]);
    // "ACCEPT 127.0.0.1:PORT" on a line of its own
    std::string text;
    char letter = 0;
    while (::read(out[0], &letter, 1) == 1) {
      text += letter;
      const std::size_t at = text.find("ACCEPT ");
      if (letter == '\n' && at != std::string::npos) break;
    }
    const std::size_t colon = text.rfind(':');
    if (colon != std::string::npos) port_ = static_cast<std::uint16_t>(std::atoi(&text[colon + 1]));
    output_ = out[0];
  }
  ~OpensslServer() {
    ::kill(process_, SIGKILL);
    ::waitpid(process_, nullptr, 0);
    ::close(output_);
  }
  OpensslServer(const OpensslServer&) = delete;
  OpensslServer& operator=(const OpensslServer&) = delete;

  std::uint16_t port() const { return port_; }

 private:
  pid_t process_ = -1;
  int output_ = -1;
  std::uint16_t port_ = 0;
};

class TlsServerTest : public TlsTest {
 protected:
  TlsServerTest() { loop_.run_ready(); }

  /// A stream to that server, or why there is none.
  Result<std::unique_ptr<Stream>> connect(const OpensslServer& server, const TlsContext& context) {
    std::optional<Result<std::unique_ptr<Stream>>> outcome;
    std::unique_ptr<TlsHandshake> handshake;
    const TcpConnect connect(
        loop_, Address::from_ip("127.0.0.1", server.port()).value(), kPatience,
        [&](Result<std::unique_ptr<Stream>> stream) {
          handshake = std::make_unique<TlsHandshake>(
              std::move(stream.value()), context, TlsPeer{"server.test", sessions_}, kPatience,
              [&](Result<std::unique_ptr<Stream>> secured) { outcome = std::move(secured); });
        });
    EXPECT_TRUE(turn_until(loop_, [&] { return outcome.has_value(); }));
    return std::move(*outcome);
  }

  void talk(Stream& stream) {
    Recorder events;
    stream.set_events(events);
    stream.read_start();
    stream.write("stressed\n");
    ASSERT_TRUE(
        turn_until(loop_, [&] { return events.data.ends_with('\n') || events.broken > 0; }));
    EXPECT_EQ(events.data, "desserts\n");
  }

  static constexpr Duration kPatience = std::chrono::minutes(5);
  ManualClock clock_;
  Loop loop_{LoopOptions{"test", &clock_, 0}};
  std::shared_ptr<TlsSessions> sessions_ = std::make_shared<TlsSessions>();
};

TEST_F(TlsServerTest, SpeaksBothVersions) {
  const auto context = client_context();
  for (const std::string version : {"-tls1_2", "-tls1_3"}) {
    const OpensslServer server(shared().identity, {version});
    for (int i = 0; i < 2; ++i) {  // the second time with a session
      auto stream = connect(server, *context);
      ASSERT_TRUE(stream.has_value()) << version << ": " << stream.error().text();
      talk(**stream);
    }
    EXPECT_EQ(sessions_->size(), 1u) << version;
    sessions_ = std::make_shared<TlsSessions>();
  }
}

TEST_F(TlsServerTest, ShowsItsCertificate) {
  const Identity us = shared().authority.issue({.common_name = "gateway", .names = ""});
  const OpensslServer server(shared().identity, {"-Verify", "1", "-verify_return_error", "-CAfile",
                                                 shared().authority.file(), "-tls1_2"});
  const auto context = client_context({.cert_file = us.cert_file, .key_file = us.key_file});
  auto stream = connect(server, *context);
  ASSERT_TRUE(stream.has_value()) << stream.error().text();
  talk(**stream);
  stream->reset();  // the server serves one at a time
  const auto bare = connect(server, *client_context());
  ASSERT_FALSE(bare.has_value());
  EXPECT_THAT(bare.error().what, HasSubstr("the other side refused: handshake failure"));
}

TEST_F(TlsServerTest, RefusesWhatIsOlderThanTls12) {
  const OpensslServer server(shared().identity, {"-tls1_1", "-cipher", "DEFAULT@SECLEVEL=0"});
  const auto stream = connect(server, *client_context());
  ASSERT_FALSE(stream.has_value());
  EXPECT_EQ(stream.error().what, "the two sides have no version of TLS in common (1.2 at least)");
}

}  // namespace
}  // namespace tocsin::event
