// Drives the plugin through a fake host: no gateway, no network, no waiting.

#include <cstdio>
#include <cstdlib>

#include "tocsin/testing/fake_host.hpp"

extern "C" const tocsin_plugin* TOCSIN_ENTRY(void);

namespace {

using tocsin::testing::FakeHost;

#define CHECK(claim)                                                   \
  do {                                                                 \
    if (!(claim)) {                                                    \
      std::fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #claim); \
      std::exit(1);                                                    \
    }                                                                  \
  } while (false)

void refuses_a_url_that_is_none() {
  FakeHost host(TOCSIN_ENTRY());
  host.settings.set("url", "hooks.example.com");
  CHECK(host.validate() == "url: must begin with http:// or https://");
}

void posts_the_notification() {
  FakeHost host(TOCSIN_ENTRY());
  host.settings.set("url", "http://hooks.example.com/x");
  host.settings.set("token", "secret");
  CHECK(host.start().empty());
  const tocsin_token attempt = host.deliver(R"({"topic":"orders"})");
  auto& request = host.requests.at(0);
  CHECK(request.method == "POST");
  CHECK(request.url == "http://hooks.example.com/x");
  CHECK(request.body == R"({"topic":"orders"})");
  CHECK(request.headers.at(2).second == "Bearer secret");
  host.answer(request, 200);
  CHECK(host.verdicts.at(attempt).kind == TOCSIN_DELIVERED);
}

void tries_again_when_the_receiver_is_down() {
  FakeHost host(TOCSIN_ENTRY());
  host.settings.set("url", "http://hooks.example.com/x");
  CHECK(host.start().empty());
  const tocsin_token first = host.deliver("{}");
  host.answer(host.requests.at(0), 503, "", {{"Retry-After", "7"}});
  CHECK(host.verdicts.at(first).kind == TOCSIN_THROTTLED);
  CHECK(host.verdicts.at(first).after == std::chrono::seconds(7));
  const tocsin_token second = host.deliver("{}");
  host.fail(host.requests.at(1), TOCSIN_HTTP_TIMEOUT, true);
  CHECK(host.verdicts.at(second).kind == TOCSIN_RETRY);
}

void stops_what_is_cancelled() {
  FakeHost host(TOCSIN_ENTRY());
  host.settings.set("url", "http://hooks.example.com/x");
  CHECK(host.start().empty());
  host.cancel(host.deliver("{}"));
  CHECK(host.requests.at(0).over);
  CHECK(host.late == 0);
}

}  // namespace

int main() {
  refuses_a_url_that_is_none();
  posts_the_notification();
  tries_again_when_the_receiver_is_down();
  stops_what_is_cancelled();
  std::puts("every test passed");
  return 0;
}
