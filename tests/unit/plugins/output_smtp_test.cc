// The shared object on the fake host, with a mail server on the same thread: libcurl brings its own
// sockets, so that they are real.

#include <gtest/gtest.h>

#include <algorithm>

#include "tests/unit/plugins/shipped_plugin.h"
#include "tests/unit/plugins/smtp_server.h"
#include "tocsin/testing/fake_host.hpp"

namespace tocsin {
namespace {

using testing::FakeHost;

constexpr std::uint32_t kReadable = TOCSIN_FD_READABLE;
constexpr std::uint32_t kWritable = TOCSIN_FD_WRITABLE;

class SmtpOutputTest : public ::testing::Test {
 protected:
  SmtpOutputTest() {
    host.settings.set("url", "smtp://127.0.0.1:" + std::to_string(server.port));
    host.settings.set("from", "Night Watch <alerts@example.com>");
  }

  void start() { ASSERT_EQ(host.start(), ""); }

  tocsin_token deliver(const std::string& address = "email:ops@example.net",
                       std::string_view title = "Disk full", std::string_view body = "of db-1") {
    tocsin_notification notification{};
    notification.topic = sdk::to_c("disk.full");
    notification.title = sdk::to_c(title);
    notification.body = sdk::to_c(body);
    return host.deliver(R"({"topic":"disk.full"})", address, notification);
  }

  // What the loop does: descriptors that are ready, timers that are due.
  void turn() {
    constexpr int kDescriptorsMax = 512;
    server.step();
    for (int fd = 0; fd < kDescriptorsMax; ++fd) {
      const std::uint32_t wanted = host.watched_for(fd);
      if (wanted == 0) continue;
      const int events_wanted =
          ((wanted & kReadable) != 0 ? POLLIN : 0) | ((wanted & kWritable) != 0 ? POLLOUT : 0);
      pollfd asked{fd, static_cast<short>(events_wanted), 0};
      if (::poll(&asked, 1, 0) <= 0) continue;
      const bool broken = (asked.revents & (POLLERR | POLLHUP)) != 0;
      const std::uint32_t events = ((asked.revents & POLLIN) != 0 ? kReadable : 0U) |
                                   ((asked.revents & POLLOUT) != 0 ? kWritable : 0U);
      host.ready(fd, broken ? wanted : events);
    }
    host.advance(std::chrono::microseconds(10));
  }
  // Until it holds, or nothing can be expected any more.
  template <typename Condition>
  bool until(Condition condition) {
    for (int i = 0; i < 200'000; ++i) {
      if (condition()) return true;
      turn();
    }
    return condition();
  }
  sdk::Verdict verdict(tocsin_token attempt) {
    EXPECT_TRUE(until([&] { return host.verdicts.contains(attempt); })) << "no verdict";
    return host.verdicts[attempt];
  }
  std::uint32_t kind(tocsin_token attempt) { return verdict(attempt).kind; }
  bool logged(std::string_view words) const {
    return std::any_of(host.log.begin(), host.log.end(), [words](const auto& line) {
      return line.text.find(words) != std::string::npos;
    });
  }

  SmtpServer server;
  FakeHost host{shipped("output_smtp")};
};

constexpr auto kDelivered = std::uint32_t{TOCSIN_DELIVERED};
constexpr auto kRetry = std::uint32_t{TOCSIN_RETRY};
constexpr auto kRejected = std::uint32_t{TOCSIN_REJECTED};
constexpr auto kGone = std::uint32_t{TOCSIN_TARGET_GONE};
constexpr auto kAmbiguous = std::uint32_t{TOCSIN_AMBIGUOUS};

TEST_F(SmtpOutputTest, SendsAMailAndKeepsTheServersWords) {
  start();
  const tocsin_token attempt = deliver();
  EXPECT_EQ(kind(attempt), kDelivered);
  EXPECT_EQ(host.verdicts[attempt].provider_id, "Ok: queued as 4F1C");
  const std::string id = "dlv_" + std::to_string(attempt);
  ASSERT_EQ(server.mails.size(), 1U);
  EXPECT_EQ(server.mails[0],
            "Date: Thu, 01 Jan 2026 00:00:00 +0000\r\n"
            "From: \"Night Watch\" <alerts@example.com>\r\n"
            "To: ops@example.net\r\n"
            "Subject: Disk full\r\n"
            "Message-ID: <" +
                id +
                "@example.com>\r\n"
                "Auto-Submitted: auto-generated\r\n"
                "MIME-Version: 1.0\r\n"
                "Content-Type: text/plain; charset=utf-8\r\n"
                "Content-Transfer-Encoding: quoted-printable\r\n\r\n"
                "of db-1\r\n");
}

TEST_F(SmtpOutputTest, TakesAddressesOfMailAndHasOneOfItsOwnOnlyWhenToldSo) {
  start();
  EXPECT_EQ(sdk::view(host.traits().address_kind), "email");
  EXPECT_EQ(host.traits().has_own_address, 0U);
  EXPECT_EQ(host.traits().idempotent, 0U) << "a server cannot be asked to drop repeats";
  EXPECT_EQ(kind(deliver("")), kRejected);
  host.stop();
  host.settings.set("to", "desk@example.org");
  start();
  EXPECT_EQ(host.traits().has_own_address, 1U);
  EXPECT_EQ(kind(deliver("")), kDelivered);
  EXPECT_NE(std::find(server.commands.begin(), server.commands.end(), "RCPT TO:<desk@example.org>"),
            server.commands.end());
}

TEST_F(SmtpOutputTest, SendsManyMailsOverFourConnectionsAtMost) {
  start();
  std::vector<tocsin_token> attempts;
  for (int i = 0; i < 100; ++i) attempts.push_back(deliver());
  for (const tocsin_token attempt : attempts) ASSERT_EQ(kind(attempt), kDelivered);
  EXPECT_EQ(server.mails.size(), 100U);
  EXPECT_LE(server.connections, 4U);
  EXPECT_EQ(host.metrics["smtp_connections_total"], static_cast<double>(server.connections));
}

TEST_F(SmtpOutputTest, OneBadRecipientAmongTenMailsBlocksNothing) {
  server.answers = [](const auto&, std::string_view command) -> std::string {
    return command == "RCPT TO:<nobody@example.net>" ? "550 5.1.1 No such user" : "";
  };
  host.settings.set("connections", "1");
  start();
  std::vector<tocsin_token> attempts;
  for (int i = 0; i < 10; ++i) {
    attempts.push_back(deliver(i == 4 ? "email:nobody@example.net" : "email:ops@example.net"));
  }
  for (std::size_t i = 0; i < attempts.size(); ++i) {
    EXPECT_EQ(kind(attempts[i]), i == 4 ? kGone : kDelivered) << i;
  }
  EXPECT_EQ(host.verdicts[attempts[4]].reason, "RCPT TO: 550 5.1.1 No such user");
  EXPECT_EQ(server.connections, 1U) << "a refusal does not cost the connection";
  EXPECT_EQ(std::count(server.commands.begin(), server.commands.end(), "RSET"), 0)
      << "this server says 354 to DATA all the same: the end of a mail for nobody does it";
}

TEST_F(SmtpOutputTest, AnInvalidAddressIsRefusedWithoutAskingTheServer) {
  start();
  const tocsin_token attempt = deliver("email:j\xC3\xBCrgen@example.net");
  EXPECT_EQ(kind(attempt), kRejected);
  EXPECT_EQ(host.verdicts[attempt].reason,
            "the address: only ASCII is taken in front of the @; behind it any script is");
  EXPECT_EQ(kind(deliver("email:a@b>\r\nRCPT TO:<x@y")), kRejected);
  EXPECT_EQ(server.connections, 0U);
}

TEST_F(SmtpOutputTest, AServerThatIsNotThereIsTriedAgain) {
  start();
  host.stop();
  host.settings.set("url", "smtp://127.0.0.1:1");
  start();
  const tocsin_token attempt = deliver();
  EXPECT_EQ(kind(attempt), kRetry);
  EXPECT_TRUE(host.verdicts[attempt].reason.starts_with("connecting: "))
      << host.verdicts[attempt].reason;
}

TEST_F(SmtpOutputTest, ATemporaryRefusalIsTriedAgainAndAPermanentOneIsNot) {
  server.answers = [](const auto&, std::string_view command) -> std::string {
    if (command == "RCPT TO:<busy@example.net>") return "450 4.2.0 Busy";
    return command == "RCPT TO:<spam@example.net>" ? "550 5.7.1 Refused" : "";
  };
  start();
  EXPECT_EQ(kind(deliver("email:busy@example.net")), kRetry);
  EXPECT_EQ(kind(deliver("email:spam@example.net")), kRejected);
}

TEST_F(SmtpOutputTest, ACutAfterTheFinalDotIsAmbiguousAndOneBeforeIsNot) {
  std::string fatal = ".";
  server.answers = [&fatal](const auto&, std::string_view command) -> std::string {
    return command == fatal ? "close" : "";
  };
  start();
  EXPECT_EQ(kind(deliver()), kAmbiguous);
  fatal = "DATA";
  EXPECT_EQ(kind(deliver()), kRetry);
}

TEST_F(SmtpOutputTest, NoAnswerToTheFinalDotIsAmbiguousBeforeTheHostGivesUp) {
  server.answers = [](const auto&, std::string_view command) -> std::string {
    return command == "." ? "none" : "";
  };
  start();
  const tocsin_token attempt = deliver();
  ASSERT_TRUE(until([&] { return !server.mails.empty(); }));
  host.advance(std::chrono::seconds(28));
  EXPECT_FALSE(host.verdicts.contains(attempt));
  host.advance(std::chrono::milliseconds(1100));
  EXPECT_EQ(host.verdicts.at(attempt).kind, kAmbiguous);
  EXPECT_EQ(host.late, 0U);
}

TEST_F(SmtpOutputTest, OneMailThatHangsHoldsUpNoOther) {
  server.answers = [](const auto& peer, std::string_view command) -> std::string {
    return command == "." && peer.number == 0 ? "none" : "";
  };
  host.settings.set("connections", "2");
  start();
  const tocsin_token slow = deliver();
  ASSERT_TRUE(until([&] { return !server.mails.empty(); }));
  for (int i = 0; i < 5; ++i) EXPECT_EQ(kind(deliver()), kDelivered);
  EXPECT_FALSE(host.verdicts.contains(slow));
}

TEST_F(SmtpOutputTest, AMailIsGivenUpInTheQueueAndNothingIsAmbiguousAboutIt) {
  server.answers = [](const auto&, std::string_view command) -> std::string {
    return command.starts_with("EHLO") ? "none" : "";
  };
  host.settings.set("connections", "1");
  start();
  const tocsin_token first = deliver();
  const tocsin_token second = deliver();
  ASSERT_TRUE(until([&] { return !server.commands.empty(); }));
  host.advance(std::chrono::seconds(30));
  EXPECT_EQ(host.verdicts.at(first).kind, kRetry);
  EXPECT_EQ(host.verdicts.at(second).kind, kRetry);
}

TEST_F(SmtpOutputTest, AConnectionThatEndedWhileItRestedCostsNoAttempt) {
  host.settings.set("connections", "1");
  start();
  EXPECT_EQ(kind(deliver()), kDelivered);
  server.hang_up();
  EXPECT_EQ(kind(deliver()), kDelivered);
  // The server's goodbye in place of an answer.
  server.answers = [](const auto& peer, std::string_view command) -> std::string {
    return peer.number == 1 && command.starts_with("MAIL") ? "421 4.4.2 Idle for too long" : "";
  };
  EXPECT_EQ(kind(deliver()), kDelivered);
  EXPECT_EQ(server.connections, 3U);
}

TEST_F(SmtpOutputTest, AGoodbyeOnAFreshConnectionIsTheMails) {
  server.answers = [](const auto&, std::string_view command) -> std::string {
    return command.starts_with("MAIL") ? "421 4.3.2 Not now" : "";
  };
  start();
  EXPECT_EQ(kind(deliver()), kRetry);
  EXPECT_EQ(server.connections, 1U);
}

TEST_F(SmtpOutputTest, ACancelledMailIsClosedAndTheNextOneGoes) {
  server.answers = [](const auto& peer, std::string_view command) -> std::string {
    return command == "." && peer.number == 0 ? "none" : "";
  };
  host.settings.set("connections", "1");
  start();
  const tocsin_token first = deliver();
  const tocsin_token queued = deliver();
  const tocsin_token last = deliver();
  ASSERT_TRUE(until([&] { return server.mails.size() == 1; }));
  host.cancel(queued);
  host.cancel(first);
  EXPECT_EQ(kind(last), kDelivered);
  EXPECT_FALSE(host.verdicts.contains(first));
  EXPECT_FALSE(host.verdicts.contains(queued));
  EXPECT_EQ(host.late, 0U);
}

TEST_F(SmtpOutputTest, AServerThatHangsBehindARefusalHoldsNoPlace) {
  server.answers = [](const auto& peer, std::string_view command) -> std::string {
    if (peer.number > 0) return "";
    if (command.starts_with("RCPT")) return "550 5.1.1 No such user";
    return command == "DATA" ? "none" : "";
  };
  host.settings.set("connections", "1");
  start();
  EXPECT_EQ(kind(deliver()), kGone);
  const tocsin_token next = deliver();
  for (int i = 0; i < 1000; ++i) turn();
  EXPECT_FALSE(host.verdicts.contains(next));
  host.advance(std::chrono::seconds(21));
  EXPECT_EQ(kind(next), kDelivered);
  EXPECT_EQ(server.connections, 2U);
}

TEST_F(SmtpOutputTest, SaysGoodbyeToAServerItNeedsNoMore) {
  start();
  EXPECT_EQ(kind(deliver()), kDelivered);
  host.advance(std::chrono::seconds(21));
  EXPECT_TRUE(until([&] { return server.open() == 0; }));
  EXPECT_EQ(server.commands.back(), "QUIT");
}

TEST_F(SmtpOutputTest, ClosesItsConnectionsWhenItIsDrained) {
  start();
  EXPECT_EQ(kind(deliver()), kDelivered);
  host.drain(host.clock.mono() + std::chrono::seconds(10));
  EXPECT_TRUE(until([&] { return server.open() == 0; }));
  EXPECT_EQ(kind(deliver()), kDelivered) << "what is still to be done is done";
  EXPECT_TRUE(until([&] { return server.open() == 0; }));
}

TEST_F(SmtpOutputTest, TakesOtherWordsWithoutBeingMadeAnew) {
  start();
  EXPECT_EQ(kind(deliver()), kDelivered);
  host.settings.set("subject", "[{{topic}}] {{title}}");
  host.settings.set("from", "else@example.com");
  ASSERT_EQ(host.reconfigure(), "");
  host.adopt();
  EXPECT_EQ(kind(deliver()), kDelivered);
  EXPECT_NE(server.mails.at(1).find("Subject: [disk.full] Disk full\r\n"), std::string::npos);
  EXPECT_NE(server.mails.at(1).find("From: else@example.com\r\n"), std::string::npos);
}

TEST_F(SmtpOutputTest, SendsHtmlBesideTheText) {
  host.settings.set("html", "<b>{{title}}</b>");
  start();
  EXPECT_EQ(kind(deliver()), kDelivered);
  EXPECT_NE(server.mails.at(0).find("multipart/alternative"), std::string::npos);
  EXPECT_NE(server.mails.at(0).find("<b>Disk full</b>"), std::string::npos);
}

TEST_F(SmtpOutputTest, RefusesAnUnsubscribeThatCannotBeOne) {
  host.settings.set("list_unsubscribe", "https://example.com/u/{{key}}");
  host.settings.set("one_click", "true");
  start();
  EXPECT_EQ(kind(deliver()), kDelivered);
  EXPECT_NE(server.mails.at(0).find("List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"),
            std::string::npos);
  tocsin_notification notification{};
  notification.key = sdk::to_c("a b");
  EXPECT_EQ(kind(host.deliver("{}", "email:a@b", notification)), kRejected);
}

// ---- settings

TEST_F(SmtpOutputTest, RefusesSettingsThatCanNeverWork) {
  const std::tuple<const char*, const char*, const char*> cases[] = {
      {"url", "http://mail.test", "url: a URL of a mail server begins with smtp:// or smtps://"},
      {"url", "smtp://u:s3cret@mail.test",
       "url: a URL must not carry a user name or password; write them as username and password"},
      {"url", "smtp://mail.test/x", "url: behind the host stands at most a port"},
      {"url", "smtp://mail.test:0",
       "url: behind the host stands at most a port, from :1 to :65535"},
      {"url", "smtp://", "url: this is no host: write a name, 192.0.2.1 or [2001:db8::1]"},
      {"from", "alerts", "from: an address has an @"},
      {"from", "a\r\nBcc: b <a@b>", "from: a mailbox holds no control characters"},
      {"to", "ops", "to: an address has an @"},
      {"ehlo", "not a host", "ehlo: a server is greeted with a host's name"},
      {"subject", "{{title", "subject: a {{ is not closed"},
      {"html", "{{title", "html: a {{ is not closed"},
      {"one_click", "true", "one_click: it is about list_unsubscribe, which is not given"},
      {"username", "joe", "password: username and password belong together"},
      {"password", "s3cret", "username: username and password belong together"},
      {"dkim.selector", "mail", "dkim.key_file: mails are signed with a key"},
  };
  for (const auto& [key, value, why] : cases) {
    FakeHost other(shipped("output_smtp"));
    other.settings.set("url", "smtp://127.0.0.1:2525");
    other.settings.set("from", "alerts@example.com");
    other.settings.set(key, value);
    EXPECT_EQ(other.validate(), why);
    EXPECT_EQ(other.create(), why);
  }
}

TEST_F(SmtpOutputTest, SendsNoPasswordWithoutTls) {
  host.settings.set("username", "joe");
  host.settings.set("password", "s3cret");
  host.settings.set("starttls", "never");
  EXPECT_EQ(host.validate(), "starttls: a password is sent over TLS only");
  host.settings.set("starttls", "auto");
  start();
  const tocsin_token attempt = deliver();
  EXPECT_EQ(kind(attempt), kRetry) << "the server has no STARTTLS";
  for (const std::string& command : server.commands) {
    EXPECT_FALSE(command.starts_with("AUTH")) << command;
  }
  EXPECT_FALSE(logged("s3cret"));
  EXPECT_EQ(host.verdicts[attempt].reason.find("s3cret"), std::string::npos);
}

TEST_F(SmtpOutputTest, RefusesHeadersThatEveryMailHas) {
  host.settings.set_map("headers", {{"Reply-To", "desk@example.com"}, {"Subject", "x"}});
  EXPECT_EQ(host.validate(), "headers: every mail has a header \"Subject\" of its own");
}

TEST_F(SmtpOutputTest, OutputsOfOneUserAreOneAccount) {
  host.settings.set("username", "joe");
  host.settings.set("password", "s3cret");
  start();
  EXPECT_EQ(sdk::view(host.traits().account), "joe@127.0.0.1:" + std::to_string(server.port));
}

}  // namespace
}  // namespace tocsin
