// Replaces the global allocation functions of this test binary with counting ones.
#ifndef TOCSIN_SANITIZED  // the sanitizers bring their own

#include <gtest/gtest.h>

#include <cstdlib>
#include <new>
#include <string>

#include "tests/unit/http/server_harness.h"

namespace {

thread_local std::size_t allocations = 0;

}  // namespace

void* operator new(std::size_t size) {
  ++allocations;
  if (void* memory = std::malloc(size == 0 ? 1 : size)) return memory;
  std::abort();
}
void* operator new(std::size_t size, std::align_val_t align) {
  ++allocations;
  const auto alignment = static_cast<std::size_t>(align);
  if (void* memory = std::aligned_alloc(alignment, (size + alignment - 1) & ~(alignment - 1)))
    return memory;
  std::abort();
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::align_val_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept { std::free(memory); }

namespace tocsin::http {
namespace {

// Sends and receives without allocating on the client's side either.
std::size_t count_while_serving(int requests, event::Loop& loop, const event::Address& to) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  EXPECT_EQ(::connect(fd, to.data(), to.size()), 0);
  constexpr std::string_view kRequest =
      "GET /a/../b HTTP/1.1\r\nHost: a\r\nAccept: text/html\r\nUser-Agent: test\r\n\r\n";
  std::size_t counted = 0;
  for (int i = 0; i < requests; ++i) {
    if (i == requests / 2) counted = allocations;  // the first half warms up
    EXPECT_EQ(::send(fd, kRequest.data(), kRequest.size(), 0),
              static_cast<ssize_t>(kRequest.size()));
    char answer[4096];
    ssize_t got = -1;
    while (got <= 0) {
      loop.run_ready();
      got = ::recv(fd, answer, sizeof(answer), MSG_DONTWAIT);
    }
    if (std::string_view(answer, 12) != "HTTP/1.1 200") ADD_FAILURE();
  }
  counted = allocations - counted;
  ::close(fd);
  return counted;
}

TEST_F(ServerTest, ServesAFixedAnswerWithoutAllocating) {
  start();
  source->script = [](Exchange& e, RequestHead&) { e.answer(200, "text/plain", "hello"); };
  EXPECT_EQ(count_while_serving(2000, loop, server->address()), 0U);
}

class SilentFilter final : public HttpFilter {};
class SilentFactory final : public HttpFilterFactory {
 public:
  HttpFilter* create(Arena& arena) override {
    return new (arena.allocate(sizeof(SilentFilter))) SilentFilter;
  }
};

TEST_F(ServerTest, ServesThroughFiltersWithoutAllocating) {
  start();
  SilentFactory factory;
  source->filters = {&factory, &factory, &factory};
  source->script = [](Exchange& e, RequestHead&) { e.answer(200, "text/plain", "hello"); };
  EXPECT_EQ(count_while_serving(2000, loop, server->address()), 0U);
}

}  // namespace
}  // namespace tocsin::http

#endif
