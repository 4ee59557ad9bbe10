// Appends each delivery as one JSON line, {"delivery_id": ..., and then the notification's own
// members}. Writing happens in the offload pool, one batch at a time: what is delivered while a
// batch is being written is the next one, so a slow disk makes larger batches and never holds the
// loop. An attempt is delivered when its line is written, with `sync: data` when it is on the disk.
// A file that was moved away or deleted, as by a rotation, is made anew for the next batch.
// A last line that was cut, by a full disk or with the process that wrote it, is left as it is: the
// next one begins on a line of its own.

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "append_file.h"
#include "tocsin/plugin.hpp"

namespace {

namespace sdk = tocsin::sdk;

constexpr std::uint32_t kBatchMax = 512;

constexpr sdk::Option kOptions[] = {
    {.key = "path",
     .doc = "The file that is appended to; made when it is not there.",
     .flags = sdk::kRequired,
     .min = "1",
     .max = "4096"},
    {.key = "sync",
     .type = sdk::kChoice,
     .doc = "data waits until each batch is on the disk; none leaves that to the system.",
     .default_text = "none",
     .choices = "none|data"},
};

class FileOutput final : public sdk::Output {
 public:
  struct Settings {
    std::string path;
    bool sync = false;
    file::AppendFile file;

    bool load(const sdk::Setup& setup, sdk::Fault&) {
      path = setup.settings["path"].text();
      sync = setup.settings["sync"].text_view() == "data";
      return true;
    }
    bool create(const sdk::Setup&, sdk::Fault& fault) {
      const std::string error = file.open(path);
      return error.empty() || fault.refuse(error, "path");
    }
  };
  static constexpr sdk::About kAbout = {"file", "0.1.0", "Appends JSON lines to a file.", kOptions};
  static sdk::OutputTraits traits(const Settings&) { return {.batch_max = kBatchMax}; }

  FileOutput(Settings& settings, sdk::Host host) : settings_(settings), host_(host) {}

  void deliver(const sdk::Attempt& attempt) override {
    add_line(waiting_->lines, attempt);
    waiting_->attempts.push_back(attempt.token());
    if (!writing_) write();
  }
  void deliver_all(sdk::Items<tocsin_attempt> attempts) override {
    for (const tocsin_attempt& attempt : attempts) {
      add_line(waiting_->lines, sdk::Attempt(attempt));
      waiting_->attempts.push_back(attempt.token);
    }
    if (!writing_) write();
  }
  // What was cancelled is written all the same; nobody hears of it.
  void cancel(tocsin_token attempt) override {
    std::erase(waiting_->attempts, attempt);
    if (writing_) std::erase(writing_->attempts, attempt);
  }

 private:
  struct Batch {
    std::string lines;
    std::vector<tocsin_token> attempts;
    std::string error;
  };

  // The payload is an object with a topic at least, so a comma always fits.
  static void add_line(std::string& lines, const sdk::Attempt& attempt) {
    lines.append("{\"delivery_id\":\"").append(attempt.delivery_id());
    lines.append("\",").append(attempt.payload().substr(1)).append("\n");
  }

  void write() {
    if (waiting_->attempts.empty()) return;
    writing_ = std::exchange(waiting_, std::make_shared<Batch>());
    const bool taken = host_.offload(
        [batch = writing_, &settings = settings_] {
          batch->error = settings.file.append(batch->lines, settings.sync);
        },
        [this] { written(); });
    if (taken) return;
    writing_->error = "every thread for blocking work is taken";
    written();
  }

  void written() {
    const std::shared_ptr<Batch> batch = std::exchange(writing_, nullptr);
    for (const tocsin_token attempt : batch->attempts) {
      host_.complete(attempt, batch->error.empty() ? sdk::Verdict::delivered()
                                                   : sdk::Verdict::retry(batch->error));
    }
    write();
  }

  Settings& settings_;
  sdk::Host host_;
  std::shared_ptr<Batch> waiting_ = std::make_shared<Batch>();
  std::shared_ptr<Batch> writing_;
};

}  // namespace

TOCSIN_PLUGIN(FileOutput)
