// Delivers to nobody and says so at once: for load tests, and to keep a route while its real output
// is being set up.

#include "tocsin/plugin.hpp"

namespace {

namespace sdk = tocsin::sdk;

class NullOutput final : public sdk::Output {
 public:
  struct Settings {
    bool load(const sdk::Setup&, sdk::Fault&) { return true; }
  };
  static constexpr sdk::About kAbout = {"null", "0.1.0", "Delivers to nobody, and succeeds."};
  static sdk::OutputTraits traits(const Settings&) {
    return {.batch_max = 256, .idempotent = true};
  }

  NullOutput(const Settings&, sdk::Host host) : host_(host) {}

  void deliver(const sdk::Attempt& attempt) override {
    host_.complete(attempt.token(), sdk::Verdict::delivered());
  }

 private:
  sdk::Host host_;
};

}  // namespace

TOCSIN_PLUGIN(NullOutput)
