// `tocsin dlq redrive`, `approve` and `discard`: those that are named one by one, so that each is
// told of; those that a filter means request by request, so that it can be seen how far it came.

#include <chrono>
#include <utility>

#include "gateway/app/command_dlq.h"
#include "gateway/app/letter_table.h"
#include "gateway/app/text_table.h"
#include "gateway/base/json_reader.h"

namespace tocsin::app {

namespace {

constexpr std::string_view kLetters = "/v1/dead-letters";
constexpr std::int64_t kDryRunLetters = 10'000;  // of one request
constexpr int kTriesMax = 30;                    // of one request, once another was answered
constexpr Duration kTryAgainAfter = std::chrono::seconds(1);

std::string past_of(std::string_view verb) {
  if (verb == "redrive") return "redriven";
  return std::string(verb) + (verb.ends_with('e') ? "d" : "ed");
}

std::string line_of_review(const Value& answer) {
  std::string line = printable(text_member(answer, "id")) + " ";
  line += printable(text_member(answer, "status"));
  const std::string_view output = text_member(answer, "output");
  if (!output.empty()) line += ", back in the backlog of " + printable(output);
  return line + "\n";
}

std::string without_line_end(std::string text) {
  while (!text.empty() && text.back() == '\n') text.pop_back();
  return text;
}

CommandOutput review_by_id(const ReviewArguments& arguments, const AdminArguments& admin,
                           AdminDoor& door) {
  CommandOutput output;
  std::string list;
  JsonWriter json(list);
  json.begin_array();
  for (const std::string& id : arguments.ids) {
    AdminRequest request{.method = "POST"};
    request.target.append(kLetters)
        .append("/")
        .append(encoded(id))
        .append("/")
        .append(arguments.verb);
    const auto answer = ask_admin(door, request);
    if (answer) {
      json.json(without_line_end(answer->text));
      if (!admin.json) output.out += line_of_review(answer->json);
      continue;
    }
    output.exit_code = kFaultExit;
    output.err += "tocsin: " + printable(id) + ": " + answer.error().message + "\n";
    const bool of_this_one = answer.error().status == 404 || answer.error().status == 409;
    if (!of_this_one) break;  // the others would fail alike
  }
  json.end_array();
  if (admin.json) output.out = list + "\n";
  return output;
}

bool shows_some(const Value& sample) {
  return sample.is<Value::List>() && !sample.as<Value::List>().empty();
}

/// One decision on all that are meant.
class Sweeping {
 public:
  Sweeping(ReviewArguments& arguments, const AdminArguments& admin, AdminDoor& door)
      : arguments_(arguments), admin_(admin), door_(door) {}

  CommandOutput run() {
    arguments_.choice.fix_times(SystemClock::instance().wall());
    if (arguments_.dry_run) return dry_run();
    // With a pace it takes a while, and people want to know how long.
    if (!arguments_.rate.empty() && arguments_.progress) {
      if (auto failure = ask_all(true)) return std::move(*failure);
      total_ = std::exchange(matched_, 0);
    }
    if (auto failure = ask_all(false)) return std::move(*failure);
    if (admin_.json) return {0, changed_json(), {}};
    return {0, past_of(arguments_.verb) + " " + counted_letters(changed_) + of_output() + "\n", {}};
  }

 private:
  CommandOutput dry_run() {
    if (auto failure = ask_all(true)) return std::move(*failure);
    if (admin_.json) return {0, matched_json(), {}};
    std::string text = "would " + std::string(arguments_.verb) + " " + counted_letters(matched_) +
                       of_output() + "; nothing was changed\n";
    if (shows_some(sample_)) {
      text += "\nThe newest of them:\n" + letter_table(sample_.as<Value::List>(), admin_.colour);
    }
    return {0, std::move(text), {}};
  }

  // Request by request; what failed, if anything.
  std::optional<CommandOutput> ask_all(bool dry) {
    const std::string target = std::string(kLetters) + "/" + std::string(arguments_.verb);
    std::string next;
    do {
      const auto answer =
          ask_again_and_again({.method = "POST", .target = target, .body = body(dry, next)});
      if (!answer) return failure_of(answer.error(), dry);
      matched_ += number_member(answer->json, "matched");
      changed_ += number_member(answer->json, "changed");
      const Value* sample = answer->json.find("sample");
      if (sample != nullptr && !shows_some(sample_)) sample_ = *sample;
      next = text_member(answer->json, "next");
      if (!dry) tell_progress(!next.empty());
      // At less than one in some seconds the gateway does not keep the request meanwhile.
      const std::chrono::milliseconds due(number_member(answer->json, "wait_ms"));
      if (!next.empty() && due.count() > 0) arguments_.wait(due);
    } while (!next.empty());
    return std::nullopt;
  }

  // What was changed by a request whose answer is lost is no dead letter any more, so that asking
  // again changes the rest.
  tl::expected<AdminAnswer, AdminFailure> ask_again_and_again(const AdminRequest& request) {
    auto answer = ask_admin(door_, request);
    for (int tries = 1; !answer && answered_ && tries < kTriesMax; ++tries) {
      // As while another process takes the gateway's place.
      const bool may_pass = answer.error().status == 0 || answer.error().status == 503;
      if (!may_pass) break;
      arguments_.wait(kTryAgainAfter);
      answer = ask_admin(door_, request);
    }
    if (answer) answered_ = true;
    return answer;
  }

  CommandOutput failure_of(const AdminFailure& failure, bool dry) const {
    CommandOutput output = failed(failure, admin_.json);
    if (dry || changed_ == 0) return output;
    output.err += counted_letters(changed_) + of_output() + " " + past_of(arguments_.verb) +
                  " before that; the same command goes on with the rest\n";
    return output;
  }

  void tell_progress(bool more) {
    if (!arguments_.progress || !more) return;
    std::string line = past_of(arguments_.verb) + " " + std::to_string(changed_);
    if (total_ > 0) line += " of " + std::to_string(total_);
    arguments_.progress(line + "\n");
  }

  std::string body(bool dry, std::string_view before) const {
    std::string body;
    JsonWriter json(body);
    json.begin_object();
    for (const auto& [name, text] : arguments_.choice.members()) json.pair(name, text);
    if (arguments_.approved) json.pair("review", "approved");
    if (!arguments_.rate.empty()) json.pair("rate", arguments_.rate);
    if (dry) {
      json.key("dry_run");
      json.boolean(true);
      json.key("limit");
      json.number(kDryRunLetters);
    }
    if (!before.empty()) json.pair("before", before);
    json.end_object();
    return body;
  }

  std::string of_output() const {
    const std::string& output = arguments_.choice.output;
    return output.empty() ? "" : " of " + printable(output);
  }

  std::string changed_json() const {
    std::string text;
    JsonWriter json(text);
    json.begin_object();
    if (!arguments_.choice.output.empty()) json.pair("output", arguments_.choice.output);
    json.key("changed");
    json.number(changed_);
    json.end_object();
    return text + "\n";
  }

  std::string matched_json() const {
    std::string text;
    JsonWriter json(text);
    json.begin_object();
    if (!arguments_.choice.output.empty()) json.pair("output", arguments_.choice.output);
    json.key("dry_run");
    json.boolean(true);
    json.key("matched");
    json.number(matched_);
    json.key("sample");
    write_json(json, sample_.is_null() ? Value(Value::List(), {}) : sample_);
    json.end_object();
    return text + "\n";
  }

  ReviewArguments& arguments_;
  const AdminArguments& admin_;
  AdminDoor& door_;
  std::int64_t total_ = 0;  // 0: not known
  std::int64_t matched_ = 0;
  std::int64_t changed_ = 0;
  bool answered_ = false;  // a request was
  Value sample_;           // null: none yet
};

}  // namespace

CommandOutput review_dead_letters(ReviewArguments& arguments, const AdminArguments& admin,
                                  AdminDoor& door) {
  const bool chosen = !arguments.choice.members().empty();
  if (!arguments.ids.empty()) {
    if (chosen || arguments.all || arguments.approved || arguments.dry_run ||
        !arguments.rate.empty()) {
      return wrong_usage("ids stand alone: filters, --all, --dry-run and --rate are for many");
    }
    return review_by_id(arguments, admin, door);
  }
  if (!arguments.all || !chosen) {
    return wrong_usage("name dead letters by their ids, or all that are meant: --output X --all");
  }
  return Sweeping(arguments, admin, door).run();
}

}  // namespace tocsin::app
