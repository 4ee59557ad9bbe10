#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "gateway/base/clock.h"
#include "gateway/event/loop.h"
#include "gateway/event/tls.h"
#include "tests/unit/event/certificates.h"
#include "tests/unit/event/loopback.h"

namespace tocsin::event::testing {

/// A stream in memory: what is written waits in `out` until the test carries it over.
class MemoryStream final : public Stream {
 public:
  /// What the far side and the test see of it; outlives the stream.
  struct State {
    std::string out;
    Events* events = nullptr;
    bool reading = false;
    bool ended = false;
    bool destroyed = false;
    bool reset = false;
    std::size_t taken = 0;  // of `out`, by the far side, ever
  };

  explicit MemoryStream(Loop& loop) : loop_(loop) {}
  ~MemoryStream() override { state_->destroyed = true; }

  std::shared_ptr<State> state() { return state_; }

  void set_events(Events& events) override { state_->events = &events; }
  void read_start() override { state_->reading = true; }
  void read_stop() override { state_->reading = false; }
  bool write(std::string_view bytes) override {
    state_->out += bytes;
    if (state_->out.size() > kHighWater) above_ = true;
    return !above_;
  }
  char* reserve(std::size_t) override { return nullptr; }
  bool commit(std::size_t) override { return true; }
  void end() override { state_->ended = true; }
  void reset_on_close() override { state_->reset = true; }
  std::size_t buffered() const override { return state_->out.size(); }
  const Address& peer() const override { return peer_; }
  Loop& loop() const override { return loop_; }

 private:
  Loop& loop_;
  std::shared_ptr<State> state_ = std::make_shared<State>();
  Address peer_ = *Address::parse("127.0.0.1:443");
  bool above_ = false;
};

/// Two TLS sides with memory between them, so that a test decides every segment.
class TlsWire {
 public:
  struct Side {
    std::shared_ptr<MemoryStream::State> wire;
    std::unique_ptr<TlsHandshake> handshake;
    std::unique_ptr<Stream> stream;
    std::optional<Error> refused;
    Recorder events;
    bool over() const { return stream != nullptr || refused.has_value(); }
  };

  static constexpr Duration kPatience = std::chrono::seconds(10);

  void begin(Side& side, const TlsContext& context, TlsPeer peer = {}) {
    loop.run_ready();
    auto inner = std::make_unique<MemoryStream>(loop);
    side.wire = inner->state();
    side.handshake =
        std::make_unique<TlsHandshake>(std::move(inner), context, std::move(peer), kPatience,
                                       [this, &side](Result<std::unique_ptr<Stream>> stream) {
                                         if (stream) {
                                           side.stream = std::move(*stream);
                                           side.stream->set_events(side.events);
                                           if (read_at_once) side.stream->read_start();
                                         } else {
                                           side.refused = stream.error();
                                         }
                                         side.handshake.reset();
                                       });
  }

  void begin_both(const TlsContext& client_context, const TlsContext& server_context,
                  TlsPeer peer) {
    begin(server, server_context);
    begin(client, client_context, std::move(peer));
  }

  /// Takes up to `most` bytes from one side to the other; how many. What is in the way of a side
  /// that does not read stays.
  std::size_t carry(Side& from, Side& to, std::size_t most = std::string::npos) {
    loop.run_ready();
    if (to.wire->destroyed || !to.wire->reading) return 0;
    const std::string bytes = from.wire->out.substr(0, most);
    if (bytes.empty()) return 0;
    from.wire->out.erase(0, bytes.size());
    from.wire->taken += bytes.size();
    to.wire->events->on_data(bytes);
    loop.run_ready();
    return bytes.size();
  }

  /// Carries everything both ways, in pieces of that size.
  void settle(std::size_t piece = std::string::npos) {
    for (int idle = 0; idle < 3;) {
      const std::size_t moved = carry(client, server, piece) + carry(server, client, piece);
      idle = moved == 0 ? idle + 1 : 0;
    }
  }

  ManualClock clock;
  Loop loop{LoopOptions{"test", &clock, 0}};
  bool read_at_once = true;
  Side client;
  Side server;
};

/// Certificates are made once for all tests of a suite.
class TlsTest : public ::testing::Test {
 protected:
  struct Shared {
    TemporaryFolder folder;
    Authority authority{folder};
    Authority stranger{folder, "Stranger CA"};
    Identity identity = authority.issue({.names = "DNS:server.test,DNS:*.wild.test,IP:127.0.0.1"});
  };
  static void SetUpTestSuite() { shared_ = new Shared; }
  static void TearDownTestSuite() { delete std::exchange(shared_, nullptr); }
  static Shared& shared() { return *shared_; }

  static std::shared_ptr<const TlsContext> client_context(TlsClientOptions options = {}) {
    if (options.ca_file.empty()) options.ca_file = shared().authority.file();
    return TlsContext::for_client(options).value();
  }
  static std::shared_ptr<const TlsContext> server_context(const Identity& identity,
                                                          const std::string& client_ca = {}) {
    return TlsContext::for_server({identity.cert_file, identity.key_file, client_ca}).value();
  }

 private:
  inline static Shared* shared_ = nullptr;
};

}  // namespace tocsin::event::testing
