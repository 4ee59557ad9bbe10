#pragma once

#include <deque>
#include <string>
#include <utility>
#include <vector>

#include "gateway/app/admin_client.h"

namespace tocsin::app {

/// Answers what the test wrote down, in order, and keeps what it was asked.
class FakeAdminDoor final : public AdminDoor {
 public:
  Result<AdminReply> ask(const AdminRequest& request) override {
    asked.push_back(std::string(request.method) + " " + request.target);
    bodies.push_back(request.body);
    keys.push_back(request.idempotency_key);
    if (replies.empty()) return fail(Code::kUnavailable, "nothing answers");
    AdminReply reply = std::move(replies.front());
    replies.pop_front();
    return reply;
  }

  std::deque<AdminReply> replies;
  std::vector<std::string> asked, bodies, keys;
};

}  // namespace tocsin::app
