#pragma once

#include <optional>
#include <string>
#include <vector>

#include "gateway/app/admin_client.h"
#include "gateway/app/command_output.h"

namespace tocsin::app {

/// What `tocsin send` was told: a notification in pieces, or a whole one.
struct SendArguments {
  std::optional<std::string> topic, level, title, body, data, key;
  std::vector<std::string> labels;  ///< "name=value"
  std::vector<std::string> to;      ///< "kind:value"
  std::string idempotency_key;      ///< empty: none
  /// The JSON read from the file or standard input that was named; nothing: none was.
  std::optional<std::string> document;

  bool in_pieces() const {
    return topic || level || title || body || data || key || !labels.empty() || !to.empty();
  }
};

/// Sends one notification and says what became of it. Exit code 1 when it was not accepted.
CommandOutput send(const SendArguments& arguments, const AdminArguments& admin, AdminDoor& door);

/// The text of a file, or of standard input for "-". Errors name the path.
Result<std::string> read_document(const std::string& path);

/// The notification in the wire format, or what is wrong with the arguments.
Result<std::string> notification_json(const SendArguments& arguments);

}  // namespace tocsin::app
