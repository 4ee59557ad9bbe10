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

void drops_what_has_the_label_and_nothing_else() {
  FakeHost host(TOCSIN_ENTRY());
  host.settings.set("label", "quiet");
  CHECK(host.start().empty());
  tocsin_notification notification{};
  notification.size = sizeof(notification);
  tocsin_token token = 0;
  CHECK(host.filter(notification, token) == TOCSIN_PASS);
  const tocsin_label label{tocsin::sdk::to_c("quiet"), tocsin::sdk::to_c("yes")};
  notification.labels = &label;
  notification.label_count = 1;
  notification.label_stride = sizeof(label);
  CHECK(host.filter(notification, token) == TOCSIN_DROP);
}

void takes_another_label_when_the_configuration_is_reloaded() {
  FakeHost host(TOCSIN_ENTRY());
  host.settings.set("label", "quiet");
  CHECK(host.start().empty());
  host.settings.set("label", "silent");
  CHECK(host.reconfigure().empty());
  host.adopt();
  const tocsin_label label{tocsin::sdk::to_c("silent"), {}};
  tocsin_notification notification{};
  notification.size = sizeof(notification);
  notification.labels = &label;
  notification.label_count = 1;
  notification.label_stride = sizeof(label);
  tocsin_token token = 0;
  CHECK(host.filter(notification, token) == TOCSIN_DROP);
}

}  // namespace

int main() {
  drops_what_has_the_label_and_nothing_else();
  takes_another_label_when_the_configuration_is_reloaded();
  std::puts("every test passed");
  return 0;
}
