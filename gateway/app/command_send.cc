#include "gateway/app/command_send.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "gateway/app/text_table.h"
#include "gateway/base/json_reader.h"
#include "gateway/base/json_writer.h"

namespace tocsin::app {

namespace {

constexpr std::size_t kDocumentBytesMax = 1024 * 1024;  // the admin API's limit

void pair_if(JsonWriter& json, std::string_view name, const std::optional<std::string>& value) {
  if (value) json.pair(name, *value);
}

Result<void> write_labels(JsonWriter& json, const std::vector<std::string>& labels) {
  json.key("labels");
  json.begin_object();
  for (const std::string& label : labels) {
    const std::size_t equals = label.find('=');
    if (equals == std::string::npos || equals == 0) {
      return fail(Code::kInvalid, "--label takes NAME=VALUE, got \"" + label + "\"");
    }
    json.pair(std::string_view(label).substr(0, equals),
              std::string_view(label).substr(equals + 1));
  }
  json.end_object();
  return {};
}

std::string outcome_text(const Value& answer, bool colour) {
  const std::string_view status = text_member(answer, "status");
  if (status == "dropped") {
    const std::string by = printable(text_member(answer, "by"));
    return toned("dropped", Tone::kWarning, colour) + " by the filter " + by + "\n";
  }
  const std::int64_t deliveries = number_member(answer, "deliveries");
  std::string text = toned(printable(status), Tone::kGood, colour) + " ";
  text += printable(text_member(answer, "id")) + ", " + std::to_string(deliveries);
  return text + (deliveries == 1 ? " delivery\n" : " deliveries\n");
}

Result<std::string> read_all(int fd, const std::string& path) {
  std::string text;
  char bytes[16 * 1024];
  while (true) {
    const ssize_t count = ::read(fd, bytes, sizeof(bytes));
    if (count == 0) return text;
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return tl::unexpected(system_error(errno, "cannot read it", path));
    text.append(bytes, static_cast<std::size_t>(count));
    if (text.size() > kDocumentBytesMax) {
      return fail(Code::kFull, "it is longer than 1 MiB, which no gateway takes", path);
    }
  }
}

}  // namespace

Result<std::string> read_document(const std::string& path) {
  const bool piped = path == "-";
  const int fd = piped ? STDIN_FILENO : ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return tl::unexpected(system_error(errno, "cannot open it", path));
  Result<std::string> text = read_all(fd, path);
  if (!piped) ::close(fd);
  return text;
}

Result<std::string> notification_json(const SendArguments& arguments) {
  if (arguments.document && arguments.in_pieces()) {
    return fail(Code::kInvalid, "give a file, or the pieces of a notification, not both");
  }
  if (arguments.document) return *arguments.document;
  if (!arguments.topic) {
    return fail(Code::kInvalid, "what to send? Give --topic and what belongs to it, or a file");
  }
  std::string text;
  JsonWriter json(text);
  json.begin_object();
  pair_if(json, "topic", arguments.topic);
  pair_if(json, "level", arguments.level);
  pair_if(json, "title", arguments.title);
  pair_if(json, "body", arguments.body);
  if (!arguments.labels.empty()) TOCSIN_TRY(write_labels(json, arguments.labels));
  if (arguments.data) {
    const Result<Value> data = read_json(*arguments.data);
    if (!data) return fail(Code::kInvalid, "--data takes JSON: " + data.error().what);
    json.key("data");
    json.json(*arguments.data);
  }
  pair_if(json, "key", arguments.key);
  if (!arguments.to.empty()) {
    json.key("to");
    json.begin_array();
    for (const std::string& address : arguments.to) json.text(address);
    json.end_array();
  }
  json.end_object();
  return text;
}

CommandOutput send(const SendArguments& arguments, const AdminArguments& admin, AdminDoor& door) {
  Result<std::string> notification = notification_json(arguments);
  if (!notification) return wrong_usage(notification.error().what);
  if (notification->empty()) return wrong_usage("the file is empty");
  const auto answer = ask_admin(door, {.method = "POST",
                                       .target = "/v1/notifications",
                                       .body = std::move(*notification),
                                       .idempotency_key = arguments.idempotency_key});
  if (!answer) return failed(answer.error(), admin.json);
  if (admin.json) return {0, answer->text, {}};
  return {0, outcome_text(answer->json, admin.colour), {}};
}

}  // namespace tocsin::app
