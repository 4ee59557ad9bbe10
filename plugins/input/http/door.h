#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "answers.h"
#include "callers.h"
#include "tocsin/plugin.h"

namespace tocsin::input_http {

/// What an instance was configured to. Immutable; shared by its loops.
struct Settings {
  explicit Settings(const tocsin_create& from);

  const tocsin_host* host = nullptr;
  Callers callers;
  std::vector<std::string> paths;
  std::uint64_t body_bytes_max = 0;
};

class Door;

/// One exchange on its way. Freed by whichever of its two ends comes last: the exchange's (on_done)
/// and that of what it asked of the gateway.
struct Request {
  enum class Verb : std::uint8_t { kOne, kBatch, kGet, kCancel };

  Door* door = nullptr;
  tocsin_token exchange = 0;
  Verb verb = Verb::kOne;
  bool lines = false;  ///< kBatch: NDJSON
  bool asked = false;  ///< the gateway owes an outcome
  bool over = false;   ///< the exchange has ended
  std::string caller;
  std::string key;  ///< Idempotency-Key
};

/// An instance on one loop.
class Door {
 public:
  Door(const Settings& settings, tocsin_worker* worker) : settings_(settings), worker_(worker) {}

  /// Answers at once, or returns how much body it wants.
  std::uint64_t on_request(const tocsin_http_head& head, void** request);
  void on_body(Request& request, std::string_view body);
  static void on_done(Request& request);
  static void on_emitted(std::uint64_t user, const tocsin_emit_outcome* outcomes,
                         std::uint32_t count, std::uint32_t stride);

 private:
  std::uint64_t begin(Request::Verb verb, const tocsin_http_head& head, std::string_view caller,
                      void** request);
  void ask_ledger(Request& request, std::string_view id);
  void emit_one(Request& request, std::string_view body);
  void emit_batch(Request& request, std::string_view body);
  void emit(Request& request, const tocsin_emit_item* items, std::size_t count);
  void respond(tocsin_token exchange, const Answer& answer) const;
  static void finish(Request& request, const Answer& answer);

  const Settings& settings_;
  tocsin_worker* worker_;
};

}  // namespace tocsin::input_http
