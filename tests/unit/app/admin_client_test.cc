#include "gateway/app/admin_client.h"

#include <gmock/gmock.h>

#include <functional>
#include <future>
#include <mutex>
#include <thread>

#include "gateway/http/server.h"

namespace tocsin::app {
namespace {

using testing::HasSubstr;
using testing::Not;

/// What a request was and how it is answered.
struct Served {
  std::string method, target, authorization, type, key, host, body;
};

/// A server on a thread of its own: the client blocks the test's.
class TinyServer final : public http::RouteSource, public http::Handler {
 public:
  using Script = std::function<void(http::Exchange&)>;

  explicit TinyServer(Script script) : script_(std::move(script)) {
    std::promise<Address> ready;
    auto address = ready.get_future();
    thread_ = std::thread([this, ready = std::move(ready)]() mutable { serve(std::move(ready)); });
    address_ = address.get();
  }
  ~TinyServer() override {
    loop_.stop();
    thread_.join();
  }
  const Address& address() const { return address_; }
  /// Meaningful once the client has its answer.
  Served served() const {
    const std::lock_guard lock(mutex_);
    return served_;
  }

  http::RoutePlan plan(const http::RequestHead&) const override {
    return {"test", {}, {}, const_cast<TinyServer*>(this)};
  }
  void refusing(http::Exchange&, http::ResponseHead&) const override {}
  void note_refused(const http::Exchange&, http::DoneFlags) const override {}

  void on_request(http::Exchange& exchange, http::RequestHead& head) override {
    const auto field = [&](std::string_view name) {
      return std::string(head.headers.find(name).value_or(""));
    };
    {
      const std::lock_guard lock(mutex_);
      served_ = {std::string(head.method),
                 std::string(head.target),
                 field("Authorization"),
                 field("Content-Type"),
                 field("Idempotency-Key"),
                 std::string(head.authority),
                 ""};
    }
    exchange.set_responder(*new Body(*this, exchange));
    if (!exchange.body_follows()) script_(exchange);
  }

 private:
  /// Ends itself in on_done.
  struct Body final : http::Responder {
    Body(TinyServer& s, http::Exchange& e) : server(s), exchange(e) {}
    void on_body(std::string_view bytes, bool end) override {
      {
        const std::lock_guard lock(server.mutex_);
        server.served_.body += bytes;
      }
      if (end) server.script_(exchange);
    }
    void on_done(http::DoneFlags) override { delete this; }
    TinyServer& server;
    http::Exchange& exchange;
  };

  void serve(std::promise<Address> ready) {
    auto socket =
        event::ListeningSocket::open(event::Address::from_ip("127.0.0.1", 0).value(), {}).value();
    ready.set_value({"127.0.0.1", socket.address().port()});
    http::ServerShared shared(0, 0, metrics_, "test");
    const std::shared_ptr<const http::RouteSource> self(this, [](const auto*) {});
    http::Server server(loop_, std::move(socket), {}, shared, blocks_, self);
    loop_.run();
  }

  Script script_;
  mutable std::mutex mutex_;
  Served served_;  // guarded by mutex_
  Address address_;
  telemetry::Metrics metrics_{1};
  BlockPool blocks_;
  event::Loop loop_;
  std::thread thread_;
};

TEST(AdminClient, AsksAndHearsTheAnswer) {
  const TinyServer server(
      [](http::Exchange& exchange) { exchange.answer(202, "application/json", "{\"a\":1}\n"); });
  AdminClient client({server.address(), "secret-token"});
  const auto reply = client.ask({.method = "POST",
                                 .target = "/v1/notifications?x=1",
                                 .body = "{\"topic\":\"a\"}",
                                 .idempotency_key = "k"});
  ASSERT_TRUE(reply) << reply.error().text();
  EXPECT_EQ(reply->status, 202);
  EXPECT_EQ(reply->body, "{\"a\":1}\n");
  EXPECT_EQ(server.served().method, "POST");
  EXPECT_EQ(server.served().target, "/v1/notifications?x=1");
  EXPECT_EQ(server.served().authorization, "Bearer secret-token");
  EXPECT_EQ(server.served().type, "application/json");
  EXPECT_EQ(server.served().key, "k");
  EXPECT_EQ(server.served().host, format_address(server.address()));
  EXPECT_EQ(server.served().body, "{\"topic\":\"a\"}");
}

TEST(AdminClient, AsksAgainAndAgainWithoutAToken) {
  const TinyServer server([](http::Exchange& exchange) { exchange.answer(204, "", ""); });
  AdminClient client({server.address(), ""});
  for (int i = 0; i < 3; ++i) EXPECT_EQ(client.ask({.target = "/"})->status, 204);
  EXPECT_EQ(server.served().authorization, "");
}

TEST(AdminClient, SaysWhenNothingAnswers) {
  Address closed;
  {
    const auto socket =
        event::ListeningSocket::open(event::Address::from_ip("127.0.0.1", 0).value(), {});
    closed = {"127.0.0.1", socket->address().port()};
  }
  AdminClient client({closed, "secret-token"});
  const auto reply = client.ask({.target = "/"});
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().text(),
            "nothing answers at " + format_address(closed) + "; is the gateway running?");
}

TEST(AdminClient, SaysWhenTheAnswerBreaksOff) {
  const TinyServer server([](http::Exchange& exchange) { exchange.abort(); });
  AdminClient client({server.address(), "secret-token"});
  const auto reply = client.ask({.target = "/"});
  ASSERT_FALSE(reply);
  EXPECT_THAT(reply.error().text(), HasSubstr("broke off"));
  EXPECT_THAT(reply.error().text(), Not(HasSubstr("secret")));
}

class AskAdmin : public testing::Test {
 protected:
  struct Door final : AdminDoor {
    Result<AdminReply> ask(const AdminRequest&) override { return reply; }
    AdminReply reply;
  };
  Door door;
};

TEST_F(AskAdmin, IsNotTakenInByOtherServers) {
  for (const char* body : {"<html>", "[1]", "", "7"}) {
    door.reply = {200, body};
    EXPECT_EQ(ask_admin(door, {}).error().message, "what answers there is no gateway");
  }
  door.reply = {502, "<html>"};
  EXPECT_EQ(ask_admin(door, {}).error().message, "the gateway answered with status 502");
  EXPECT_EQ(ask_admin(door, {}).error().document, "");
}

class FindAdmin : public testing::Test {
 protected:
  static Result<AdminTarget> target_of(const AdminArguments& arguments,
                                       const config::Environment& environment) {
    auto found = find_admin(arguments, environment);
    if (!found) return fail(Code::kInvalid, found.error().err);
    return std::move(*found);
  }
  std::string address(const AdminArguments& arguments) {
    const auto target = target_of(arguments, environment);
    return target ? format_address(target->address) : target.error().text();
  }
  config::MemoryEnvironment environment;
};

TEST_F(FindAdmin, TakesTheAddressFromTheNearestPlace) {
  environment.files["f"] = "admin: {address: \"127.0.0.1:9999\"}\n";
  EXPECT_EQ(address({}), "127.0.0.1:9900");
  EXPECT_EQ(address({.config_path = "f"}), "127.0.0.1:9999");
  EXPECT_EQ(address({.address = "[::1]:7", .config_path = "f"}), "[::1]:7");
}

TEST_F(FindAdmin, ConnectsToLoopbackForAListenerOnEveryAddress) {
  EXPECT_EQ(address({.address = ":9900"}), "127.0.0.1:9900");
  EXPECT_EQ(address({.address = "0.0.0.0:9900"}), "127.0.0.1:9900");
  EXPECT_EQ(address({.address = "[::]:9900"}), "[::1]:9900");
}

TEST_F(FindAdmin, RefusesAnAddressThatIsNone) {
  EXPECT_EQ(find_admin({.address = "127.0.0.1:0"}, environment).error().exit_code, 2);
  EXPECT_EQ(find_admin({.address = "nonsense"}, environment).error().exit_code, 2);
  EXPECT_EQ(find_admin({.config_path = "missing"}, environment).error().exit_code, 1);
  EXPECT_THAT(find_admin({.config_path = "missing"}, environment).error().err,
              HasSubstr("missing"));
}

TEST_F(FindAdmin, TakesTheTokenFromTheNearestPlace) {
  const auto token = [&](const AdminArguments& arguments) {
    return target_of(arguments, environment)->token;
  };
  EXPECT_EQ(token({}), "");
  environment.variables["TOCSIN_ADMIN_TOKEN"] = "from-variable";
  environment.files["t"] = "from-file\r\n";
  EXPECT_EQ(token({}), "from-variable");
  EXPECT_EQ(token({.token_file = "t"}), "from-file");
  EXPECT_EQ(token({.token = "given", .token_file = "t"}), "given");
}

TEST_F(FindAdmin, NeverShowsAToken) {
  environment.files["two lines"] = "secret\nlines";
  const auto found = find_admin({.token_file = "two lines"}, environment);
  ASSERT_FALSE(found);
  EXPECT_THAT(found.error().err, Not(HasSubstr("secret")));
  EXPECT_EQ(find_admin({.token_file = "none"}, environment).error().exit_code, 1);
}

}  // namespace
}  // namespace tocsin::app
