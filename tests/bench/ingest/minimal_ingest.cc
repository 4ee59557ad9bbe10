// The least that takes notifications over HTTP and answers 202 after a durable commit: the
// reference of the ingest bench. One loop (libuv, llhttp, RapidJSON) and one thread that writes
// with SQLite what has gathered while it wrote last, in one transaction. No routing, no filters, no
// limits, no plugins, no metrics, no delivery; the rows are those of the gateway.
//
//   minimal_ingest PORT DATABASE
#include <llhttp.h>
#include <rapidjson/memorystream.h>
#include <rapidjson/reader.h>
#include <uv.h>

#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "tests/bench/ingest/reference_rows.h"

namespace tocsin::bench {

namespace {

constexpr std::size_t kReadBytes = 64 * 1024;
constexpr int kBacklog = 1024;

// The member "topic" of the outermost object; what is no JSON at all the reader refuses.
struct TopicFinder : rapidjson::BaseReaderHandler<rapidjson::UTF8<>, TopicFinder> {
  bool Default() { return depth > 0; }
  bool StartObject() { return ++depth > 0; }
  bool EndObject(rapidjson::SizeType) { return depth-- > 0; }
  bool Key(const char* name, rapidjson::SizeType length, bool) {
    at_topic = depth == 1 && std::string_view(name, length) == "topic";
    return true;
  }
  bool String(const char* value, rapidjson::SizeType length, bool) {
    if (at_topic && depth == 1) topic.emplace(value, length);
    return depth > 0;
  }

  int depth = 0;
  bool at_topic = false;
  std::optional<std::string> topic;
};

class Connection;

/// A request on its way to the writer and back.
struct Append {
  Connection* connection = nullptr;
  std::int64_t id = 0;
  std::string topic;
  std::string payload;
};
using Appends = std::vector<Append>;

std::int64_t wall_ns() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::nanoseconds>(now).count();
}

/// Group commit: what is handed over while a transaction runs is the next one.
class Writer {
 public:
  Writer(const std::string& path, uv_loop_t* loop) : rows_(path), next_id_(wall_ns()) {
    uv_async_init(loop, &committed_,
                  [](uv_async_t* handle) { static_cast<Writer*>(handle->data)->answer(); });
    committed_.data = this;
    thread_ = std::thread([this] { write(); });
    thread_.detach();  // the program ends with its process
  }

  /// Takes all of `appends` and leaves it empty.
  void hand_over(Appends& appends) {
    bool wake = false;
    {
      const std::lock_guard lock(mutex_);
      wake = waiting_.empty();
      for (Append& one : appends) waiting_.push_back(std::move(one));
    }
    appends.clear();
    if (wake) handed_over_.notify_one();
  }

 private:
  [[noreturn]] void write() {
    for (Appends batch;;) {
      {
        std::unique_lock lock(mutex_);
        handed_over_.wait(lock, [this] { return !waiting_.empty(); });
        batch.swap(waiting_);
      }
      const std::int64_t now = wall_ns();
      rows_.begin();
      for (Append& one : batch) {
        one.id = ++next_id_;
        rows_.insert({one.id, now, 2, one.topic, one.payload});
      }
      rows_.commit();
      {
        const std::lock_guard lock(mutex_);
        for (Append& one : batch) done_.push_back(std::move(one));
      }
      batch.clear();
      uv_async_send(&committed_);
    }
  }

  void answer();

  ReferenceRows rows_;
  std::int64_t next_id_;
  uv_async_t committed_{};
  std::thread thread_;
  std::mutex mutex_;
  std::condition_variable handed_over_;
  Appends waiting_;
  Appends done_;
  Appends answering_;
};

/// The loop's side: listener, parsers, and what this tick hands to the writer.
class Server {
 public:
  Server(int port, const std::string& database) : writer_(database, loop_) {
    uv_tcp_init(loop_, &listener_);
    listener_.data = this;
    sockaddr_in address{};
    uv_ip4_addr("127.0.0.1", port, &address);
    uv_tcp_bind(&listener_, reinterpret_cast<const sockaddr*>(&address), 0);
    const auto accept = [](uv_stream_t* stream, int) {
      static_cast<Server*>(stream->data)->accept();
    };
    if (uv_listen(reinterpret_cast<uv_stream_t*>(&listener_), kBacklog, accept) != 0) std::_Exit(1);
    uv_check_init(loop_, &tick_end_);
    tick_end_.data = this;
    uv_check_start(&tick_end_, [](uv_check_t* check) {
      Server& server = *static_cast<Server*>(check->data);
      if (!server.appends_.empty()) server.writer_.hand_over(server.appends_);
    });
    llhttp_settings_init(&settings_);
    settings_.on_body = [](llhttp_t* parser, const char* at, std::size_t length) {
      body_of(parser).append(at, length);
      return 0;
    };
    settings_.on_message_complete = &Server::on_message;
  }

  void run() { uv_run(loop_, UV_RUN_DEFAULT); }

 private:
  friend class Connection;
  static std::string& body_of(llhttp_t* parser);
  static int on_message(llhttp_t* parser);
  void accept();

  uv_loop_t* loop_ = uv_default_loop();
  uv_tcp_t listener_{};
  uv_check_t tick_end_{};
  llhttp_settings_t settings_{};
  Writer writer_;
  Appends appends_;
  char read_buffer_[kReadBytes];
};

class Connection {
 public:
  explicit Connection(Server& server) : server_(server) {
    uv_tcp_init(server.loop_, &tcp_);
    tcp_.data = this;
    llhttp_init(&parser_, HTTP_REQUEST, &server.settings_);
    parser_.data = this;
  }

  void start() {
    auto* stream = reinterpret_cast<uv_stream_t*>(&tcp_);
    if (uv_accept(reinterpret_cast<uv_stream_t*>(&server_.listener_), stream) != 0) return close();
    uv_tcp_nodelay(&tcp_, 1);
    const auto lend = [](uv_handle_t* handle, std::size_t, uv_buf_t* buffer) {
      *buffer =
          uv_buf_init(static_cast<Connection*>(handle->data)->server_.read_buffer_, kReadBytes);
    };
    uv_read_start(stream, lend, [](uv_stream_t* from, ssize_t count, const uv_buf_t* buffer) {
      auto& self = *static_cast<Connection*>(from->data);
      if (count == 0) return;
      if (count < 0) return self.close();
      const auto length = static_cast<std::size_t>(count);
      if (llhttp_execute(&self.parser_, buffer->base, length) != HPE_OK) self.close();
    });
  }

  void on_message() {
    TopicFinder found;
    rapidjson::MemoryStream stream(body_.data(), body_.size());
    rapidjson::Reader reader;
    const bool valid =
        !reader.Parse<rapidjson::kParseValidateEncodingFlag>(stream, found).IsError();
    if (!valid || !found.topic) {
      return answer("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
    }
    ++appended_;
    server_.appends_.push_back({this, 0, std::move(*found.topic), std::move(body_)});
    body_.clear();
  }

  void on_committed(std::int64_t id) {
    --appended_;
    if (closing_) return end();
    char body[96];
    const int length = std::snprintf(body, sizeof body,
                                     R"({"id":"ntf_%016llx","status":"accepted","deliveries":1})",
                                     static_cast<unsigned long long>(id));
    char head[256];
    const int all = std::snprintf(head, sizeof head,
                                  "HTTP/1.1 202 Accepted\r\nContent-Type: application/json\r\n"
                                  "Content-Length: %d\r\n\r\n%s",
                                  length, body);
    answer({head, static_cast<std::size_t>(all)});
  }

 private:
  friend class Server;

  void answer(std::string_view text) {
    uv_buf_t buffer =
        uv_buf_init(const_cast<char*>(text.data()), static_cast<unsigned>(text.size()));
    const int written = uv_try_write(reinterpret_cast<uv_stream_t*>(&tcp_), &buffer, 1);
    if (written != static_cast<int>(text.size())) close();  // a socket that took 150 bytes no more
  }

  void close() {
    if (closing_) return;
    closing_ = true;
    uv_close(reinterpret_cast<uv_handle_t*>(&tcp_), [](uv_handle_t* handle) {
      auto& self = *static_cast<Connection*>(handle->data);
      self.closed_ = true;
      self.end();
    });
  }

  void end() {
    if (closed_ && appended_ == 0) delete this;
  }

  Server& server_;
  uv_tcp_t tcp_{};
  llhttp_t parser_{};
  std::string body_;
  int appended_ = 0;  // at the writer
  bool closing_ = false;
  bool closed_ = false;
};

void Writer::answer() {
  {
    const std::lock_guard lock(mutex_);
    answering_.swap(done_);
  }
  for (const Append& one : answering_) one.connection->on_committed(one.id);
  answering_.clear();
}

std::string& Server::body_of(llhttp_t* parser) {
  return static_cast<Connection*>(parser->data)->body_;
}

int Server::on_message(llhttp_t* parser) {
  static_cast<Connection*>(parser->data)->on_message();
  return 0;
}

void Server::accept() { (new Connection(*this))->start(); }

}  // namespace

}  // namespace tocsin::bench

int main(int count, char** arguments) {
  if (count != 3) {
    std::fputs("usage: minimal_ingest PORT DATABASE\n", stderr);
    return 2;
  }
  const auto server =
      std::make_unique<tocsin::bench::Server>(std::atoi(arguments[1]), arguments[2]);
  server->run();
  return 0;
}
