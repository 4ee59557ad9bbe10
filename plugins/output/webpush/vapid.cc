// Authorization: vapid t=<JWT>, k=<our public key>
//
//   JWT  {"typ":"JWT","alg":"ES256"} . {"aud":"https://push.example","exp":...,"sub":"mailto:..."}
//   .
//        ES256 over what is before

#include "vapid.h"

#include <algorithm>
#include <utility>

#include "tocsin/sdk/base64url.hpp"
#include "tocsin/sdk/json.hpp"

namespace tocsin::output_webpush {

namespace {

constexpr std::string_view kHead = R"({"typ":"JWT","alg":"ES256"})";

// Push services ask for a contact and refuse what can be none.
bool is_contact(std::string_view subject) {
  const bool mail = subject.starts_with("mailto:") && subject.size() > 9 &&
                    subject.find('@') != std::string_view::npos;
  const bool page = subject.starts_with("https://") && subject.size() > 10;
  return (mail || page) &&
         std::all_of(subject.begin(), subject.end(), [](char c) { return c > ' ' && c < 0x7f; });
}

}  // namespace

std::string Vapid::read(std::string_view key, std::string_view subject, std::string& option) {
  option = "private_key";
  if (key.find("-----BEGIN") != std::string_view::npos) {
    key_ = key_from_pem(key);
  } else {
    while (key.ends_with('=') || key.ends_with('\n')) key.remove_suffix(1);
    key_ = key_from_private(sdk::from_base64url(key).value_or(""));
  }
  if (key_ == nullptr) return "is no private key of P-256: base64url of its 32 bytes, or PEM";
  const std::string point = public_point(key_);
  if (point.empty()) return "its public key cannot be had";
  public_key_ = sdk::base64url(point);
  option = "subject";
  if (!is_contact(subject)) {
    return "write how push services reach you: mailto:ops@example.com or https://example.com/";
  }
  subject_ = subject;
  return {};
}

std::string Vapid::authorization(std::string_view origin, std::int64_t expires) const {
  std::string claims = "{\"aud\":";
  sdk::append_json(claims, origin);
  claims.append(",\"exp\":").append(std::to_string(expires)).append(",\"sub\":");
  sdk::append_json(claims, subject_);
  claims.append("}");
  std::string jwt = sdk::base64url(kHead);
  jwt.push_back('.');
  sdk::append_base64url(jwt, claims);
  const std::string signature = sign(key_, jwt);
  if (signature.empty()) return {};
  jwt.push_back('.');
  sdk::append_base64url(jwt, signature);
  return "vapid t=" + jwt + ", k=" + public_key_;
}

const std::string& VapidTokens::get(const Vapid& vapid, const std::string& origin,
                                    std::int64_t now) {
  const auto known = tokens_.find(origin);
  // A clock that was set back must not leave a token that lasts longer than services take.
  const auto is_fresh = [now](const Token& token) {
    return now < token.renew_at && token.renew_at - now <= kSeconds / 2;
  };
  if (known != tokens_.end() && is_fresh(known->second)) return known->second.authorization;
  if (known == tokens_.end() && tokens_.size() == kOriginsMax) {
    tokens_.erase(std::min_element(
        tokens_.begin(), tokens_.end(),
        [](const auto& a, const auto& b) { return a.second.renew_at < b.second.renew_at; }));
  }
  Token& token = tokens_[origin];
  token.authorization = vapid.authorization(origin, now + kSeconds);
  token.renew_at = now + kSeconds / 2;
  return token.authorization;
}

}  // namespace tocsin::output_webpush
