#include "gateway/event/resolver.h"

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "tests/unit/event/dns_server.h"

namespace tocsin::event {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using Zone = DnsServer::Zone;
using Record = DnsServer::Record;

class ResolverTest : public ::testing::Test {
 protected:
  struct Asked {
    std::optional<Result<Resolved>> answer;
    int answers = 0;
    std::unique_ptr<Resolver::Query> query;
  };

  ResolverTest() {
    loop_.run_ready();  // this thread owns the loop
    restart({});
  }

  void restart(ResolverOptions options) {
    options.servers = {server_.address()};
    options.use_search_domains = false;
    resolver_ = Resolver::create(loop_, std::move(options)).value();
  }

  std::unique_ptr<Asked> ask(std::string_view name) {
    auto asked = std::make_unique<Asked>();
    asked->query = resolver_->resolve(name, [a = asked.get()](const Result<Resolved>& answer) {
      a->answer = answer;
      ++a->answers;
    });
    return asked;
  }

  // Turns the loop until the predicate holds; the bound only keeps a broken build from hanging.
  template <typename Predicate>
  bool turn_until(Predicate holds) {
    const auto limit = std::chrono::steady_clock::now() + seconds(20);
    while (!holds()) {
      if (std::chrono::steady_clock::now() > limit) return false;
      loop_.run_ready();
    }
    return true;
  }

  Result<Resolved> wait_for(Asked& asked) {
    EXPECT_TRUE(turn_until([&] { return asked.answer.has_value(); }));
    return asked.answer.value_or(fail(Code::kInternal, "never answered"));
  }
  Result<Resolved> look_up(std::string_view name) { return wait_for(*ask(name)); }

  static std::vector<std::string> ips(const Result<Resolved>& answer) {
    std::vector<std::string> out;
    if (answer) {
      for (const Address& address : answer->addresses) out.push_back(address.ip());
    }
    std::sort(out.begin(), out.end());
    return out;
  }

  static Record a(std::string ip, std::uint32_t ttl, std::string owner = {}) {
    return {std::move(owner), DnsServer::kA, ttl, DnsServer::a(ip)};
  }
  static Record aaaa_of_loopback(std::uint32_t ttl) {
    return {{}, DnsServer::kAaaa, ttl, std::string(15, '\0') + '\1'};
  }
  static Record cname(std::string to, std::uint32_t ttl, std::string owner = {}) {
    return {std::move(owner), DnsServer::kCname, ttl, DnsServer::wire_name(to)};
  }

  ManualClock clock_;
  Loop loop_{LoopOptions{"test", &clock_, 0}};
  DnsServer server_{loop_};
  std::unique_ptr<Resolver> resolver_;
};

using Strings = std::vector<std::string>;

TEST_F(ResolverTest, FindsV4AndV6AddressesTogether) {
  server_.names()["both.test"] = {DnsServer::kNoError,
                                  {a("192.0.2.1", 60), a("192.0.2.2", 60), aaaa_of_loopback(60)}};
  const Result<Resolved> answer = look_up("both.test");
  EXPECT_EQ(ips(answer), (Strings{"192.0.2.1", "192.0.2.2", "::1"}));
  for (const Address& address : answer->addresses) EXPECT_EQ(address.port(), 0);
}

TEST_F(ResolverTest, AnswersLiteralAddressesWithoutAServerAndNotInsideTheCall) {
  for (const char* ip : {"127.0.0.1", "::1", "2001:db8::7"}) {
    auto asked = ask(ip);
    EXPECT_FALSE(asked->answer.has_value());
    EXPECT_EQ(ips(wait_for(*asked)), Strings{ip});
  }
}

TEST_F(ResolverTest, RefusesWhatIsNoHostName) {
  std::string long_name;
  for (int i = 0; i < 50; ++i) long_name += "label.";
  for (const std::string& name :
       {std::string(), std::string("."), std::string("a b"), std::string("a\0b", 3),
        std::string("127.1"), std::string("0177.0.0.1"), std::string("[::1]"),
        std::string("fe80::1%eth0"), long_name, std::string("a/../b")}) {
    const Result<Resolved> answer = look_up(name);
    ASSERT_FALSE(answer.has_value()) << name;
    EXPECT_EQ(answer.error().code, Code::kInvalid) << name;
  }
}

TEST_F(ResolverTest, FollowsAliasesAndKeepsToTheirSmallestTtl) {
  server_.names()["alias.test"] = {DnsServer::kNoError,
                                   {cname("middle.test", 10), cname("end.test", 300, "middle.test"),
                                    a("192.0.2.9", 600, "end.test")}};
  const Result<Resolved> answer = look_up("alias.test");
  EXPECT_EQ(ips(answer), Strings{"192.0.2.9"});
  EXPECT_EQ(answer->expires - loop_.now(), seconds(10));
}

TEST_F(ResolverTest, AsksAgainOnlyWhenTheTtlIsOver) {
  server_.names()["web.test"] = {DnsServer::kNoError, {a("192.0.2.1", 30)}};
  EXPECT_EQ(ips(look_up("web.test")), Strings{"192.0.2.1"});
  server_.names()["web.test"] = {DnsServer::kNoError, {a("192.0.2.2", 30)}};
  clock_.advance(seconds(29));
  loop_.run_ready();
  auto cached = ask("WEB.test");
  EXPECT_FALSE(cached->answer.has_value()) << "cached answers must not come inside the call either";
  EXPECT_EQ(ips(wait_for(*cached)), Strings{"192.0.2.1"});
  EXPECT_EQ(server_.asked("web.test", DnsServer::kA), 1);
  clock_.advance(seconds(1));
  loop_.run_ready();
  EXPECT_EQ(ips(look_up("web.test")), Strings{"192.0.2.2"});
  EXPECT_EQ(server_.asked("web.test", DnsServer::kA), 2);
}

TEST_F(ResolverTest, ClampsTheTtlAtBothEnds) {
  server_.names()["zero.test"] = {DnsServer::kNoError, {a("192.0.2.1", 0)}};
  server_.names()["year.test"] = {DnsServer::kNoError, {a("192.0.2.1", 31'536'000)}};
  EXPECT_EQ(look_up("zero.test")->expires - loop_.now(), seconds(1));
  EXPECT_EQ(look_up("year.test")->expires - loop_.now(), std::chrono::hours(1));
}

TEST_F(ResolverTest, RemembersForAWhileThatANameDoesNotExist) {
  const Result<Resolved> missing = look_up("missing.test");
  ASSERT_FALSE(missing.has_value());
  EXPECT_EQ(missing.error().code, Code::kNotFound);
  EXPECT_EQ(missing.error().where, "missing.test");
  server_.names()["missing.test"] = {DnsServer::kNoError, {a("192.0.2.1", 30)}};
  EXPECT_FALSE(look_up("missing.test").has_value());
  EXPECT_EQ(server_.asked("missing.test", DnsServer::kA), 1);
  clock_.advance(seconds(2));
  loop_.run_ready();
  EXPECT_TRUE(look_up("missing.test").has_value());
}

TEST_F(ResolverTest, CallsANameWithoutAddressesNotFound) {
  server_.names()["empty.test"] = {};
  EXPECT_EQ(look_up("empty.test").error().code, Code::kNotFound);
}

TEST_F(ResolverTest, ReportsAServerThatFailsAndDoesNotRememberIt) {
  server_.names()["broken.test"] = {DnsServer::kServerFailure, {}};
  EXPECT_EQ(look_up("broken.test").error().code, Code::kUnavailable);
  EXPECT_EQ(resolver_->names(), 0u);
  server_.names()["broken.test"] = {DnsServer::kNoError, {a("192.0.2.1", 30)}};
  EXPECT_EQ(ips(look_up("broken.test")), Strings{"192.0.2.1"});
}

TEST_F(ResolverTest, GivesUpAfterItsTimeAndTakesALateAnswerForTheNextCaller) {
  server_.names()["slow.test"].silent = true;
  auto first = ask("slow.test");
  ASSERT_TRUE(turn_until([&] { return server_.asked("slow.test", DnsServer::kA) > 0; }));
  clock_.advance(milliseconds(4999));
  loop_.run_ready();
  loop_.run_ready();
  EXPECT_FALSE(first->answer.has_value());
  auto second = ask("slow.test");  // its own five seconds begin here
  clock_.advance(milliseconds(2));
  EXPECT_EQ(wait_for(*first).error().code, Code::kTimeout);
  EXPECT_FALSE(second->answer.has_value());
  EXPECT_EQ(resolver_->names(), 1u);
  server_.names()["slow.test"] = {DnsServer::kNoError, {a("192.0.2.1", 30)}};
  server_.answer_kept();
  EXPECT_EQ(ips(wait_for(*second)), Strings{"192.0.2.1"});
  EXPECT_EQ(first->answers, 1);
}

TEST_F(ResolverTest, AsksOnceForManyCallersOfOneName) {
  server_.names()["busy.test"] = {DnsServer::kNoError, {a("192.0.2.1", 30)}};
  std::vector<std::unique_ptr<Asked>> all;
  for (int i = 0; i < 20; ++i) all.push_back(ask(i % 2 == 0 ? "busy.test" : "Busy.Test"));
  for (auto& asked : all) EXPECT_EQ(ips(wait_for(*asked)), Strings{"192.0.2.1"});
  EXPECT_EQ(server_.asked("busy.test", DnsServer::kA), 1);
  EXPECT_EQ(server_.asked("busy.test", DnsServer::kAaaa), 1);
}

TEST_F(ResolverTest, TurnsToTcpWhenAnAnswerWasCut) {
  Zone big{DnsServer::kNoError, {}, true, false, {}};
  for (int i = 1; i <= 40; ++i) big.records.push_back(a("192.0.2." + std::to_string(i), 60));
  server_.names()["big.test"] = big;
  EXPECT_EQ(look_up("big.test")->addresses.size(), 40u);
  EXPECT_GE(server_.over_tcp(), 1);
}

TEST_F(ResolverTest, KeepsOnlySoManyAddressesOfOneAnswer) {
  ResolverOptions options;
  options.addresses_max = 3;
  restart(options);
  Zone many;
  for (int i = 1; i <= 9; ++i) many.records.push_back(a("192.0.2." + std::to_string(i), 60));
  server_.names()["many.test"] = many;
  EXPECT_EQ(look_up("many.test")->addresses.size(), 3u);
}

TEST_F(ResolverTest, SurvivesGarbage) {
  std::mt19937 random(7);
  for (int round = 0; round < 60; ++round) {
    const std::string name = "garbage" + std::to_string(round) + ".test";
    std::string bytes(random() % 120 + 1, '\0');
    for (char& byte : bytes) byte = static_cast<char>(random());
    if (bytes.size() > 1)
      bytes[0] = static_cast<char>(0x81);  // a response, so that it is parsed at all
    server_.names()[name].raw = bytes;
    auto asked = ask(name);
    for (int i = 0; i < 50; ++i) loop_.run_ready();
    clock_.advance(seconds(6));
    EXPECT_FALSE(wait_for(*asked).has_value() && asked->answer->value().addresses.empty());
  }
}

TEST_F(ResolverTest, ForgetsACancelledQuery) {
  server_.names()["gone.test"] = {DnsServer::kNoError, {a("192.0.2.1", 30)}};
  auto cancelled = ask("gone.test");
  auto kept = ask("gone.test");
  cancelled->query.reset();
  wait_for(*kept);
  auto cached = ask("gone.test");
  cached->query.reset();
  for (int i = 0; i < 10; ++i) loop_.run_ready();
  EXPECT_EQ(cancelled->answers, 0);
  EXPECT_EQ(cached->answers, 0);
}

TEST_F(ResolverTest, MakesRoomByForgettingTheOldestAnswer) {
  ResolverOptions options;
  options.names_max = 2;
  restart(options);
  for (const char* name : {"one.test", "two.test", "three.test"}) {
    server_.names()[name] = {DnsServer::kNoError, {a("192.0.2.1", 300)}};
    look_up(name);
  }
  EXPECT_EQ(resolver_->names(), 2u);
  look_up("two.test");
  EXPECT_EQ(server_.asked("two.test", DnsServer::kA), 1);
  look_up("one.test");
  EXPECT_EQ(server_.asked("one.test", DnsServer::kA), 2);
}

TEST_F(ResolverTest, RefusesMoreNamesInFlightThanItsLimit) {
  ResolverOptions options;
  options.names_max = 2;
  restart(options);
  for (const char* name : {"s1.test", "s2.test"}) server_.names()[name].silent = true;
  auto first = ask("s1.test");
  auto second = ask("s2.test");
  EXPECT_EQ(look_up("s3.test").error().code, Code::kFull);
  auto joined = ask("s1.test");
  for (int i = 0; i < 10; ++i) loop_.run_ready();
  EXPECT_FALSE(joined->answer.has_value()) << "a name in flight takes no more room";
}

TEST_F(ResolverTest, MayBeDestroyedFromItsOwnAnswerWithQuestionsInFlight) {
  server_.names()["slow.test"].silent = true;
  auto pending = ask("slow.test");
  auto literal = std::make_unique<Asked>();
  literal->query = resolver_->resolve("127.0.0.1", [&](const Result<Resolved>&) {
    ++literal->answers;
    literal->query.reset();
    resolver_.reset();
  });
  auto after = ask("127.0.0.2");
  ASSERT_TRUE(turn_until([&] { return resolver_ == nullptr; }));
  for (int i = 0; i < 10; ++i) loop_.run_ready();
  EXPECT_EQ(literal->answers, 1);
  EXPECT_EQ(pending->answers, 0);
  EXPECT_EQ(after->answers, 0);
}

TEST_F(ResolverTest, MayBeAskedFromInsideAnAnswer) {
  server_.names()["next.test"] = {DnsServer::kNoError, {a("192.0.2.1", 30)}};
  std::unique_ptr<Asked> next;
  auto first =
      resolver_->resolve("127.0.0.1", [&](const Result<Resolved>&) { next = ask("next.test"); });
  ASSERT_TRUE(turn_until([&] { return next != nullptr && next->answer.has_value(); }));
  EXPECT_EQ(ips(*next->answer), Strings{"192.0.2.1"});
}

TEST(ResolverCreate, RefusesAServerThatIsNoAddress) {
  Loop loop;
  ResolverOptions options;
  options.servers = {"dns.example"};
  const auto made = Resolver::create(loop, options);
  ASSERT_FALSE(made.has_value());
  EXPECT_EQ(made.error().code, Code::kInvalid);
  EXPECT_EQ(made.error().where, "dns.example");
}

TEST(ResolverCreate, ReportsANameNobodyAnswersFor) {
  Loop loop;
  ResolverOptions options;
  // A port of loopback where nobody listens refuses at once.
  options.servers = {"127.0.0.1:1"};
  options.use_search_domains = false;
  auto resolver = Resolver::create(loop, options).value();
  loop.run_ready();
  std::optional<Code> code;
  auto query = resolver->resolve("any.test", [&](const Result<Resolved>& answer) {
    code = answer ? Code::kInternal : answer.error().code;
    loop.stop();
  });
  loop.run();
  EXPECT_EQ(code, Code::kUnavailable);
}

}  // namespace
}  // namespace tocsin::event
