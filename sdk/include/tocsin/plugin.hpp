// C++20 over the contract of plugin.h: header-only, standard library only. A plugin written with it
// is a settings type, a class of one or more kinds, and a line:
//
//   constexpr sdk::Option kOptions[] = {
//       {.key = "path", .doc = "The file to append to.", .flags = sdk::kRequired},
//   };
//
//   class FileOutput final : public sdk::Output {
//    public:
//     struct Settings {
//       std::string path;
//       bool load(const sdk::Setup& setup, sdk::Fault& fault) {
//         path = setup.settings["path"].text();
//         return path != "/" || fault.refuse("is no file", "path");
//       }
//     };
//     static constexpr sdk::About kAbout = {"file", "0.1.0", "Appends JSON lines.", kOptions};
//
//     FileOutput(const Settings& settings, sdk::Host host);
//     void deliver(const sdk::Attempt& attempt) override;
//   };
//   TOCSIN_PLUGIN(FileOutput)
//
// Settings are made on the control thread, once an instance; the class on each loop that uses the
// instance. What it has of these is called, on its loop:
//
//   bool start(sdk::Fault& fault);           // worker_init: what a constructor cannot refuse
//   void take_up();                          // worker_start: ports, memberships, connections
//   void reconfigure(const Settings& next);  // worker_reconfigure: the last ones end when it
//                                            // returns, so nothing may point into them any more
//   void drain(sdk::Duration deadline);      // worker_drain
//
// A class may be of several kinds. An output whose provider calls back is an sdk::Handler as well,
// to which a listener's route leads: it then runs on every loop and delivers on one, so that what a
// call says goes to host.report(), which the store keeps, and not to the object's members. Whoever
// answers calls from outside checks that they are its provider's: delivery ids can be guessed.
//
// An instance of a class without reconfigure() is replaced when any of its settings change. What
// escapes as an exception is logged and becomes an internal verdict, a pass, a 500 or a failed
// status; it never reaches the host.
#pragma once

#include "tocsin/sdk/entry.hpp"      // IWYU pragma: export
#include "tocsin/sdk/fd_watch.hpp"   // IWYU pragma: export
#include "tocsin/sdk/host.hpp"       // IWYU pragma: export
#include "tocsin/sdk/http_call.hpp"  // IWYU pragma: export
#include "tocsin/sdk/kinds.hpp"      // IWYU pragma: export
#include "tocsin/sdk/ledger.hpp"     // IWYU pragma: export
#include "tocsin/sdk/option.hpp"     // IWYU pragma: export
#include "tocsin/sdk/pending.hpp"    // IWYU pragma: export
#include "tocsin/sdk/replies.hpp"    // IWYU pragma: export
#include "tocsin/sdk/settings.hpp"   // IWYU pragma: export
#include "tocsin/sdk/template.hpp"   // IWYU pragma: export
#include "tocsin/sdk/timer.hpp"      // IWYU pragma: export
#include "tocsin/sdk/transport.hpp"  // IWYU pragma: export
#include "tocsin/sdk/verdict.hpp"    // IWYU pragma: export
