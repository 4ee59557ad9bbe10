#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/base/clock.h"
#include "gateway/base/result.h"
#include "gateway/message/message.h"
#include "gateway/stage/presence.h"

namespace tocsin::plugin {

class CrashFile;

/// Who was inside a callback of a process that ended there, and with which deliveries in hand.
struct CrashFinding {
  WallTime at{};       ///< when it was found, which is at the next start
  std::string plugin;  ///< "output/slack"
  std::string id;      ///< its name in the configuration
  int signal = 0;      ///< that ended the process
  std::vector<message::DeliveryId> deliveries;
};

/// Which plugin is inside a callback of each loop, in memory that outlives the process: a mapped
/// file. A plugin cannot be stopped from crashing the process, but the next one knows who it was.
///
/// Written by the loops with plain stores, without system calls; what a process wrote survives its
/// death, not that of the machine. Somebody is to blame only when a fatal signal met the thread
/// while he was inside (crash_signals.h): who is killed from outside is not, nor is the machine.
/// One process has a file for itself (flock): while another lives, as during an upgrade, PATH.1 to
/// PATH.3 are used.
class CrashMap final : public stage::PresenceBook {
 public:
  static constexpr std::size_t kNamesMax = 512;       ///< instances known by name
  static constexpr std::size_t kDeliveriesMax = 256;  ///< named of one call
  static constexpr std::size_t kHistoryMax = 16;      ///< findings kept over starts
  static constexpr std::size_t kFilesMax = 4;
  /// So many findings within the window make an instance a suspect.
  static constexpr std::size_t kSuspectFindings = 3;
  static constexpr Duration kSuspectWindow = std::chrono::minutes(10);

  /// One loop's place. Its loop writes, any thread reads the atomics.
  struct alignas(64) Slot {
    struct Entry {
      std::uint64_t notification;
      std::uint64_t ordinal;
    };
    std::atomic<std::uint32_t> plugin;      ///< number of a name; 0: nobody is inside
    std::atomic<std::uint32_t> deliveries;  ///< valid in `entries`
    std::atomic<const char*> callback;      ///< of this process: its name for the callback
    std::atomic<std::uint32_t> crashed;     ///< the signal that this loop's thread died of; 0: none
    std::array<Entry, kDeliveriesMax> entries;
  };

  /// Without a file: who is inside can be asked, and is forgotten with the process.
  explicit CrashMap(std::size_t loops);
  /// In that file from now on, made if it is not there. What earlier processes left in it, and in
  /// the files beside it, is in found() and the history, instead of what was there before. Slots
  /// and numbers stay. While no plugin is inside and nobody else asks. An error: nothing changed.
  Result<void> keep_in(const std::string& path, WallTime now);
  /// The path it was given; empty: it has no file.
  const std::string& path() const { return path_; }
  ~CrashMap() override;
  CrashMap(const CrashMap&) = delete;
  CrashMap& operator=(const CrashMap&) = delete;

  /// What was found where it is kept; also part of the history.
  const std::vector<CrashFinding>& found() const { return found_; }
  /// Findings of the last kSuspectWindow, the oldest first.
  std::vector<CrashFinding> history(WallTime now) const;
  /// Instances found kSuspectFindings times in that window, unless one delivery was there each
  /// time: that one is given up by itself, and the plugin need not be.
  std::vector<CrashFinding> suspects(WallTime now) const;
  /// Forgets what was found of an instance. Control thread, as the two above.
  void forgive(std::string_view plugin, std::string_view id);

  /// The number of an instance's name, the same for the same name; 0: there are too many. Any
  /// thread.
  std::uint32_t number_of(std::string_view plugin, std::string_view id);
  /// Null for a loop that is not in the map.
  Slot* slot(std::size_t loop) { return loop < slots_.size() ? &slots_[loop] : nullptr; }

  /// For code that this room does not see: what Worker::Inside notes of compiled plugins.
  std::unique_ptr<stage::Presence> presence_of(std::string_view plugin, std::string_view id,
                                               std::size_t loop) override;

  struct Inside {
    std::string plugin;
    std::string id;
    const char* callback;
  };
  /// Who is inside a callback of the loop now. Any thread.
  std::optional<Inside> inside(std::size_t loop) const;

 private:
  struct Left;  // by earlier processes
  static Result<Left> read_left(const std::string& path, WallTime now);
  void keep(const CrashFinding& finding);

  const std::unique_ptr<CrashFile> file_;
  const std::span<Slot> slots_;
  std::string path_;
  std::vector<CrashFinding> found_;
  mutable std::mutex mutex_;
  std::size_t names_used_ = 0;  // guarded by mutex_
};

}  // namespace tocsin::plugin
