#include "gateway/app/command_dlq.h"

#include <utility>

#include "gateway/app/letter_table.h"
#include "gateway/app/text_table.h"
#include "gateway/base/json_reader.h"
#include "gateway/base/units.h"
#include "gateway/message/time_text.h"

namespace tocsin::app {

namespace {

constexpr std::string_view kLetters = "/v1/dead-letters";

std::string query_of(const LetterChoice& choice) {
  std::string query;
  for (const auto& [name, text] : choice.members()) {
    query.append(query.empty() ? "" : "&").append(name).append("=").append(encoded(text));
  }
  return query;
}

void add_parameter(std::string& target, std::string_view name, std::string_view value) {
  target += target.find('?') == target.npos ? '?' : '&';
  target.append(name).append("=").append(encoded(value));
}

std::string target_of(std::string_view path, const LetterChoice& choice) {
  std::string target(path);
  const std::string query = query_of(choice);
  if (!query.empty()) target += "?" + query;
  return target;
}

// As it would be typed.
std::string option_of(std::string_view member) {
  std::string option = " --";
  for (const char c : member) option += c == '_' ? '-' : c;
  return option;
}

std::string next_page_hint(const ListArguments& arguments, std::string_view next) {
  std::string text = "\nThere may be more: tocsin dlq list";
  for (const auto& [name, value] : arguments.choice.members()) {
    text += option_of(name) + " " + printable(value);
  }
  return text + " --before " + printable(next) + "\n";
}

/// Groups of several answers, added up.
class Counts {
 public:
  // Pages go from new to old.
  void add(const Value& answer) {
    const Value* groups = answer.find("groups");
    if (groups == nullptr || !groups->is<Value::List>()) return;
    for (const Value& group : groups->as<Value::List>()) {
      Row& row = row_of(text_member(group, "output"), text_member(group, "reason"));
      for (std::size_t i = 0; i < kStates.size(); ++i) {
        row.counts.at(i) += number_member(group, kStates.at(i));
      }
      row.oldest = text_member(group, "oldest_accepted_at");
      if (row.newest.empty()) row.newest = text_member(group, "newest_accepted_at");
    }
  }

  std::string table(bool colour) const {
    TextTable table({"OUTPUT", "REASON", "PENDING", "APPROVED", "DISCARDED", "OLDEST", "NEWEST"});
    for (const Row& row : rows_) {
      table.add({row.output, row.reason, row.counts[0], row.counts[1], row.counts[2],
                 short_time(row.oldest), short_time(row.newest)});
    }
    return table.empty() ? "no dead letters\n" : table.text(colour);
  }

  std::string json() const {
    std::string text;
    JsonWriter json(text);
    json.begin_object();
    json.key("groups");
    json.begin_array();
    for (const Row& row : rows_) {
      json.begin_object();
      json.pair("output", row.output);
      json.pair("reason", row.reason);
      for (std::size_t i = 0; i < kStates.size(); ++i) {
        json.key(kStates.at(i));
        json.number(row.counts.at(i));
      }
      json.pair("oldest_accepted_at", row.oldest);
      json.pair("newest_accepted_at", row.newest);
      json.end_object();
    }
    json.end_array();
    json.end_object();
    return text + "\n";
  }

 private:
  static constexpr std::array<std::string_view, 3> kStates = {"pending", "approved", "discarded"};
  struct Row {
    std::string output, reason;
    std::array<std::int64_t, 3> counts{};
    std::string oldest, newest;  // when they were accepted
  };

  Row& row_of(std::string_view output, std::string_view reason) {
    for (Row& row : rows_) {
      if (row.output == output && row.reason == reason) return row;
    }
    return rows_.emplace_back(std::string(output), std::string(reason));
  }

  std::vector<Row> rows_;
};

}  // namespace

std::vector<std::pair<std::string_view, std::string_view>> LetterChoice::members() const {
  const std::pair<std::string_view, std::string_view> all[] = {{"output", output},
                                                               {"reason", reason},
                                                               {"topic", topic},
                                                               {"address", address},
                                                               {"review", review},
                                                               {"accepted_after", accepted_after},
                                                               {"accepted_before", accepted_before},
                                                               {"updated_after", updated_after},
                                                               {"updated_before", updated_before}};
  std::vector<std::pair<std::string_view, std::string_view>> asked;
  for (const auto& member : all) {
    if (!member.second.empty()) asked.push_back(member);
  }
  return asked;
}

void LetterChoice::fix_times(WallTime now) {
  for (std::string* time : {&accepted_after, &accepted_before, &updated_after, &updated_before}) {
    const auto ago = parse_duration(*time);
    if (!ago) continue;
    message::TimeBuffer buffer;
    *time = message::format_time(now - *ago, buffer);
  }
}

CommandOutput list_dead_letters(const ListArguments& arguments, const AdminArguments& admin,
                                AdminDoor& door) {
  AdminRequest request;
  request.target = target_of(kLetters, arguments.choice);
  add_parameter(request.target, "limit", std::to_string(arguments.limit));
  if (!arguments.before.empty()) add_parameter(request.target, "before", arguments.before);
  const auto answer = ask_admin(door, request);
  if (!answer) return failed(answer.error(), admin.json);
  if (admin.json) return {0, answer->text, {}};
  const Value* letters = answer->json.find("dead_letters");
  const bool some = letters != nullptr && letters->is<Value::List>();
  const std::string_view next = text_member(answer->json, "next");
  std::string text = next.empty() ? "no dead letters\n" : "none of those looked at\n";
  if (some && !letters->as<Value::List>().empty()) {
    text = letter_table(letters->as<Value::List>(), admin.colour);
  }
  if (!next.empty()) text += next_page_hint(arguments, next);
  return {0, std::move(text), {}};
}

CommandOutput count_dead_letters(LetterChoice choice, const AdminArguments& admin,
                                 AdminDoor& door) {
  choice.fix_times(SystemClock::instance().wall());
  Counts counts;
  std::string next;
  do {
    std::string target = target_of(std::string(kLetters) + "/stats", choice);
    if (!next.empty()) add_parameter(target, "before", next);
    const auto answer = ask_admin(door, {.target = target});
    if (!answer) return failed(answer.error(), admin.json);
    counts.add(answer->json);
    next = text_member(answer->json, "next");
  } while (!next.empty());
  return {0, admin.json ? counts.json() : counts.table(admin.colour), {}};
}

CommandOutput show_dead_letter(const std::string& id, const AdminArguments& admin,
                               AdminDoor& door) {
  const auto answer = ask_admin(door, {.target = std::string(kLetters) + "/" + encoded(id)});
  if (!answer) return failed(answer.error(), admin.json);
  if (admin.json) return {0, answer->text, {}};
  return {0, letter_text(answer->json, admin.colour), {}};
}

}  // namespace tocsin::app
