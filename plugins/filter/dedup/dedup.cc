// Drops what was heard within a window.
//
//   filters: [{type: dedup, key: "{{topic}}:{{labels.host}}", window: 5m}]
//
// In two steps, so that nothing is lost: the key is reserved when a notification comes and becomes
// a mark only when the notification is durable. One that could not be stored frees its key, and its
// sender's next try passes. A notification that is sent again under its own identity (an
// idempotency key) is no duplicate of itself: the store answers it.

#include <openssl/sha.h>

#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "tocsin/plugin.hpp"

namespace {

namespace sdk = tocsin::sdk;

constexpr std::size_t kKeyBytesMax = 768;       // the host takes 800
constexpr std::size_t kTextBytesKept = 4096;    // of the room a key is rendered in
constexpr std::size_t kIdentityBytesMax = 128;  // of what a reservation can keep

constexpr sdk::Option kOptions[] = {
    {.key = "key",
     .doc = "What makes two notifications the same, such as {{topic}}:{{labels.host}}.",
     .default_text = "{{topic}}:{{title}}:{{key}}",
     .flags = sdk::kReloadable | sdk::kTemplate,
     .min = "1",
     .max = "4096"},
    {.key = "window",
     .type = sdk::kDuration,
     .doc = "How long after one was let through others like it are dropped.",
     .default_text = "5m",
     .flags = sdk::kReloadable,
     .min = "1s",
     .max = "7d"},
};

class DedupFilter final : public sdk::Filter {
 public:
  struct Settings {
    std::string key;
    sdk::Duration window{};

    bool load(const sdk::Setup& setup, sdk::Fault& fault) {
      key = setup.settings["key"].text();
      window = setup.settings["window"].duration();
      sdk::Template tried;
      return tried.compile(setup.host, key, sdk::Escape::kNone, fault, "key");
    }
  };
  static constexpr sdk::About kAbout = {"dedup", "0.1.0", "Drops what was heard within a window.",
                                        kOptions};

  DedupFilter(const Settings& settings, sdk::Host host) : settings_(&settings), host_(host) {}
  bool start(sdk::Fault& fault) { return compile(fault); }
  // What is reserved keeps its key; a new window holds for marks that are made from now on.
  void reconfigure(const Settings& next) {
    settings_ = &next;
    sdk::Fault unheard(nullptr);  // load() has compiled the same text
    compile(unheard);
  }

  sdk::Decision on_message(sdk::Message& message) override {
    const std::optional<std::string_view> key = render_key(message.notification());
    // Without a key everything passes, as without room for it: a repeat is better than a loss.
    if (!key) return sdk::Decision::kPass;
    const std::string_view identity = message.identity().substr(0, kIdentityBytesMax);
    const sdk::Reservation reservation = host_.reserve(*key, identity);
    if (reservation.exists()) {
      const bool itself = !identity.empty() && reservation.value() == identity;
      return itself ? sdk::Decision::kPass : sdk::Decision::kDrop;
    }
    if (!reservation.made()) return sdk::Decision::kPass;
    message.remember(reservation.token());
    reserved_.add(reservation.token()).assign(*key);
    return sdk::Decision::kPass;
  }

  void on_outcome(std::uint64_t token, bool committed) override {
    const std::string* key = reserved_.find(token);
    if (key == nullptr) return;
    if (committed) {
      host_.confirm(*key, token, settings_->window);
    } else {
      host_.undo(*key, token);
    }
    reserved_.remove(token);
  }

 private:
  // What is too long for the host is known by its beginning and a digest of the whole: cut, it
  // would be the same as another that begins so, which would be dropped. Valid until the next call;
  // nothing: the template asks for more than there may be.
  std::optional<std::string_view> render_key(const sdk::Notification& notification) {
    text_.clear();
    if (!key_.render(notification, text_)) return std::nullopt;
    if (text_.size() <= kKeyBytesMax) return text_;
    unsigned char digest[SHA256_DIGEST_LENGTH];
    SHA256(reinterpret_cast<const unsigned char*>(text_.data()), text_.size(), digest);
    text_.resize(kKeyBytesMax - sizeof(digest));
    text_.append(reinterpret_cast<const char*>(digest), sizeof(digest));
    // One long key is no reason to keep its room.
    if (text_.capacity() > kTextBytesKept) text_.shrink_to_fit();
    return text_;
  }
  bool compile(sdk::Fault& fault) {
    sdk::Template compiled;
    if (!compiled.compile(host_, settings_->key, sdk::Escape::kNone, fault, "key")) return false;
    key_ = std::move(compiled);
    return true;
  }

  const Settings* settings_;
  sdk::Host host_;
  sdk::Template key_;
  std::string text_;                    // the key rendered last
  sdk::Pending<std::string> reserved_;  // keys, by their reservations
};

}  // namespace

TOCSIN_PLUGIN(DedupFilter)
