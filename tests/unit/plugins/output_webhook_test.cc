#include <gtest/gtest.h>

#include <algorithm>

#include "tests/unit/plugins/shipped_plugin.h"
#include "tocsin/testing/fake_host.hpp"

namespace tocsin {
namespace {

using testing::FakeHost;

class WebhookOutputTest : public ::testing::Test {
 protected:
  WebhookOutputTest() { host.settings.set("url", "http://hook.example/in?a=1"); }

  void start() { ASSERT_EQ(host.start(), ""); }
  std::uint32_t kind_of(tocsin_token attempt) const { return host.verdicts.at(attempt).kind; }

  FakeHost host{shipped("output_webhook")};
};

// ---- what it sends

TEST_F(WebhookOutputTest, PutsTheIdsInFrontOfTheNotificationsFields) {
  start();
  const tocsin_token attempt = host.deliver(R"({"topic":"a"})");
  const std::string number = std::to_string(attempt);
  ASSERT_EQ(host.requests.size(), 1U);
  EXPECT_EQ(host.requests[0].method, "POST");
  EXPECT_EQ(host.requests[0].url, "http://hook.example/in?a=1");
  EXPECT_EQ(host.requests[0].body,
            R"({"id":"ntf_)" + number + R"(","delivery_id":"dlv_)" + number + R"(","topic":"a"})");
  EXPECT_NE(host.requests[0].flags & TOCSIN_HTTP_IDEMPOTENT, 0U);
}

TEST_F(WebhookOutputTest, SendsItsOwnHeadersAroundTheConfiguredOnes) {
  host.settings.set_map("headers", {{"Authorization", "Bearer s3cret"}, {"X-Empty", ""}});
  start();
  const tocsin_token attempt = host.deliver(R"({"topic":"a"})", "", {}, 3);
  const FakeHost::Headers expected = {{"Content-Type", "application/json"},
                                      {"User-Agent", "Tocsin/0.1"},
                                      {"Authorization", "Bearer s3cret"},
                                      {"X-Empty", ""},
                                      {"Idempotency-Key", "dlv_" + std::to_string(attempt)},
                                      {"Tocsin-Attempt", "3"}};
  EXPECT_EQ(host.requests.at(0).headers, expected);
}

TEST_F(WebhookOutputTest, SendsTheBodyThatATemplateMakes) {
  host.settings.set("method", "PUT");
  host.settings.set("content_type", "text/plain; charset=utf-8");
  host.settings.set("body", "{{topic}} says {{title}}");
  start();
  tocsin_notification notification{};
  notification.topic = tocsin::sdk::to_c("orders");
  notification.title = tocsin::sdk::to_c("paid twice");
  host.deliver(R"({"topic":"orders"})", "", notification);
  EXPECT_EQ(host.requests.at(0).method, "PUT");
  EXPECT_EQ(host.requests.at(0).headers.at(0).second, "text/plain; charset=utf-8");
  EXPECT_EQ(host.requests.at(0).body, "orders says paid twice");
}

TEST_F(WebhookOutputTest, RefusesABrokenBody) {
  host.settings.set("body", "{{topic");
  EXPECT_EQ(host.start(), "body: a {{ is not closed");
}

TEST_F(WebhookOutputTest, SignsEachAttemptAnew) {
  host.settings.set_list("secrets", {"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
                                     "whsec_QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUE="});
  start();
  const auto header = [this](std::size_t request, std::string_view name) {
    for (const auto& [key, value] : host.requests.at(request).headers) {
      if (key == name) return value;
    }
    return std::string("none");
  };
  const tocsin_token attempt = host.deliver(R"({"topic":"a"})");
  EXPECT_EQ(header(0, "webhook-id"), "dlv_" + std::to_string(attempt));
  EXPECT_EQ(header(0, "webhook-timestamp"), "1767225600") << "the host's wall clock";
  EXPECT_EQ(header(0, "webhook-signature").size(), 95U) << "two of 47 bytes and a blank";
  host.clock.advance(std::chrono::seconds(90));
  host.deliver(R"({"topic":"a"})");
  EXPECT_EQ(header(1, "webhook-timestamp"), "1767225690");
  EXPECT_NE(header(1, "webhook-signature"), header(0, "webhook-signature"));
}

TEST_F(WebhookOutputTest, SignsNothingWithoutASecretAndTakesNoOther) {
  start();
  host.deliver(R"({"topic":"a"})");
  for (const auto& [name, value] : host.requests.at(0).headers) {
    EXPECT_NE(name.substr(0, 8), "webhook-") << value;
  }
}

TEST_F(WebhookOutputTest, RefusesASecretWithoutShowingIt) {
  host.settings.set_list("secrets", {"whsec_c2hvcnQ="});
  EXPECT_EQ(host.start(),
            "secrets: a secret is base64 of 24 to 64 bytes, as whsec_$(openssl rand -base64 32) "
            "makes it");
}

TEST_F(WebhookOutputTest, TakesOtherHeadersWithoutBeingMadeAnew) {
  host.settings.set_map("headers", {{"Authorization", "Bearer old"}});
  start();
  host.settings.set_map("headers", {{"X-Bad\n", "x"}});
  EXPECT_NE(host.reconfigure(), "");
  host.settings.set_map("headers", {{"Authorization", "Bearer new"}, {"X-More", "1"}});
  ASSERT_EQ(host.reconfigure(), "");
  host.deliver(R"({"topic":"a"})");
  host.adopt();
  host.deliver(R"({"topic":"a"})");
  EXPECT_EQ(host.requests.at(0).headers.size(), 5U);
  EXPECT_EQ(host.requests.at(0).headers.at(2).second, "Bearer old");
  EXPECT_EQ(host.requests.at(1).headers.size(), 6U);
  EXPECT_EQ(host.requests.at(1).headers.at(2).second, "Bearer new");
  EXPECT_EQ(host.requests.at(1).headers.at(3).first, "X-More");
}

TEST_F(WebhookOutputTest, KeepsRequestsApartThatAreUnderWayTogether) {
  start();
  const tocsin_token first = host.deliver(R"({"topic":"first"})");
  const tocsin_token second = host.deliver(R"({"topic":"second"})");
  host.answer(host.requests.at(1), 500);
  host.answer(host.requests.at(0), 204);
  EXPECT_EQ(kind_of(first), std::uint32_t{TOCSIN_DELIVERED});
  EXPECT_EQ(kind_of(second), std::uint32_t{TOCSIN_RETRY});
  EXPECT_NE(host.requests.at(0).body.find("first"), std::string::npos);
}

TEST_F(WebhookOutputTest, TakesManyOneAfterAnotherAndManyAtOnce) {
  start();
  for (int round = 0; round < 3; ++round) {
    std::vector<tocsin_token> attempts;
    const std::size_t before = host.requests.size();
    for (int i = 0; i < 1500; ++i) attempts.push_back(host.deliver(R"({"topic":"a"})"));
    for (std::size_t i = before; i < host.requests.size(); ++i) host.answer(host.requests[i], 200);
    for (const tocsin_token attempt : attempts) {
      ASSERT_EQ(kind_of(attempt), std::uint32_t{TOCSIN_DELIVERED});
    }
  }
  EXPECT_EQ(host.late, 0U);
}

TEST_F(WebhookOutputTest, SaysThatReceiversCanTellRepeats) {
  start();
  const tocsin_output_traits traits = host.traits();
  EXPECT_EQ(traits.batch_max, 64U);
  EXPECT_EQ(traits.has_own_address, 1U);
  EXPECT_EQ(traits.idempotent, 1U);
  EXPECT_EQ(traits.address_kind.len + traits.account.len, 0U);
}

TEST_F(WebhookOutputTest, MakesItsUrlBehindTheHostOfATemplate) {
  host.settings.set("url", "http://hook.example/{{topic}}?l={{labels.team}}");
  start();
  tocsin_notification notification{};
  notification.topic = tocsin::sdk::to_c("orders");
  host.deliver(R"({"topic":"orders"})", "", notification);
  EXPECT_EQ(host.requests.at(0).url, "http://hook.example/orders?l=");
}

TEST_F(WebhookOutputTest, NeverSendsAValueThatLeadsOutOfItsPath) {
  host.settings.set("url", "http://hook.example/in/{{topic}}");
  start();
  for (const char* topic : {"..", "../admin", "a/../..", "%2e%2E", "a/.%2e/b", "a b", "a#b"}) {
    tocsin_notification notification{};
    notification.topic = tocsin::sdk::to_c(topic);
    const tocsin_token attempt = host.deliver(R"({"topic":"a"})", "", notification);
    EXPECT_EQ(kind_of(attempt), std::uint32_t{TOCSIN_REJECTED}) << topic;
    EXPECT_EQ(host.verdicts.at(attempt).reason.substr(0, 9), "the URL: ");
  }
  EXPECT_TRUE(host.requests.empty());
}

TEST_F(WebhookOutputTest, RefusesAHostThatATemplateMakes) {
  const std::string_view why =
      "url: the URL's host must stand before its first {{, and a / behind it";
  for (const char* url : {"http://hook.example{{topic}}/", "http://hook{{topic}}"}) {
    host.settings.set("url", url);
    EXPECT_EQ(host.validate(), why) << url;
  }
  host.settings.set("url", "{{topic}}");
  EXPECT_EQ(host.validate(), "url: a URL begins with http:// or https://");
  host.settings.set("url", "http://{{topic}}/");
  EXPECT_EQ(host.validate(), "url: the URL names no host");
}

TEST_F(WebhookOutputTest, HoldsBackRepeatsWhereTheReceiverWouldNotDropThem) {
  host.settings.set("idempotent", "false");
  host.settings.set("account", "bot-1");
  start();
  EXPECT_EQ(host.traits().idempotent, 0U);
  EXPECT_EQ(tocsin::sdk::view(host.traits().account), "bot-1");
  const tocsin_token attempt = host.deliver(R"({"topic":"a"})");
  EXPECT_EQ(host.requests.at(0).flags & TOCSIN_HTTP_IDEMPOTENT, 0U);
  host.fail(host.requests.at(0), TOCSIN_HTTP_CUT, true);
  EXPECT_EQ(kind_of(attempt), std::uint32_t{TOCSIN_AMBIGUOUS});
}

// ---- what comes back

TEST_F(WebhookOutputTest, LeavesTheMeaningOfAnswersToTheGateway) {
  start();
  const std::pair<std::uint32_t, std::uint32_t> cases[] = {
      {200, TOCSIN_DELIVERED},    {202, TOCSIN_DELIVERED}, {400, TOCSIN_REJECTED},
      {401, TOCSIN_UNAUTHORIZED}, {404, TOCSIN_REJECTED},  {410, TOCSIN_TARGET_GONE},
      {429, TOCSIN_THROTTLED},    {500, TOCSIN_RETRY},     {503, TOCSIN_RETRY}};
  for (const auto& [status, kind] : cases) {
    const tocsin_token attempt = host.deliver(R"({"topic":"a"})");
    host.answer(host.requests.back(), status);
    EXPECT_EQ(kind_of(attempt), kind) << status;
  }
}

TEST_F(WebhookOutputTest, HandsOnHowLongTheReceiverWantsToBeLeftAlone) {
  start();
  const tocsin_token attempt = host.deliver(R"({"topic":"a"})");
  host.answer(host.requests.at(0), 429, "", {{"Retry-After", "17"}});
  EXPECT_EQ(host.verdicts.at(attempt).after, std::chrono::seconds(17));
  EXPECT_EQ(host.verdicts.at(attempt).reason, "the receiver answered 429");
}

TEST_F(WebhookOutputTest, RetriesWhenNoAnswerComesSinceReceiversDropRepeats) {
  start();
  for (const std::uint32_t failure :
       {TOCSIN_HTTP_NO_CONNECTION, TOCSIN_HTTP_TIMEOUT, TOCSIN_HTTP_CUT, TOCSIN_HTTP_PROTOCOL}) {
    const tocsin_token attempt = host.deliver(R"({"topic":"a"})");
    host.fail(host.requests.back(), failure, true);
    EXPECT_EQ(kind_of(attempt), std::uint32_t{TOCSIN_RETRY}) << failure;
  }
}

TEST_F(WebhookOutputTest, RejectsWhatCannotBeSentAndRetriesWhatCannotBeSentNow) {
  start();
  for (const auto& [refusal, kind] :
       {std::pair(TOCSIN_INVALID, TOCSIN_REJECTED), std::pair(TOCSIN_FULL, TOCSIN_RETRY),
        std::pair(TOCSIN_UNAVAILABLE, TOCSIN_RETRY)}) {
    host.http_refusal = refusal;
    const tocsin_token attempt = host.deliver(R"({"topic":"a"})");
    EXPECT_EQ(kind_of(attempt), std::uint32_t{kind}) << refusal;
    EXPECT_EQ(host.verdicts.at(attempt).reason, "the fake host sends nothing");
  }
  host.http_refusal = TOCSIN_OK;
  host.deliver(R"({"topic":"a"})");
  EXPECT_EQ(host.requests.size(), 1U);
}

// ---- cancel

TEST_F(WebhookOutputTest, GivesUpTheRequestOfACancelledAttempt) {
  start();
  const tocsin_token attempt = host.deliver(R"({"topic":"a"})");
  host.cancel(attempt);
  EXPECT_TRUE(host.requests.at(0).over);
  const tocsin_token next = host.deliver(R"({"topic":"b"})");
  host.answer(host.requests.at(1), 200);
  EXPECT_EQ(kind_of(next), std::uint32_t{TOCSIN_DELIVERED});
  EXPECT_FALSE(host.verdicts.contains(attempt));
  EXPECT_EQ(host.late, 0U);
}

TEST_F(WebhookOutputTest, TakesACancelForWhatIsOverCalmly) {
  start();
  const tocsin_token attempt = host.deliver(R"({"topic":"a"})");
  host.answer(host.requests.at(0), 200);
  host.cancel(attempt);
  host.cancel(4711);
  EXPECT_EQ(host.verdicts.size(), 1U);
}

TEST_F(WebhookOutputTest, EndsWithRequestsUnderWay) {
  start();
  host.deliver(R"({"topic":"a"})");
  host.stop();
  EXPECT_TRUE(host.requests.at(0).over);
}

// ---- how it gets there

TEST_F(WebhookOutputTest, MeetsServersAsItsSettingsSay) {
  host.settings.set("url", "https://hook.example/in");
  host.settings.set("proxy", "http://proxy.example:3128");
  start();
  host.deliver(R"({"topic":"a"})");
  EXPECT_EQ(host.requests.at(0).url, "https://hook.example/in");
  EXPECT_EQ(host.requests.at(0).transport, "verified proxy=http://proxy.example:3128");
}

TEST_F(WebhookOutputTest, NamesTheOptionThatNoTransportCanBeMadeOf) {
  host.transport_refusal = "tls.ca_file";
  EXPECT_EQ(host.validate(), "tls.ca_file: the fake host makes no transport");
  EXPECT_EQ(host.create(), "tls.ca_file: the fake host makes no transport");
}

// ---- what can never work

TEST_F(WebhookOutputTest, RefusesAUrlThatNoRequestCanGoTo) {
  const std::pair<const char*, const char*> cases[] = {
      {"ftp://hook.example/", "url: a URL begins with http:// or https://"},
      {"hook.example/in", "url: a URL begins with http:// or https://"},
      {"http:/hook.example", "url: a URL begins with http:// or https://"},
      {"https:///in", "url: the URL names no host"},
      {"http:///in", "url: the URL names no host"},
      {"http://:8080/", "url: the URL names no host"},
      {"http://?a=1", "url: the URL names no host"},
      {"http://hook.example:99999/",
       "url: behind the host stands at most a port, from :1 to :65535"},
      {"http://hook.example:0/", "url: behind the host stands at most a port, from :1 to :65535"},
      {"http://hook.example:/", "url: behind the host stands at most a port, from :1 to :65535"},
      {"http://hook.example:80:80/",
       "url: behind the host stands at most a port, from :1 to :65535"},
      {"http://[::1]80/", "url: behind the host stands at most a port, from :1 to :65535"},
      {"http://[::1/", "url: this is no host: write a name, 192.0.2.1 or [2001:db8::1]"},
      {"http://[]/", "url: this is no host: write a name, 192.0.2.1 or [2001:db8::1]"},
      {"http://ho%20st/", "url: this is no host: write a name, 192.0.2.1 or [2001:db8::1]"},
      {"http://user:secret@hook.example/",
       "url: a URL must not carry a user name or password; write them as a header: Authorization"},
      {"http://hook.example/a b", "url: the URL holds bytes that must be percent-encoded"},
      {"http://hook.example/\xc3\xbc", "url: the URL holds bytes that must be percent-encoded"},
      {"http://hook.example/\r\nX: y", "url: the URL holds bytes that must be percent-encoded"},
      {"http://hook.example/#top", "url: a URL must not carry a fragment: it is never sent"},
  };
  for (const auto& [url, why] : cases) {
    host.settings.set("url", url);
    EXPECT_EQ(host.validate(), why);
    EXPECT_EQ(host.create(), why);
  }
}

TEST_F(WebhookOutputTest, AcceptsUrlsThatARequestCanGoTo) {
  for (const char* url :
       {"http://hook.example", "HTTP://hook.example/", "http://127.0.0.1:8080/x",
        "HTTPS://hook.example/", "http://[::1]:8080/?q=%20", "http://hook.example/a@b"}) {
    host.settings.set("url", url);
    EXPECT_EQ(host.validate(), "") << url;
  }
}

TEST_F(WebhookOutputTest, RefusesHeadersThatCannotBeSentAndNeverShowsAValue) {
  const std::tuple<const char*, const char*, const char*> cases[] = {
      {"X Y", "v", R"(headers: "X Y" is no header name)"},
      {"", "v", R"(headers: "" is no header name)"},
      {"X:", "v", R"(headers: "X:" is no header name)"},
      {"X\xc3\xbc", "v", "headers: \"X\xc3\xbc\" is no header name"},
      {"Content-Length", "5", R"(headers: the gateway itself writes the header "Content-Length")"},
      {"host", "x", R"(headers: the gateway itself writes the header "host")"},
      {"Transfer-Encoding", "chunked",
       R"(headers: the gateway itself writes the header "Transfer-Encoding")"},
      {"Connection", "close", R"(headers: the gateway itself writes the header "Connection")"},
      {"TE", "x", R"(headers: the gateway itself writes the header "TE")"},
      {"Idempotency-Key", "x",
       R"(headers: every webhook has a header "Idempotency-Key" of its own)"},
      {"content-type", "x", R"(headers: every webhook has a header "content-type" of its own)"},
      {"X", "s3cret\r\nY: z", R"(headers: the value of "X" holds a control character)"},
      {"X", "s3cret\x7f", R"(headers: the value of "X" holds a control character)"},
      {"X", " s3cret", R"(headers: the value of "X" begins or ends with a blank)"},
      {"X", "s3cret\t", R"(headers: the value of "X" begins or ends with a blank)"},
  };
  for (const auto& [name, value, why] : cases) {
    host.settings.set_map("headers", {{"X-Fine", "fine"}, {name, value}});
    EXPECT_EQ(host.validate(), why);
    EXPECT_EQ(host.create(), why);
  }
}

TEST_F(WebhookOutputTest, RefusesAHeaderThatIsGivenTwice) {
  host.settings.set_map("headers", {{"X-One", "1"}, {"x-one", "2"}});
  EXPECT_EQ(host.validate(), R"(headers: the header "x-one" is given twice)");
}

TEST_F(WebhookOutputTest, AcceptsHeadersWithAnythingElse) {
  host.settings.set_map("headers", {{"X-!#$%&'*+.^_`|~1", "a\tb \xc3\xbc"}, {"Hosts", ""}});
  EXPECT_EQ(host.validate(), "");
}

}  // namespace
}  // namespace tocsin
