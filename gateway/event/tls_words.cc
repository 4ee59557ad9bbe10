// OpenSSL's own sentences name what went wrong inside it. These say what an operator can do
// something about, and about whom.
#include "gateway/event/tls_words.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <ctime>
#include <memory>

#include "gateway/event/address.h"

namespace tocsin::event {

namespace {

constexpr std::size_t kSubjectBytesMax = 160;
constexpr int kNamesShownMax = 4;

// RFC 2253 with control and non-ASCII characters escaped: it goes into logs and verdicts.
std::string name_text(const X509_NAME* name) {
  const std::unique_ptr<BIO, int (*)(BIO*)> out(BIO_new(BIO_s_mem()), BIO_free);
  if (out == nullptr) return {};
  X509_NAME_print_ex(out.get(), name, 0, XN_FLAG_RFC2253);
  char* bytes = nullptr;
  const long length = BIO_get_mem_data(out.get(), &bytes);
  std::string text(bytes, static_cast<std::size_t>(std::max(length, 0L)));
  if (text.size() > kSubjectBytesMax) text.replace(kSubjectBytesMax, std::string::npos, "...");
  return text;
}

std::string printable(const ASN1_STRING* string) {
  const auto* bytes = reinterpret_cast<const char*>(ASN1_STRING_get0_data(string));
  std::string text(bytes, static_cast<std::size_t>(ASN1_STRING_length(string)));
  if (text.size() > kSubjectBytesMax) text.resize(kSubjectBytesMax);
  std::replace_if(text.begin(), text.end(), [](char c) { return c <= 0x20 || c >= 0x7f; }, '?');
  return text;
}

std::string ip_text(const ASN1_OCTET_STRING* ip) {
  std::array<char, 48> text{};
  const unsigned char* bytes = ASN1_STRING_get0_data(ip);
  if (ASN1_STRING_length(ip) == 4) {
    std::snprintf(text.data(), text.size(), "%u.%u.%u.%u", bytes[0], bytes[1], bytes[2], bytes[3]);
    return text.data();
  }
  if (ASN1_STRING_length(ip) != 16) return "?";
  sockaddr_in6 address{};
  address.sin6_family = AF_INET6;
  std::copy(bytes, bytes + 16, address.sin6_addr.s6_addr);
  return Address::from_socket(reinterpret_cast<const sockaddr*>(&address), sizeof(address)).ip();
}

// "a.example, b.example, 10.0.0.1 and 3 more"
std::string alternative_names(const X509* certificate) {
  const std::unique_ptr<GENERAL_NAMES, void (*)(GENERAL_NAMES*)> names(
      static_cast<GENERAL_NAMES*>(
          X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)),
      GENERAL_NAMES_free);
  if (names == nullptr) return {};
  std::string text;
  int shown = 0;
  const int count = sk_GENERAL_NAME_num(names.get());
  for (int i = 0; i < count && shown < kNamesShownMax; ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(names.get(), i);
    if (name->type != GEN_DNS && name->type != GEN_IPADD) continue;
    if (shown++ > 0) text += ", ";
    text += name->type == GEN_DNS ? printable(name->d.dNSName) : ip_text(name->d.iPAddress);
  }
  if (shown > 0 && count > shown) text += " and " + std::to_string(count - shown) + " more";
  return text;
}

std::string day(const ASN1_TIME* time) {
  tm parts{};
  if (time == nullptr || ASN1_TIME_to_tm(time, &parts) != 1) return "an unreadable date";
  std::array<char, 32> text{};
  std::strftime(text.data(), text.size(), "%Y-%m-%d %H:%M UTC", &parts);
  return text.data();
}

std::string subject_of(const X509* certificate) {
  std::string subject = name_text(X509_get_subject_name(certificate));
  if (subject.empty()) subject = alternative_names(certificate);
  return "the certificate of \"" + subject + "\"";
}

std::string wrong_host(const X509* certificate, std::string_view wanted) {
  const std::string names = alternative_names(certificate);
  return subject_of(certificate) + " is not for " + std::string(wanted) +
         (names.empty() ? ": it names no host" : ", only for " + names);
}

std::string unknown_authority(const X509* certificate) {
  return subject_of(certificate) + " comes from \"" + name_text(X509_get_issuer_name(certificate)) +
         "\", an authority that is not trusted here";
}

}  // namespace

std::string certificate_refusal(X509_STORE_CTX* store, std::string_view wanted) {
  const X509* certificate = X509_STORE_CTX_get_current_cert(store);
  const int error = X509_STORE_CTX_get_error(store);
  if (certificate == nullptr) return X509_verify_cert_error_string(error);
  switch (error) {
    case X509_V_ERR_CERT_HAS_EXPIRED:
      return subject_of(certificate) + " expired on " + day(X509_get0_notAfter(certificate));
    case X509_V_ERR_CERT_NOT_YET_VALID:
      return subject_of(certificate) + " is not valid before " +
             day(X509_get0_notBefore(certificate));
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
      return wrong_host(certificate, wanted);
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
      return subject_of(certificate) + " is self-signed and not trusted here";
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
      return subject_of(certificate) + ", an authority, is not trusted here";
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
      return unknown_authority(certificate);
    default:
      return subject_of(certificate) + " was refused: " + X509_verify_cert_error_string(error);
  }
}

std::string tls_words() {
  const unsigned long code = ERR_get_error();
  ERR_clear_error();
  const int reason = ERR_GET_REASON(code);
  if (code == 0) return "TLS failed without a reason";
  if (ERR_GET_LIB(code) == ERR_LIB_SSL) {
    switch (reason) {
      case SSL_R_WRONG_VERSION_NUMBER:
      case SSL_R_HTTP_REQUEST:
      case SSL_R_PACKET_LENGTH_TOO_LONG:
        return "the other side does not speak TLS";
      case SSL_R_UNSUPPORTED_PROTOCOL:
      case SSL_R_TLSV1_ALERT_PROTOCOL_VERSION:
        return "the two sides have no version of TLS in common (1.2 at least)";
      case SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED:
      case SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE:
        return "a client certificate is required, and none was shown";
      default:
        break;
    }
    // Alerts are what the other side says (RFC 8446 6.2).
    if (reason >= SSL_AD_REASON_OFFSET) {
      return std::string("the other side refused: ") +
             SSL_alert_desc_string_long(reason - SSL_AD_REASON_OFFSET);
    }
  }
  const char* text = ERR_reason_error_string(code);
  return std::string("TLS failed: ") + (text == nullptr ? "unknown reason" : text);
}

}  // namespace tocsin::event
