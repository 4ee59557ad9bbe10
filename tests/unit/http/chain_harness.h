#pragma once

#include <gtest/gtest.h>

#include <array>
#include <deque>
#include <map>
#include <new>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/event/loop.h"
#include "gateway/http/exchange.h"
#include "gateway/http/filter_chain.h"

namespace tocsin::http {

/// A filter chain between a pretended handler and a pretended codec; every call is written into one
/// log. "x!" carries the end.
class ChainTest : public testing::Test, protected FilterChain::Ends {
 protected:
  enum class Act { kContinue, kHold, kResumeAndHold, kRespond, kRespondAndContinue };

  /// What one filter does and has seen; outlives the filter itself.
  struct Script {
    BodyWish request_wish, response_wish;
    std::map<std::string, Act> at;  ///< by hook
    std::string replace_with;
    std::string answer_body = "no";
    bool answers_in_done = false;

    FilterContext* context = nullptr;
    std::string seen, seen_back;
    int ends = 0, ends_back = 0, done = 0;

    void respond_now() {
      ResponseHead head;
      head.status = 403;
      context->respond(head, answer_body);
    }
  };

  void TearDown() override { finish(); }

  void reset() {
    finish();
    factories.clear();
    scripts.clear();
    arena.reset();
    written.clear();
    handler_body.clear();
    codec_body.clear();
    handler_ends = codec_ends = local_answers = 0;
  }
  void add(std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
      scripts.emplace_back();
      factories.emplace_back(*this, i);
    }
  }
  Script& filter(std::size_t i) { return scripts[i]; }
  bool build() {
    std::vector<HttpFilterFactory*> all;
    for (Factory& factory : factories) all.push_back(&factory);
    const std::size_t half = all.size() / 2;  // the listener's, then the route's
    return chain.build(std::span(all).first(half), std::span(all).subspan(half), arena);
  }
  void begin(bool end) {
    ASSERT_TRUE(build());
    chain.push_request_head(request, end);
  }
  void body(std::string_view bytes, bool end) { chain.push_request_data(bytes, end); }
  void answer(std::string_view text) {
    answered = ResponseHead{};
    chain.push_response_head(answered, false);
    chain.push_response_data(text, true);
  }
  void finish() { chain.finish({}); }
  /// What was written since the last call.
  std::string log() { return std::exchange(written, {}); }

  int alive = 0;
  int local_answers = 0;
  std::string request_id;
  int handler_ends = 0, codec_ends = 0;
  std::string handler_body, codec_body;

 private:
  class Filter final : public HttpFilter {
   public:
    Filter(ChainTest& test, std::size_t index) : test_(test), index_(index) { ++test_.alive; }
    ~Filter() override { --test_.alive; }

    FilterStatus on_request_head(FilterContext& context, RequestHead&, bool end) override {
      script().context = &context;
      context.want_request_body(script().request_wish);
      context.want_response_body(script().response_wish);
      script().ends += end;
      return act(context, "head", "head" + mark(end));
    }
    FilterStatus on_request_data(FilterContext& context, std::string_view& bytes,
                                 bool end) override {
      script().seen += bytes;
      script().ends += end;
      const std::string text = "data(" + std::string(bytes) + ")" + mark(end);
      if (!script().replace_with.empty()) bytes = script().replace_with;
      return act(context, "data", text);
    }
    FilterStatus on_request_trailers(FilterContext& context, HeaderMap&) override {
      script().ends += 1;
      return act(context, "trailers", "trailers ");
    }
    FilterStatus on_response_head(FilterContext& context, ResponseHead&, bool end) override {
      script().ends_back += end;
      return act(context, "rhead", "rhead ");
    }
    FilterStatus on_response_data(FilterContext& context, std::string_view& bytes,
                                  bool end) override {
      script().seen_back += bytes;
      script().ends_back += end;
      return act(context, "rdata", "rdata(" + std::string(bytes) + ")" + mark(end));
    }
    FilterStatus on_response_trailers(FilterContext& context, HeaderMap&) override {
      script().ends_back += 1;
      return act(context, "rtrailers", "rtrailers ");
    }
    void done(FilterContext& context, DoneFlags) override {
      test_.written += name() + ".done ";
      ++script().done;
      if (script().answers_in_done) {
        script().respond_now();
        context.resume();
      }
      script().context = nullptr;
    }

   private:
    static std::string mark(bool end) { return end ? "! " : " "; }
    std::string name() const { return std::string(1, static_cast<char>('a' + index_)); }
    Script& script() { return test_.scripts[index_]; }
    FilterStatus act(FilterContext& context, const char* hook, const std::string& text) {
      test_.written += name() + "." + text;
      switch (script().at[hook]) {
        case Act::kContinue:
          return FilterStatus::kContinue;
        case Act::kHold:
          return FilterStatus::kHold;
        case Act::kResumeAndHold:
          context.resume();
          return FilterStatus::kHold;
        case Act::kRespond:
          script().respond_now();
          return FilterStatus::kRespond;
        case Act::kRespondAndContinue:
          script().respond_now();
          return FilterStatus::kContinue;
      }
      return FilterStatus::kContinue;
    }
    ChainTest& test_;
    std::size_t index_;
  };

  struct Factory final : HttpFilterFactory {
    Factory(ChainTest& t, std::size_t i) : test(t), index(i) {}
    HttpFilter* create(Arena& memory) override {
      return new (memory.allocate(sizeof(Filter), alignof(Filter))) Filter(test, index);
    }
    ChainTest& test;
    std::size_t index;
  };

  void request_head(RequestHead&, bool end) override {
    written += end ? "handler! " : "handler ";
    handler_ends += end;
  }
  void request_data(std::string_view bytes, bool end) override {
    written += "handler(" + std::string(bytes) + (end ? ")! " : ") ");
    handler_body += bytes;
    handler_ends += end;
  }
  void request_trailers(HeaderMap&) override {
    written += "handler.trailers ";
    ++handler_ends;
  }
  void response_head(ResponseHead& head, bool end) override {
    written += "codec(" + std::to_string(head.status) + (end ? ")! " : ") ");
    codec_ends += end;
  }
  void response_data(std::string_view bytes, bool end) override {
    written += "<" + std::string(bytes) + (end ? ">! " : "> ");
    codec_body += bytes;
    codec_ends += end;
  }
  void response_trailers(HeaderMap&) override {
    written += "codec.trailers ";
    ++codec_ends;
  }
  void hold_request_source() override { written += "HOLD "; }
  void release_request_source() override { written += "RELEASE "; }
  void hold_response_source() override { written += "RHOLD "; }
  void release_response_source() override { written += "RRELEASE "; }
  void answered_locally() override { ++local_answers; }
  void name_request(std::string_view id) override { request_id = id; }
  void abort_answer() override { written += "ABORT "; }

  std::string written;
  std::deque<Script> scripts;
  std::deque<Factory> factories;
  event::Loop loop;
  BlockPool pool;
  Arena arena{pool, 1024 * 1024};
  Exchange exchange{loop, pool};  // only for its address: filters get a const reference to it
  RequestHead request;
  ResponseHead answered;

 protected:
  FilterChain chain{exchange, *this};
};

}  // namespace tocsin::http
