// A signature over the mail's body and those fields that a receiver shows or acts on:
//
//   DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=example.com;
//    s=selector; t=1767225600; h=from:from:to:subject:...;
//    bh=<hash of the body>;
//    b=<signature over the fields of h and this one, with b= empty>
//
// `from` is named once more than it is there, so that nobody can add another.

#include "dkim.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>
#include <sstream>
#include <vector>

#include "address.h"
#include "tocsin/sdk/text.hpp"

namespace tocsin::output_smtp {

namespace {

constexpr std::string_view kSigned[] = {"from",
                                        "to",
                                        "subject",
                                        "date",
                                        "message-id",
                                        "auto-submitted",
                                        "reply-to",
                                        "list-unsubscribe",
                                        "list-unsubscribe-post",
                                        "mime-version",
                                        "content-type",
                                        "content-transfer-encoding"};

constexpr std::size_t kColumns = 72;

bool is_blank(char c) { return c == ' ' || c == '\t'; }

std::string base64(const unsigned char* bytes, std::size_t size) {
  std::string out((size + 2) / 3 * 4 + 1, '\0');
  const int length = ::EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()), bytes,
                                       static_cast<int>(size));
  out.resize(static_cast<std::size_t>(length));
  return out;
}

struct Digest {
  unsigned char bytes[EVP_MAX_MD_SIZE];
  unsigned size = 0;
};

bool digest_of(std::string_view text, Digest& out) {
  return ::EVP_Digest(text.data(), text.size(), out.bytes, &out.size, ::EVP_sha256(), nullptr) == 1;
}

// The fields of a header, each with the lines that go on with it and its last CRLF.
std::vector<std::string_view> fields_of(std::string_view header) {
  std::vector<std::string_view> fields;
  while (!header.empty()) {
    std::size_t end = header.find("\r\n");
    while (end != std::string_view::npos && end + 2 < header.size() && is_blank(header[end + 2])) {
      end = header.find("\r\n", end + 2);
    }
    const std::size_t length = end == std::string_view::npos ? header.size() : end + 2;
    fields.push_back(header.substr(0, length));
    header.remove_prefix(length);
  }
  return fields;
}

std::string_view field_of(const std::vector<std::string_view>& fields, std::string_view name) {
  for (const std::string_view field : fields) {
    if (sdk::same_name(field.substr(0, field.find(':')), name)) return field;
  }
  return {};
}

// Runs of blanks as one, none at the end.
std::string relaxed_line(std::string_view line) {
  std::string out;
  bool blank = false;
  for (const char c : line) {
    if (is_blank(c)) {
      blank = true;
      continue;
    }
    if (blank) out.push_back(' ');
    blank = false;
    out.push_back(c);
  }
  return out;
}

// In lines of their own, as a header may be folded.
std::string folded(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    if (!out.empty()) out.append("\r\n ");
    out.append(text.substr(0, kColumns));
    text.remove_prefix(std::min(kColumns, text.size()));
  }
  return out;
}

bool signature_of(evp_pkey_st* key, std::string_view text, std::string& out) {
  // RFC 8463: Ed25519 signs the hash; RSA has it inside its padding.
  const bool edwards = ::EVP_PKEY_get_base_id(key) == EVP_PKEY_ED25519;
  Digest digest;
  if (edwards && !digest_of(text, digest)) return false;
  const auto* bytes = edwards ? digest.bytes : reinterpret_cast<const unsigned char*>(text.data());
  const std::size_t size = edwards ? digest.size : text.size();
  const std::unique_ptr<EVP_MD_CTX, void (*)(EVP_MD_CTX*)> context(::EVP_MD_CTX_new(),
                                                                   ::EVP_MD_CTX_free);
  const EVP_MD* hash = edwards ? nullptr : ::EVP_sha256();
  std::size_t length = 0;
  if (context == nullptr || ::EVP_DigestSignInit(context.get(), nullptr, hash, nullptr, key) != 1 ||
      ::EVP_DigestSign(context.get(), nullptr, &length, bytes, size) != 1) {
    return false;
  }
  std::vector<unsigned char> made(length);
  if (::EVP_DigestSign(context.get(), made.data(), &length, bytes, size) != 1) return false;
  out = base64(made.data(), length);
  return true;
}

}  // namespace

void DkimSigner::Free::operator()(evp_pkey_st* key) const { ::EVP_PKEY_free(key); }

std::string relaxed_field(std::string_view field) {
  const std::size_t colon = field.find(':');
  std::string out;
  for (const char c : field.substr(0, colon)) {
    if (!is_blank(c)) out.push_back(c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c);
  }
  out.push_back(':');
  bool blank = false;
  bool begun = false;
  for (const char c : field.substr(colon + 1)) {
    if (c == '\r' || c == '\n') continue;
    if (is_blank(c)) {
      blank = begun;
      continue;
    }
    if (blank) out.push_back(' ');
    blank = false;
    begun = true;
    out.push_back(c);
  }
  out.append("\r\n");
  return out;
}

std::string relaxed_body(std::string_view body) {
  std::string out;
  out.reserve(body.size());
  std::size_t empty_lines = 0;  // that may be the last
  while (!body.empty()) {
    const std::size_t end = body.find("\r\n");
    const std::string line = relaxed_line(body.substr(0, end));
    body.remove_prefix(end == std::string_view::npos ? body.size() : end + 2);
    if (line.empty()) {
      ++empty_lines;
      continue;
    }
    for (; empty_lines > 0; --empty_lines) out.append("\r\n");
    out.append(line).append("\r\n");
  }
  return out;
}

bool DkimSigner::set_up(std::string_view domain, std::string_view selector,
                        const std::string& key_file, std::string& why, std::string_view& key) {
  key = "domain";
  domain_ = domain_of(domain, why);
  if (domain_.empty()) return false;
  key = "selector";
  selector_ = domain_of(selector, why);
  if (selector_.empty()) {
    why = "a selector is made of labels, as a name of the DNS";
    return false;
  }
  key = "key_file";
  std::ifstream file(key_file, std::ios::binary);
  if (!file) {
    why = key_file + ": cannot be read: " + std::strerror(errno);
    return false;
  }
  std::string pem(kKeyFileBytesMax, '\0');
  file.read(pem.data(), static_cast<std::streamsize>(pem.size()));
  pem.resize(static_cast<std::size_t>(file.gcount()));
  const std::unique_ptr<BIO, int (*)(BIO*)> from(
      ::BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())), ::BIO_free);
  // Without this OpenSSL would ask for a password on the terminal.
  const auto no_password = [](char*, int, int, void*) { return -1; };
  key_.reset(::PEM_read_bio_PrivateKey(from.get(), nullptr, no_password, nullptr));
  ::OPENSSL_cleanse(pem.data(), pem.size());
  ::ERR_clear_error();
  if (key_ == nullptr) {
    why = key_file + ": holds no private key in PEM without a password";
    return false;
  }
  const int type = ::EVP_PKEY_get_base_id(key_.get());
  algorithm_ = type == EVP_PKEY_ED25519 ? "ed25519-sha256" : "rsa-sha256";
  const bool short_key = type == EVP_PKEY_RSA && ::EVP_PKEY_get_bits(key_.get()) < kRsaBitsMin;
  if ((type == EVP_PKEY_RSA && !short_key) || type == EVP_PKEY_ED25519) return true;
  key_.reset();
  why = key_file + (short_key ? ": receivers refuse RSA keys of less than 1,024 bits"
                              : ": is neither an RSA nor an Ed25519 key");
  return false;
}

std::string DkimSigner::sign(std::string_view message, std::int64_t seconds) const {
  const std::size_t split = message.find("\r\n\r\n");
  if (split == std::string_view::npos) return {};
  const std::vector<std::string_view> fields = fields_of(message.substr(0, split + 2));
  Digest body;
  if (!digest_of(relaxed_body(message.substr(split + 4)), body)) return {};

  std::string names = "from";  // once more than it is there
  std::size_t line = 0;        // where its last one begins
  std::string text;
  for (const std::string_view name : kSigned) {
    const std::string_view field = field_of(fields, name);
    if (field.empty()) continue;
    names.push_back(':');
    if (names.size() - line + name.size() > kColumns) {
      names.append("\r\n  ");
      line = names.size();
    }
    names.append(name);
    text.append(relaxed_field(field));
  }
  std::string out = "DKIM-Signature: v=1; a=" + std::string(algorithm_) + "; c=relaxed/relaxed;" +
                    "\r\n d=" + domain_ + ";\r\n s=" + selector_ +
                    "; t=" + std::to_string(seconds) + ";\r\n h=" + names +
                    ";\r\n bh=" + base64(body.bytes, body.size) + ";\r\n b=";
  std::string own = relaxed_field(out);
  own.resize(own.size() - 2);  // the last one is signed without its CRLF
  text.append(own);
  std::string signature;
  if (!signature_of(key_.get(), text, signature)) return {};
  return out.append(folded(signature)).append("\r\n");
}

}  // namespace tocsin::output_smtp
