#include "gateway/app/config_changes.h"

#include <gtest/gtest.h>

namespace tocsin::app {
namespace {

Value text(std::string what) { return {std::move(what), {}}; }
Value map(Value::Map entries) { return {std::move(entries), {}}; }

Value root(std::int64_t workers, std::string store, std::string level = "info") {
  return map({{"gateway",
               map({{"workers", Value(workers, {}), {}},
                    {"log",
                     map({{"level", text(std::move(level)), {}},
                          {"output", text("stderr"), {}},
                          {"format", text("json"), {}}}),
                     {}}}),
               {}},
              {"storage", map({{"path", text(std::move(store)), {}}}), {}}});
}

std::vector<std::string> paths(const config::Diagnostics& faults) {
  std::vector<std::string> all;
  for (const config::Diagnostic& fault : faults) all.push_back(fault.path);
  return all;
}

// Of a gateway that was started with what is before.
config::Diagnostics faults_of(const Value& before, const Value& after) {
  return restart_faults(before, after, before.find("storage"));
}

TEST(RestartFaults, AreNoneWhereOnlyReloadableSettingsDiffer) {
  EXPECT_TRUE(faults_of(root(2, "a.db"), root(2, "a.db", "debug")).empty());
}

TEST(RestartFaults, NameEachSettingThatOnlyARestartChanges) {
  EXPECT_EQ(paths(faults_of(root(2, "a.db"), root(3, "b.db"))),
            (std::vector<std::string>{"storage", "gateway.workers"}));
}

TEST(RestartFaults, LetTheFirstStoreComeAndItGoAgain) {
  const Value without = map({root(2, "").as<Value::Map>().front()});
  EXPECT_TRUE(faults_of(without, root(2, "a.db")).empty());
  EXPECT_TRUE(faults_of(root(2, "a.db"), without).empty());
}

TEST(RestartFaults, RememberAStoreThatIsNotNamedAnyMore) {
  const Value without = map({root(2, "").as<Value::Map>().front()});
  const Value opened = root(2, "a.db").at("storage");
  EXPECT_TRUE(restart_faults(without, root(2, "a.db"), &opened).empty());
  EXPECT_EQ(paths(restart_faults(without, root(2, "b.db"), &opened)),
            std::vector<std::string>{"storage"});
}

}  // namespace
}  // namespace tocsin::app
