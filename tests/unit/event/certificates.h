#pragma once

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>

#include "gateway/base/assert.h"

namespace tocsin::event::testing {

/// Files of a test, gone with it.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "tocsin-tls-XXXXXX").string();
    TOCSIN_ASSERT(::mkdtemp(pattern.data()) != nullptr, "no folder for a test's files");
    path_ = pattern;
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  std::string file(const std::string& name) const { return path_ + "/" + name; }
  std::string write(const std::string& name, const std::string& content) const {
    std::FILE* out = std::fopen(file(name).c_str(), "we");
    std::fwrite(content.data(), 1, content.size(), out);
    std::fclose(out);
    return file(name);
  }

 private:
  std::string path_;
};

/// PEM files of a certificate and its key.
struct Identity {
  std::string cert_file;
  std::string key_file;
};

/// What a certificate says.
struct CertificateSpec {
  std::string common_name = "server";
  std::string names = "DNS:localhost,IP:127.0.0.1";  ///< as OpenSSL's configuration writes them
  long from_s = -3600;                               ///< from now
  long until_s = 86400;
  bool authority = false;
};

/// A certificate authority of a test, and those it does not sign for.
class Authority {
 public:
  explicit Authority(const TemporaryFolder& folder, const std::string& name = "Test CA")
      : folder_(folder),
        key_(new_key()),
        certificate_(make({.common_name = name, .names = {}, .authority = true}, key_, nullptr)),
        file_(save(name + ".ca.pem", certificate_.get())) {}

  const std::string& file() const { return file_; }

  Identity issue(const CertificateSpec& spec) { return sign(spec, this); }
  Identity self_signed(const CertificateSpec& spec) { return sign(spec, nullptr); }

 private:
  using Key = std::unique_ptr<EVP_PKEY, void (*)(EVP_PKEY*)>;
  using Certificate = std::unique_ptr<X509, void (*)(X509*)>;

  static Key new_key() { return {EVP_EC_gen("P-256"), EVP_PKEY_free}; }

  Identity sign(const CertificateSpec& spec, const Authority* issuer) {
    const Key key = new_key();
    const Certificate certificate = make(spec, key, issuer);
    const std::string stem = std::to_string(++issued_) + "-" + spec.common_name;
    Identity made{save(stem + ".pem", certificate.get()), folder_.file(stem + ".key")};
    std::FILE* out = std::fopen(made.key_file.c_str(), "we");
    PEM_write_PrivateKey(out, key.get(), nullptr, nullptr, 0, nullptr, nullptr);
    std::fclose(out);
    return made;
  }

  std::string save(const std::string& name, X509* certificate) const {
    std::FILE* out = std::fopen(folder_.file(name).c_str(), "we");
    PEM_write_X509(out, certificate);
    std::fclose(out);
    return folder_.file(name);
  }

  static void extend(X509* to, X509* issuer, int extension, const std::string& value) {
    if (value.empty()) return;
    X509V3_CTX context;
    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, issuer, to, nullptr, nullptr, 0);
    X509_EXTENSION* made = X509V3_EXT_conf_nid(nullptr, &context, extension, value.c_str());
    TOCSIN_ASSERT(made != nullptr, "OpenSSL takes no such extension");
    X509_add_ext(to, made, -1);
    X509_EXTENSION_free(made);
  }

  Certificate make(const CertificateSpec& spec, const Key& key, const Authority* issuer) {
    Certificate made(X509_new(), X509_free);
    X509_set_version(made.get(), X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(made.get()), ++serial_);
    X509_gmtime_adj(X509_getm_notBefore(made.get()), spec.from_s);
    X509_gmtime_adj(X509_getm_notAfter(made.get()), spec.until_s);
    X509_set_pubkey(made.get(), key.get());
    X509_NAME_add_entry_by_txt(X509_get_subject_name(made.get()), "CN", MBSTRING_UTF8,
                               reinterpret_cast<const unsigned char*>(spec.common_name.c_str()), -1,
                               -1, 0);
    X509* signer = issuer == nullptr ? made.get() : issuer->certificate_.get();
    X509_set_issuer_name(made.get(), X509_get_subject_name(signer));
    extend(made.get(), signer, NID_basic_constraints,
           spec.authority ? "critical,CA:TRUE" : "critical,CA:FALSE");
    extend(made.get(), signer, NID_subject_key_identifier, "hash");
    extend(made.get(), signer, NID_subject_alt_name, spec.names);
    X509_sign(made.get(), issuer == nullptr ? key.get() : issuer->key_.get(), EVP_sha256());
    return made;
  }

  const TemporaryFolder& folder_;
  inline static int issued_ = 0;  // names files of every authority
  long serial_ = 0;
  Key key_;
  Certificate certificate_;
  std::string file_;
};

}  // namespace tocsin::event::testing
