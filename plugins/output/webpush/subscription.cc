// A subscription in an address, so that it fits and holds nothing twice:
//
//   webpush:BP4z9KsN...I7A8.DGv6ra1nlYgDCS1FRnbzlw@https://push.example/v2/gAAAAABk
//           p256dh          auth                   endpoint
//
// or as a browser writes it: webpush:{"endpoint":"...","keys":{"p256dh":"...","auth":"..."}}

#include "subscription.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "tocsin/sdk/base64url.hpp"
#include "tocsin/sdk/json.hpp"

namespace tocsin::output_webpush {

namespace {

constexpr char kUncompressed = 4;  // SEC 1 2.3.3

// Some libraries pad what RFC 7515 leaves bare.
std::optional<std::string> key_of(std::string_view text) {
  while (text.ends_with('=')) text.remove_suffix(1);
  return sdk::from_base64url(text);
}

}  // namespace

std::string origin_of(std::string_view url) {
  constexpr std::pair<std::string_view, std::string_view> kSchemes[] = {{"https://", ":443"},
                                                                        {"http://", ":80"}};
  for (const auto& [scheme, usual_port] : kSchemes) {
    if (!url.starts_with(scheme)) continue;
    std::string_view authority = url.substr(scheme.size());
    authority = authority.substr(0, authority.find_first_of("/?#"));
    if (authority.ends_with(usual_port)) authority.remove_suffix(usual_port.size());
    const bool plain =
        !authority.empty() && std::all_of(authority.begin(), authority.end(), [](char c) {
          return c > ' ' && c < 0x7f && c != '@' && c != '"' && c != '\\';
        });
    if (!plain) return {};
    std::string origin(scheme);
    for (const char c : authority) {
      origin.push_back(c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c);
    }
    return origin;
  }
  return {};
}

std::string Subscription::read(std::string_view value) {
  std::string key, secret;
  if (value.starts_with('{')) {
    const auto json = sdk::JsonReply::read(value);
    if (!json) return "the subscription is no JSON";
    endpoint = json->text("/endpoint").value_or("");
    key = json->text("/keys/p256dh").value_or("");
    secret = json->text("/keys/auth").value_or("");
  } else {
    const std::size_t at = value.find('@');
    const std::size_t dot = value.find('.');
    if (at == std::string_view::npos || dot > at) {
      return "write webpush:P256DH.AUTH@ENDPOINT, or the subscription's JSON behind webpush:";
    }
    key = value.substr(0, dot);
    secret = value.substr(dot + 1, at - dot - 1);
    endpoint = value.substr(at + 1);
  }
  origin = origin_of(endpoint);
  if (origin.empty()) return "the subscription's endpoint is no URL";
  auto point = key_of(key);
  if (!point || point->size() != kPublicKeyBytes || point->front() != kUncompressed) {
    return "the subscription's p256dh is no key: base64url of 65 bytes";
  }
  auto bytes = key_of(secret);
  if (!bytes || bytes->size() != kAuthBytes) {
    return "the subscription's auth is no secret: base64url of 16 bytes";
  }
  public_key = std::move(*point);
  auth = std::move(*bytes);
  return {};
}

}  // namespace tocsin::output_webpush
