// An output that takes addresses and delivers nothing: for tests of who would get what.

#include <string>

#include "tocsin/plugin.hpp"

namespace {

namespace sdk = tocsin::sdk;

constexpr sdk::Option kOptions[] = {
    {.key = "kind", .doc = "The kind of address it takes.", .default_text = "email"},
    {.key = "own",
     .type = sdk::kBoolean,
     .doc = "Whether it has an address of its own.",
     .default_text = "true"},
};

class Mailbox final : public sdk::Output {
 public:
  struct Settings {
    std::string kind;
    bool own = true;
    bool load(const sdk::Setup& setup, sdk::Fault&) {
      kind = setup.settings["kind"].text();
      own = setup.settings["own"].boolean();
      return true;
    }
  };
  static constexpr sdk::About kAbout = {"mailbox", "0.0.1", "Takes addresses.", kOptions};
  static sdk::OutputTraits traits(const Settings& settings) {
    return {.address_kind = settings.kind, .has_own_address = settings.own};
  }

  Mailbox(const Settings&, sdk::Host host) : host_(host) {}
  void deliver(const sdk::Attempt& attempt) override {
    host_.complete(attempt.token(), sdk::Verdict::delivered());
  }

 private:
  sdk::Host host_;
};

}  // namespace

TOCSIN_PLUGIN(Mailbox)
