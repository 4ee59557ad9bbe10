// An assertion:  base64url(HEADER) "." base64url(CLAIMS) "." base64url(RS256 over what is before)
//
//   HEADER  {"alg":"RS256","typ":"JWT","kid":"<private_key_id>"}
//   CLAIMS  {"iss":"<client_email>","scope":"...","aud":"<token_uri>","iat":1767225600,"exp":...}

#include "service_account.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <system_error>
#include <utility>

#include "tocsin/sdk/base64url.hpp"
#include "tocsin/sdk/json.hpp"

namespace tocsin::output_fcm {

namespace {

constexpr std::string_view kScope = "https://www.googleapis.com/auth/firebase.messaging";
constexpr int kKeyBitsMin = 2048;  // RFC 7518 3.3

std::string told(int error) { return std::generic_category().message(error); }

struct CloseFile {
  void operator()(std::FILE* file) const { std::fclose(file); }
};

// Why it cannot be read; empty: `out` is the file.
std::string read_file(const std::string& path, std::string& out) {
  const std::unique_ptr<std::FILE, CloseFile> file(std::fopen(path.c_str(), "rbe"));
  if (file == nullptr) return "cannot be read: " + told(errno);
  out.resize(ServiceAccount::kFileBytesMax + 1);
  errno = 0;
  out.resize(std::fread(out.data(), 1, out.size(), file.get()));
  if (std::ferror(file.get()) != 0) return "cannot be read: " + told(errno);
  if (out.size() > ServiceAccount::kFileBytesMax) return "is no service account's file";
  return {};
}

// A key that was put where the path belongs must not be shown as one.
std::string shown(const std::string& path) {
  constexpr std::size_t kPathBytesMax = 255;
  const bool plain =
      path.size() <= kPathBytesMax && path.find_first_of("\r\n") == std::string::npos;
  return plain ? path : "the file";
}

// A file without a passphrase must not make OpenSSL ask for one on the terminal.
int no_passphrase(char* /*buffer*/, int /*size*/, int /*writes*/, void* /*user*/) { return 0; }

bool is_url(std::string_view text) {
  return text.starts_with("https://") || text.starts_with("http://");
}

}  // namespace

void ServiceAccount::FreeKey::operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }

std::string ServiceAccount::read(std::string_view given) {
  std::string name = "the service account";
  std::string text(given);
  std::string why;
  const std::size_t first = given.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos || given[first] != '{') {
    const std::string path = std::exchange(text, {});
    name = shown(path);
    why = read_file(path, text);
  }
  if (why.empty()) why = parse(text);
  return why.empty() ? why : name + ": " + why;
}

std::string ServiceAccount::parse(std::string_view text) {
  const auto file = sdk::JsonReply::read(text);
  if (!file) return "is no JSON";
  if (const auto type = file->text("/type"); type && *type != "service_account") {
    return "is a file for \"" + std::string(*type) + "\" and not for a service account";
  }
  const std::pair<std::string_view, std::string*> fields[] = {{"project_id", &project_},
                                                              {"client_email", &email_},
                                                              {"token_uri", &token_uri_},
                                                              {"private_key_id", &key_id_}};
  for (const auto& [name, to] : fields) {
    const auto value = file->text("/" + std::string(name));
    if (value) *to = *value;
    if (to->empty() && to != &key_id_) return "holds no \"" + std::string(name) + "\"";
  }
  if (!is_url(token_uri_)) return "its \"token_uri\" is no URL";
  const auto pem = file->text("/private_key");
  return pem ? parse_key(*pem) : "holds no \"private_key\"";
}

std::string ServiceAccount::parse_key(std::string_view pem) {
  const std::unique_ptr<BIO, decltype(&BIO_free)> bytes(
      BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())), BIO_free);
  key_.reset(PEM_read_bio_PrivateKey(bytes.get(), nullptr, no_passphrase, nullptr));
  ERR_clear_error();  // they would be the next one's who looks
  if (key_ == nullptr) return "its \"private_key\" cannot be read as PEM";
  if (EVP_PKEY_get_base_id(key_.get()) != EVP_PKEY_RSA ||
      EVP_PKEY_get_bits(key_.get()) < kKeyBitsMin) {
    return "its \"private_key\" is no RSA key of 2048 bits at least";
  }
  return {};
}

std::string ServiceAccount::assertion(std::int64_t seconds) const {
  std::string json = R"({"alg":"RS256","typ":"JWT")";
  if (!key_id_.empty()) {
    json.append(",\"kid\":");
    sdk::append_json(json, key_id_);
  }
  std::string jwt = sdk::base64url(json.append("}"));
  json.assign("{\"iss\":");
  sdk::append_json(json, email_);
  json.append(",\"scope\":\"").append(kScope).append("\",\"aud\":");
  sdk::append_json(json, token_uri_);
  json.append(",\"iat\":").append(std::to_string(seconds));
  json.append(",\"exp\":").append(std::to_string(seconds + kAssertionSeconds)).append("}");
  jwt.push_back('.');
  sdk::append_base64url(jwt, json);

  const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> signing(EVP_MD_CTX_new(),
                                                                        EVP_MD_CTX_free);
  const auto* content = reinterpret_cast<const unsigned char*>(jwt.data());
  std::array<unsigned char, 2048> signature{};  // of a key of 16,384 bits, OpenSSL's largest
  std::size_t length = signature.size();
  const bool made =
      EVP_DigestSignInit(signing.get(), nullptr, EVP_sha256(), nullptr, key_.get()) == 1 &&
      EVP_DigestSign(signing.get(), signature.data(), &length, content, jwt.size()) == 1;
  ERR_clear_error();
  if (!made) return {};
  jwt.push_back('.');
  sdk::append_base64url(jwt, {reinterpret_cast<const char*>(signature.data()), length});
  return jwt;
}

}  // namespace tocsin::output_fcm
