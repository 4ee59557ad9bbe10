#include "gateway/plugin/transports.h"

#include <gmock/gmock.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "gateway/plugin/fault.h"
#include "gateway/plugin/file_stamp.h"
#include "gateway/plugin/text.h"
#include "tests/unit/plugin/plugin_harness.h"

namespace tocsin::plugin {
namespace {

class TransportsTest : public PluginTest {
 protected:
  TransportsTest() {
    Scripted<OutputScript>::script = &script_;
    instance_ = instance_of<ScriptedOutput>(Kind::kOutput);
    settings_.size = sizeof(settings_);
  }

  struct Free {
    void operator()(tocsin_transport* made) const { free_transport(made); }
  };
  std::unique_ptr<tocsin_transport, Free> make() {
    fault_ = empty_fault();
    return std::unique_ptr<tocsin_transport, Free>(
        make_transport(instance_->handle(), &settings_, &fault_));
  }
  std::string refusal() {
    return make() == nullptr ? fault_key(fault_) + ": " + fault_text(fault_) : "none";
  }

  OutputScript script_;
  InstancePtr instance_;
  tocsin_transport_settings settings_{};
  tocsin_fault fault_{};
};

TEST_F(TransportsTest, IsWhatTheSettingsSay) {
  settings_.flags = TOCSIN_TRANSPORT_UNVERIFIED | TOCSIN_TRANSPORT_GUARDED;
  settings_.server_name = str_of("named.test");
  settings_.proxy = str_of("http://proxy.test:3128");
  settings_.no_proxy = str_of("inside.test, 10.0.0.0/8");
  settings_.allow = str_of("10.1.0.0/16");
  const auto made = make();
  const auto transport = transport_of(made.get());
  ASSERT_TRUE(transport != nullptr);
  EXPECT_FALSE(transport->tls->verifies());
  EXPECT_EQ(transport->tls_name, "named.test");
  EXPECT_EQ(transport->proxy_for("out.test")->port, 3128);
  EXPECT_EQ(transport->proxy_for("a.inside.test"), nullptr);
  EXPECT_EQ(transport->proxy_for("10.9.9.9"), nullptr);
  EXPECT_TRUE(transport->guard.has_value());
}

TEST_F(TransportsTest, LeavesTheUsualToTheLoop) {
  const auto made = make();
  const auto transport = transport_of(made.get());
  EXPECT_EQ(transport->tls, nullptr);
  EXPECT_FALSE(transport->proxy.has_value());
  EXPECT_FALSE(transport->guard.has_value());
  EXPECT_EQ(transport_of(nullptr), nullptr);
}

TEST_F(TransportsTest, NamesTheSettingAtFault) {
  settings_.ca_file = str_of("/nowhere/ca.pem");
  EXPECT_EQ(refusal(), "tls.ca_file: /nowhere/ca.pem: cannot be read: No such file or directory");
  settings_.ca_file = {};
  settings_.cert_file = str_of("/nowhere/cert.pem");
  EXPECT_EQ(refusal(), "tls.cert_file: cert_file needs its key_file");
  settings_.cert_file = {};
  settings_.proxy = str_of("socks5://user:secret@proxy");
  EXPECT_EQ(refusal(), "proxy: a proxy's URL begins with http://");
  settings_.proxy = {};
  settings_.no_proxy = str_of("10.0.0.0/99");
  EXPECT_EQ(refusal(), "no_proxy: '10.0.0.0/99' is neither a host name nor an address range");
  settings_.no_proxy = {};
  for (const char* name : {"a b", "*.x.example", "x.example:443", "x..example"}) {
    settings_.server_name = str_of(name);
    EXPECT_EQ(refusal(), "tls.server_name: '" + std::string(name) +
                             "' is no name that a certificate can be asked for: write one host's "
                             "name or address");
  }
  settings_.server_name = {};
  settings_.flags = TOCSIN_TRANSPORT_GUARDED;
  settings_.allow = str_of("everything");
  EXPECT_THAT(refusal(), ::testing::StartsWith("allow: 'everything' is no address range"));
}

TEST_F(TransportsTest, RefusesSettingsThatAreNone) {
  settings_.size = 8;
  EXPECT_EQ(refusal(), ": the transport's settings are malformed");
}

TEST(FileStamp, TellsWhetherAFileIsAnother) {
  const std::string path = ::testing::TempDir() + "tocsin-file-stamp-" + std::to_string(::getpid());
  const auto write = [&path](const std::string& text) { std::ofstream(path) << text; };
  std::filesystem::remove(path);
  const FileStamp missing = FileStamp::of(path);
  EXPECT_EQ(missing, FileStamp::of(path));
  write("one");
  const FileStamp first = FileStamp::of(path);
  EXPECT_FALSE(first == missing);
  EXPECT_EQ(first, FileStamp::of(path));
  write("longer");
  EXPECT_FALSE(first == FileStamp::of(path));
  std::filesystem::remove(path);
}

}  // namespace
}  // namespace tocsin::plugin
