#include "composer.h"

#include <chrono>
#include <vector>

namespace tocsin::output_smtp {

namespace {

constexpr std::string_view kKind = "email:";

}  // namespace

Composer::Composer(const Settings& settings, sdk::Host host) : settings_(&settings), host_(host) {
  reconfigure(settings);
}

void Composer::reconfigure(const Settings& next) {
  settings_ = &next;
  sdk::Fault unheard(nullptr);  // load() has compiled the same texts
  subject_.compile(host_, next.subject, sdk::Escape::kNone, unheard, "subject");
  text_.compile(host_, next.text, sdk::Escape::kNone, unheard, "text");
  html_.compile(host_, next.html, sdk::Escape::kHtml, unheard, "html");
  list_unsubscribe_.compile(host_, next.list_unsubscribe, sdk::Escape::kUrl, unheard,
                            "list_unsubscribe");
}

bool Composer::recipient(const sdk::Attempt& attempt, Address& out, std::string& why) const {
  std::string_view address = attempt.address();
  if (address.starts_with(kKind)) address.remove_prefix(kKind.size());
  if (!address.empty()) return out.read(address, why);
  if (settings_->has_to) {
    out = settings_->to;
    return true;
  }
  why = "there is nobody to send it to";
  return false;
}

bool Composer::write(const sdk::Attempt& attempt, const Address& to, std::string& out,
                     std::string& why) const {
  std::string subject;
  std::string text;
  std::string html;
  std::string unsubscribe;
  std::string reason;
  const auto render = [&](const sdk::Template& from, std::string& into, std::string_view name) {
    if (from.render(attempt, into, &reason)) return true;
    why = std::string(name) + ": " + reason;
    return false;
  };
  if (!render(subject_, subject, "the subject") || !render(text_, text, "the text") ||
      !render(html_, html, "the html") ||
      !render(list_unsubscribe_, unsubscribe, "list_unsubscribe")) {
    return false;
  }
  if (!unsubscribe.empty()) {
    const std::string_view fault = unsubscribe_fault(unsubscribe, settings_->one_click);
    if (!fault.empty()) {
      why = "list_unsubscribe: " + std::string(fault);
      return false;
    }
  }
  std::vector<Attachment> attachments;
  const sdk::Notification notification = attempt.notification();
  if (settings_->attachments && !read_attachments(notification.data(), attachments, why)) {
    return false;
  }
  const std::int64_t now = std::chrono::floor<std::chrono::seconds>(host_.wall()).count();
  out = write_message({.id = attempt.delivery_id(),
                       .date = now,
                       .from = &settings_->from,
                       .to = &to,
                       .subject = subject.empty() ? notification.topic() : subject,
                       .text = text,
                       .html = html,
                       .unsubscribe = unsubscribe,
                       .one_click = settings_->one_click,
                       .headers = &settings_->headers,
                       .attachments = &attachments});
  if (!settings_->dkim.signs()) return true;
  const std::string signature = settings_->dkim.sign(out, now);
  if (signature.empty()) {
    why = "it could not be signed";
    return false;
  }
  out.insert(0, signature);
  return true;
}

}  // namespace tocsin::output_smtp
