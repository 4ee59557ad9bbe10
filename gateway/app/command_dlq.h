#pragma once

#include <cstdint>
#include <string>
#include <thread>
#include <vector>

#include "gateway/app/admin_client.h"
#include "gateway/app/command_output.h"
#include "gateway/base/clock.h"
#include "gateway/base/function.h"

namespace tocsin::app {

/// Which dead letters a command means; the gateway judges the texts. Empty members ask for nothing.
struct LetterChoice {
  std::string output, reason, topic, address, review;
  std::string accepted_after, accepted_before, updated_after, updated_before;

  /// The members that ask for something, by the names the admin API has for them.
  std::vector<std::pair<std::string_view, std::string_view>> members() const;
  /// Makes instants of what is said as how long ago, so that several requests mean the same ones.
  void fix_times(WallTime now);
};

/// What `tocsin dlq list` was told.
struct ListArguments {
  LetterChoice choice;
  std::string before;  ///< empty: from the newest
  std::uint32_t limit = 50;
};

/// What `tocsin dlq redrive`, `approve` and `discard` were told: dead letters by id, or all that
/// are meant.
struct ReviewArguments {
  std::string_view verb;  ///< "redrive", "approve" or "discard"
  std::vector<std::string> ids;
  LetterChoice choice;
  bool all = false;
  bool approved = false;  ///< only approved ones
  bool dry_run = false;   ///< only say which
  std::string rate;       ///< at most so many, as 50/s; empty: as fast as it goes
  /// Called with a line for people whenever there is something new; may be empty.
  Function<void(std::string)> progress = {};
  /// Lets time pass: before a request that a pace puts off, and before one is sent again that
  /// failed after others did not, as while another process takes the gateway's place.
  Function<void(Duration)> wait = [](Duration time) { std::this_thread::sleep_for(time); };
};

CommandOutput list_dead_letters(const ListArguments& arguments, const AdminArguments& admin,
                                AdminDoor& door);
/// How many there are, by output and reason.
CommandOutput count_dead_letters(LetterChoice choice, const AdminArguments& admin, AdminDoor& door);
CommandOutput show_dead_letter(const std::string& id, const AdminArguments& admin, AdminDoor& door);
/// Goes on over ids that are none; exit code 1 when there was one.
CommandOutput review_dead_letters(ReviewArguments& arguments, const AdminArguments& admin,
                                  AdminDoor& door);

}  // namespace tocsin::app
