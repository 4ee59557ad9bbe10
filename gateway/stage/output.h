#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "gateway/base/clock.h"
#include "gateway/message/message.h"
#include "gateway/message/verdict.h"

namespace tocsin::stage {

/// Names one attempt; never reused, 0 is none.
using AttemptToken = std::uint64_t;

/// One try of one delivery. Views live until its completion.
struct Attempt {
  AttemptToken token = 0;
  message::DeliveryId delivery;
  std::uint32_t number = 1;  ///< counts from 1
  const message::Notification* notification = nullptr;
  std::string_view payload;  ///< the wire text of the notification
  std::string_view address;  ///< "kind:value", or empty: the output's own
  WallTime accepted_at{};
  MonoTime deadline{};
};

/// What an output says of itself, once, when it is made.
struct OutputTraits {
  std::uint32_t batch_max = 1;  ///< attempts in one deliver()
  std::string address_kind;     ///< takes the `to` of this kind; empty: only its own address
  bool has_own_address = true;  ///< delivers also without a matching `to`
  bool idempotent = false;      ///< the provider drops a repeated delivery id
  std::string account;          ///< outputs of one account share a gate; empty: the output's own
  bool rehearses = false;       ///< all it does are HTTP requests, which may be shown instead
};

/// Takes verdicts; the lane.
class AttemptDone {
 public:
  virtual ~AttemptDone() = default;
  /// Exactly one verdict per token; a late or second one is counted and dropped. Home loop.
  virtual void complete(AttemptToken token, message::Verdict verdict) = 0;
};

/// An output on its home loop.
class Output {
 public:
  virtual ~Output() = default;
  virtual const OutputTraits& traits() const = 0;
  /// Begins the attempts, at most batch_max; completes each through the AttemptDone it was made
  /// with, possibly before this returns.
  virtual void deliver(std::span<const Attempt> attempts) = 0;
  /// The deadline passed or the gateway ends: the verdict no longer matters. The attempt's views
  /// end when this returns.
  virtual void cancel(AttemptToken token) = 0;
};

}  // namespace tocsin::stage
