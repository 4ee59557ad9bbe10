#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "gateway/base/arena.h"
#include "gateway/http/request_parser.h"

namespace tocsin::http {

/// Reads a byte stream as a server would, one request behind the other, and writes down every
/// event. Pieces of a body are merged, so two transcripts of the same bytes must be equal however
/// the bytes were cut. Used by unit tests and fuzz targets.
class RequestRecorder final : private RequestParser::Events {
 public:
  explicit RequestRecorder(const RequestLimits& limits = {}) : limits_(limits), parser_(limits_) {
    open();
  }

  /// Feeds one piece; ignored after a fault.
  void feed(std::string_view bytes) {
    while (!parser_.fault() && (!bytes.empty() || parser_.stalled())) {
      const std::size_t used = parser_.feed(bytes);
      bytes.remove_prefix(used);
      used_ += used;
      if (parser_.complete()) open();
    }
    if (parser_.fault() && !faulted_) {
      faulted_ = true;
      end_body();
      text_ += "fault\n";
    }
  }

  /// Stop after every event, and go on with what is left.
  void stop_always() { stopping_ = true; }

  const std::string& transcript() {
    end_body();
    return text_;
  }
  /// 0 when the stream was fine so far.
  int status() const { return parser_.fault().status; }
  std::string_view detail() const { return parser_.fault().detail; }
  std::size_t requests() const { return requests_; }
  const std::string& body() const { return body_; }
  std::size_t used() const { return used_; }
  const RequestHead& head() const { return *head_; }
  bool keep_alive() const { return keep_alive_; }

 private:
  void open() {
    head_ = std::make_unique<RequestHead>();
    arena_.reset();
    parser_.begin(*head_, arena_, *this);
  }

  void on_head(bool end) override {
    keep_alive_ = parser_.keep_alive();
    body_.clear();
    text_ += "head ";
    text_.append(head_->method).append(" ").append(head_->target);
    text_ += " 1." + std::to_string(head_->minor_version);
    text_ += end ? " end" : " more";
    text_ += parser_.keep_alive() ? " keep\n" : " close\n";
    write(head_->headers);
    if (stopping_) parser_.stop();
  }
  void on_body(std::string_view bytes) override {
    body_.append(bytes);
    open_body_.append(bytes);
    if (stopping_) parser_.stop();
  }
  void on_complete() override {
    end_body();
    if (parser_.has_trailers()) write(parser_.trailers());
    text_ += "complete\n";
    ++requests_;
  }

  void write(const HeaderMap& fields) {
    for (const Header& field : fields.all()) {
      text_.append("  ").append(field.name).append("=").append(field.value).append("\n");
    }
  }
  void end_body() {
    if (!open_body_.empty()) text_ += "body " + open_body_ + "\n";
    open_body_.clear();
  }

  const RequestLimits limits_;
  BlockPool pool_;
  Arena arena_{pool_, 256 * 1024};
  std::unique_ptr<RequestHead> head_;
  RequestParser parser_;
  std::string text_;
  std::string open_body_;
  std::string body_;
  std::size_t requests_ = 0;
  std::size_t used_ = 0;
  bool keep_alive_ = false;
  bool stopping_ = false;
  bool faulted_ = false;
};

}  // namespace tocsin::http
