#pragma once

#include <tocsin/storage.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "ballast.h"
#include "checkpointer.h"
#include "company.h"
#include "epoch_lock.h"
#include "looker.h"
#include "operations.h"
#include "readers.h"
#include "settings.h"
#include "turn.h"

namespace tocsin::sqlite {

/// What the plugin asks of its host.
class Host {
 public:
  Host(const tocsin_host* host, tocsin_instance* instance) : host_(host), instance_(instance) {}
  void log(std::uint32_t level, const std::string& text) const {
    host_->log(instance_, level, {text.data(), text.size()});
  }
  std::int64_t wall_ns() const { return host_->wall_ns(instance_); }

 private:
  const tocsin_host* host_;
  tocsin_instance* instance_;
};

/// One outbox on one file. Its readers are for any thread, the rest is for the storage's loop.
class Store {
 public:
  Store(Settings settings, Host host);
  ~Store();

  std::uint32_t open(const tocsin_store_open& how, tocsin_store_state& state, tocsin_fault* fault);
  /// Returns enum tocsin_apply_outcome.
  std::uint32_t apply(tocsin_operation* const* operations, std::uint32_t count,
                      tocsin_fault& fault);
  void close();
  /// What is read beside the batches, on any thread that may block.
  Readers& readers() { return readers_; }
  const Settings& settings() const { return settings_; }

 private:
  /// What is there while the store is open. Statements go before their connection.
  struct Session {
    explicit Session(const EpochLock& lock)
        : work{database, backlog, scratch, lines}, company(lock) {}
    Database database;
    Backlog backlog;
    Scratch scratch;
    Lines lines;
    Work work;
    Company company;
    Statement begin;
    Statement commit;
    Statement rollback;
    Appender appender{work};
    Claimer claimer{work};
    Settler settler{work};
    Amender amender{work, settler};
    Reviewer reviewer{work};
    Rethinker rethinker{work};
    Reviver reviver{work};
    Recorder recorder{work};
    Keeper keeper{work, appender.keys(), recorder};
    Mover mover{work};
    Looker looker{work, company};
    std::vector<tocsin_backlog_count> reported;  // what the state of opening points to
  };

  // open.cc
  std::uint32_t open_files(tocsin_fault* fault);
  std::uint32_t enter_lock(tocsin_fault* fault);
  std::uint32_t enter_shared(const tocsin_store_open& how, tocsin_fault* fault);
  bool begin_epoch(Session& session, const tocsin_store_open& how, tocsin_store_state& state,
                   std::uint32_t& refusal, tocsin_fault* fault);
  bool configure(Session& session);
  bool report(Session& session, tocsin_store_state& state);

  // share.cc
  bool take_turn(const Session& session, tocsin_fault& fault);
  std::string no_turn(int error) const;
  bool catch_up(Session& session);
  std::uint32_t refuse_remote(tocsin_fault* fault) const;

  // store.cc
  bool apply_one(Session& session, tocsin_operation& operation);
  bool apply_all(Session& session, tocsin_operation* const* operations, std::uint32_t count);
  std::uint32_t commit(Session& session, tocsin_fault& fault);
  std::uint32_t fail(Session& session, tocsin_fault& fault);
  void roll_back(Session& session);
  void end_epoch(Session& session);

  std::string lock_path() const { return settings_.path + ".lock"; }

  const Settings settings_;
  const Host host_;
  EpochLock lock_;
  Turn turn_;
  Ballast ballast_;
  Checkpointer checkpointer_;
  Readers readers_;
  std::unique_ptr<Session> session_;
  bool unknown_ = false;  // the last batch's outcome; the epoch outlives close()
};

}  // namespace tocsin::sqlite
