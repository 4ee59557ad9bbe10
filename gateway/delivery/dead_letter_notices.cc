#include "gateway/delivery/dead_letter_notices.h"

#include <memory>
#include <string>

#include "gateway/base/json_writer.h"
#include "gateway/delivery/settle.h"
#include "gateway/message/notification.h"

namespace tocsin::delivery {

namespace {

std::string text_of(message::DeliveryId id, std::string_view output, std::string_view reason,
                    std::uint32_t attempts) {
  const std::string times = std::to_string(attempts) + (attempts == 1 ? " attempt" : " attempts");
  std::string text;
  JsonWriter json(text);
  json.begin_object();
  json.pair("topic", kDeadLetterTopic);
  json.pair("level", "error");
  json.pair("title",
            cut_text("Given up: a delivery to " + std::string(output), message::kTitleBytesMax));
  json.pair("body", id.text() + " to " + std::string(output) + " after " + times + ": " +
                        std::string(reason));
  json.key("labels");
  json.begin_object();
  json.pair("delivery", id.text());
  json.pair("notification", id.notification.text());
  json.pair("output", cut_text(output, message::kLabelValueBytesMax));
  json.pair("reason", cut_text(reason, message::kLabelValueBytesMax));
  json.pair("attempts", std::to_string(attempts));
  json.end_object();
  json.end_object();
  return text;
}

}  // namespace

/// Lives until its outcome.
class DeadLetterNotices::Notice final : public stage::EmitDone {
 public:
  Notice(telemetry::Log& log, message::DeliveryId id) : log_(log), id_(id) {}
  void on_emitted(std::span<const stage::EmitOutcome> outcomes) override {
    const std::unique_ptr<Notice> self(this);
    using Kind = stage::EmitOutcome::Kind;
    const Kind kind = outcomes.front().kind;
    // Whoever routes it nowhere, or filters it out, does not want to hear of it.
    if (kind != Kind::kStoreDown && kind != Kind::kFull && kind != Kind::kInvalid) return;
    TOCSIN_LOG(log_, kWarning, "delivery", "nobody was told of a dead letter",
               {"delivery_id", id_.text()}, {"reason", outcomes.front().text});
  }

 private:
  telemetry::Log& log_;
  const message::DeliveryId id_;
};

void DeadLetterNotices::tell(message::DeliveryId id, std::string_view output,
                             std::string_view reason, std::uint32_t attempts) {
  const std::string json = text_of(id, output, reason, attempts);
  const stage::EmitItem items[] = {{.json = json, .idempotency_key = {}}};
  auto notice = std::make_unique<Notice>(log_, id);
  const stage::EmitRequest request{.input = kDeadLetterInput, .caller = {}, .items = items};
  if (emit_.emit(request, *notice)) {
    notice.release();  // until its outcome
    return;
  }
  TOCSIN_LOG(log_, kWarning, "delivery", "nobody was told of a dead letter",
             {"delivery_id", id.text()}, {"reason", "too much waits"});
}

}  // namespace tocsin::delivery
