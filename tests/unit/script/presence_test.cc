// Who is noted as inside while a script runs.

#include "gateway/stage/presence.h"

#include "tests/unit/script/script_harness.h"

namespace tocsin::script {
namespace {

/// Writes down what is noted: "+deliver d_1.2", "-".
class Book final : public stage::PresenceBook {
 public:
  std::unique_ptr<stage::Presence> presence_of(std::string_view plugin, std::string_view id,
                                               std::size_t /*loop*/) override {
    who = std::string(plugin) + " " + std::string(id);
    return std::make_unique<Note>(*this);
  }

  std::string who;
  std::string noted;

 private:
  class Note final : public stage::Presence {
   public:
    explicit Note(Book& book) : book_(book) {}
    void enter(const char* callback, const message::DeliveryId* delivery) override {
      book_.noted += std::string("+") + callback;
      if (delivery != nullptr) book_.noted += " " + std::to_string(delivery->ordinal);
    }
    void leave() override { book_.noted += "-"; }

   private:
    Book& book_;
  };
};

struct NoDone final : stage::AttemptDone {
  void complete(stage::AttemptToken, message::Verdict) override {}
};

class PresenceTest : public ScriptTest {
 protected:
  PresenceTest() { services.presences = &book; }
  Book book;
};

TEST_F(PresenceTest, IsNotedForEveryPartOfACall) {
  const auto filter = filter_of("tocsin.sleep(5) return \"pass\"");
  EXPECT_EQ(book.who, "filter/test test");
  EXPECT_EQ(book.noted, "+create-");
  book.noted.clear();
  HeardCall call(arena);
  filter->on_message(call);
  EXPECT_EQ(book.noted, "+on_message-") << "who waits is not inside";
  advance(std::chrono::milliseconds(5));
  EXPECT_EQ(book.noted, "+on_message-+on_message-");
}

TEST_F(PresenceTest, NamesTheDeliveryInHand) {
  Worker& worker = worker_of(
      instance_of(script_of(Kind::kOutput, "return {deliver = function() error('x') end}")));
  NoDone done;
  ScriptOutput output(worker, done);
  message::Notification notification;
  stage::Attempt attempt;
  attempt.delivery = {{7}, 3};
  attempt.notification = &notification;
  book.noted.clear();
  output.deliver({&attempt, 1});
  EXPECT_EQ(book.noted, "+deliver 3-") << "also when it fails";
}

TEST_F(PresenceTest, IsNotedOfARoute) {
  auto opened = Script::open_route(folder.write("r.lua", "function route(n) return \"a\" end"));
  ASSERT_TRUE(opened);
  ScriptRoute route(worker_of(instance_of(std::shared_ptr<const Script>(std::move(*opened)))),
                    {"a"});
  book.noted.clear();
  stage::RouteOpinion opinion;
  route.route({.topic = "t"}, opinion);
  EXPECT_EQ(book.noted, "+route-");
  EXPECT_EQ(book.who, "route/r.lua test");
}

}  // namespace
}  // namespace tocsin::script
