// libcurl says which descriptors it waits for and until when; the host watches them:
//
//   open() --> timer 0 --> drive() <--> descriptors, timer      until CURLMSG_DONE
//                            +--> on_open: from here on curl_easy_send and curl_easy_recv
//
// Each connection has a multi handle of its own: handles that share one look after each other's
// idle connections, and would end one that rests in the middle of a mail.

#include "connection.h"

#include <algorithm>
#include <utility>

namespace tocsin::output_smtp {

namespace {

constexpr std::size_t kReceiveBytes = 4096;

// libcurl's global state belongs to the process and is never given back.
bool libcurl_is_ready() {
  static const bool ready = ::curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
  return ready;
}

}  // namespace

Connection::Socket::Socket(Connection& connection, curl_socket_t descriptor)
    : fd(descriptor), watch(connection.host_, [&connection, descriptor](std::uint32_t events) {
        connection.drive(descriptor, events);
      }) {}

Connection::Connection(sdk::Host host, Owner& owner)
    : host_(host),
      owner_(owner),
      timer_(host,
             [this] {
               if (opening_) return drive(CURL_SOCKET_TIMEOUT, 0);
               close();
               owner_.on_lost("the connection broke");
             }),
      watch_(host, [this](std::uint32_t events) { on_ready(events); }) {}

void Connection::open(const Route& route) {
  opening_ = true;
  if (!libcurl_is_ready() || (multi_ = ::curl_multi_init()) == nullptr ||
      (easy_ = ::curl_easy_init()) == nullptr) {
    timer_.start(sdk::Duration::zero());
    return;
  }
  set_options(route);
  ::curl_multi_setopt(multi_, CURLMOPT_SOCKETFUNCTION, on_socket);
  ::curl_multi_setopt(multi_, CURLMOPT_SOCKETDATA, this);
  ::curl_multi_setopt(multi_, CURLMOPT_TIMERFUNCTION, on_timer);
  ::curl_multi_setopt(multi_, CURLMOPT_TIMERDATA, this);
  ::curl_multi_add_handle(multi_, easy_);
  timer_.start(sdk::Duration::zero());
}

void Connection::set_options(const Route& route) {
  const auto set_text = [this](CURLoption option, const std::string& text) {
    if (!text.empty()) ::curl_easy_setopt(easy_, option, text.c_str());
  };
  const auto set_number = [this](CURLoption option, long number) {
    ::curl_easy_setopt(easy_, option, number);
  };
  set_number(CURLOPT_CONNECT_ONLY, 1);
  set_number(CURLOPT_NOSIGNAL, 1);
  set_number(CURLOPT_QUICK_EXIT, 1);  // an end does not wait for a name that is being resolved
  set_number(CURLOPT_CONNECTTIMEOUT_MS,
             static_cast<long>(std::chrono::milliseconds(kConnectMax).count()));
  ::curl_easy_setopt(easy_, CURLOPT_PROTOCOLS_STR, "smtp,smtps");
  ::curl_easy_setopt(easy_, CURLOPT_PROXY, "");  // none from the environment
  ::curl_easy_setopt(easy_, CURLOPT_ERRORBUFFER, error_);
  ::curl_easy_setopt(easy_, CURLOPT_HEADERFUNCTION, on_line);
  ::curl_easy_setopt(easy_, CURLOPT_HEADERDATA, this);
  ::curl_easy_setopt(easy_, CURLOPT_URL, route.url.c_str());
  if (!route.connect_to.empty()) {
    connect_to_ = ::curl_slist_append(nullptr, route.connect_to.c_str());
    ::curl_easy_setopt(easy_, CURLOPT_CONNECT_TO, connect_to_);
  }
  set_text(CURLOPT_USERNAME, route.username);
  set_text(CURLOPT_PASSWORD, route.password);
  set_number(CURLOPT_SASL_IR, 1);  // saves a round trip, and RFC 4954 has it
  // Those of passwords: Kerberos, which libcurl would prefer, asks its servers inside a call.
  set_text(CURLOPT_LOGIN_OPTIONS, "AUTH=PLAIN;AUTH=LOGIN");
  set_number(CURLOPT_USE_SSL, route.starttls ? CURLUSESSL_ALL : CURLUSESSL_NONE);
  set_number(CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_2);
  set_number(CURLOPT_SSL_VERIFYPEER, route.verify ? 1 : 0);
  set_number(CURLOPT_SSL_VERIFYHOST, route.verify ? 2 : 0);
  set_text(CURLOPT_CAINFO, route.ca_file);
  // Instead of the system's, which Debian's libcurl would look through as well.
  if (!route.ca_file.empty()) ::curl_easy_setopt(easy_, CURLOPT_CAPATH, nullptr);
  set_text(CURLOPT_SSLCERT, route.cert_file);
  set_text(CURLOPT_SSLKEY, route.key_file);
}

void Connection::close() {
  opening_ = open_ = writing_ = false;
  timer_.cancel();
  watch_.stop();
  sockets_.clear();
  if (multi_ != nullptr && easy_ != nullptr) ::curl_multi_remove_handle(multi_, easy_);
  if (easy_ != nullptr) ::curl_easy_cleanup(std::exchange(easy_, nullptr));
  if (multi_ != nullptr) ::curl_multi_cleanup(std::exchange(multi_, nullptr));
  ::curl_slist_free_all(std::exchange(connect_to_, nullptr));
}

// ---- while it is being opened

int Connection::on_socket(CURL*, curl_socket_t fd, int what, void* user, void*) {
  auto& self = *static_cast<Connection*>(user);
  if (!self.opening_) return 0;
  const auto known = std::find_if(self.sockets_.begin(), self.sockets_.end(),
                                  [fd](const auto& socket) { return socket->fd == fd; });
  if (what == CURL_POLL_REMOVE) {
    if (known != self.sockets_.end()) self.sockets_.erase(known);
    return 0;
  }
  const std::uint32_t events = ((what & CURL_POLL_IN) != 0 ? sdk::FdWatch::kRead : 0U) |
                               ((what & CURL_POLL_OUT) != 0 ? sdk::FdWatch::kWrite : 0U);
  if (known != self.sockets_.end()) {
    (*known)->watch.change(events);
    return 0;
  }
  self.sockets_.push_back(std::make_unique<Socket>(self, fd));
  return self.sockets_.back()->watch.start(fd, events) ? 0 : -1;
}

int Connection::on_timer(CURLM*, long delay_ms, void* user) {
  auto& self = *static_cast<Connection*>(user);
  if (!self.opening_) return 0;
  if (delay_ms < 0) {
    self.timer_.cancel();
  } else {
    self.timer_.start(std::chrono::milliseconds(delay_ms));
  }
  return 0;
}

// A line of what the server says while libcurl talks with it.
std::size_t Connection::on_line(char* bytes, std::size_t, std::size_t size, void* user) {
  auto& self = *static_cast<Connection*>(user);
  std::string_view line(bytes, size);
  // Abilities are those of the last EHLO: what was said before TLS counts for nothing.
  if (line.starts_with("250")) {
    if (self.reply_over_) self.abilities_ = {};
    self.abilities_.read(line);
  }
  const auto reply = self.reader_.read(line);
  self.reply_over_ = reply.has_value();
  if (reply) self.last_ = *reply;
  return size;
}

void Connection::drive(curl_socket_t fd, std::uint32_t events) {
  if (multi_ == nullptr || easy_ == nullptr) return finish_opening(CURLE_OUT_OF_MEMORY);
  const int ready = ((events & sdk::FdWatch::kRead) != 0 ? CURL_CSELECT_IN : 0) |
                    ((events & sdk::FdWatch::kWrite) != 0 ? CURL_CSELECT_OUT : 0);
  int running = 0;
  if (::curl_multi_socket_action(multi_, fd, ready, &running) != CURLM_OK) {
    return finish_opening(CURLE_ABORTED_BY_CALLBACK);
  }
  int left = 0;
  while (const CURLMsg* message = ::curl_multi_info_read(multi_, &left)) {
    if (message->msg == CURLMSG_DONE) return finish_opening(message->data.result);
  }
}

void Connection::finish_opening(CURLcode code) {
  opening_ = false;
  timer_.cancel();
  sockets_.clear();
  curl_socket_t fd = CURL_SOCKET_BAD;
  if (code == CURLE_OK) ::curl_easy_getinfo(easy_, CURLINFO_ACTIVESOCKET, &fd);
  if (code == CURLE_OK && fd != CURL_SOCKET_BAD && watch_.start(fd, sdk::FdWatch::kRead)) {
    open_ = true;
    return owner_.on_open(abilities_);
  }
  const sdk::Verdict verdict = failure(code == CURLE_OK ? CURLE_ABORTED_BY_CALLBACK : code);
  close();
  owner_.on_unopened(verdict);
}

sdk::Verdict Connection::failure(CURLcode code) const {
  if (code == CURLE_ABORTED_BY_CALLBACK) {
    return unanswered(Step::kConnect, false, "the host watches no more descriptors");
  }
  const std::string_view words = error_[0] != '\0' ? error_ : ::curl_easy_strerror(code);
  if (code == CURLE_LOGIN_DENIED || code == CURLE_AUTH_ERROR) {
    if (last_.permanent() || last_.transient()) return classify(Step::kAuth, last_);
    return sdk::Verdict::unauthorized("AUTH: " + std::string(words));
  }
  const bool refused = last_.permanent() || last_.transient();
  if (refused && (code == CURLE_WEIRD_SERVER_REPLY || code == CURLE_REMOTE_ACCESS_DENIED)) {
    return classify(Step::kConnect, last_);
  }
  return unanswered(Step::kConnect, false, words);
}

// ---- while it is open

void Connection::on_ready(std::uint32_t events) {
  if ((events & sdk::FdWatch::kWrite) != 0) flush();
  if ((events & sdk::FdWatch::kRead) != 0) receive();
}

void Connection::send(std::string bytes) {
  if (bytes.empty()) return;
  unsent_.push_back(std::move(bytes));
  flush();
}

// What TLS could not write it wants to be given again from the same place: nothing moves before it
// has left.
void Connection::flush() {
  while (!unsent_.empty() && !broken_) {
    const std::string& first = unsent_.front();
    std::size_t part = 0;
    const CURLcode code =
        ::curl_easy_send(easy_, first.data() + sent_, first.size() - sent_, &part);
    sent_ += part;
    if (code == CURLE_AGAIN) break;
    if (code != CURLE_OK) {
      broken_ = true;
      timer_.start(sdk::Duration::zero());  // told later: the caller is in the middle of something
    } else if (sent_ == first.size()) {
      unsent_.pop_front();
      sent_ = 0;
    }
  }
  const bool more = !unsent_.empty() && !broken_;
  if (more == writing_) return;
  writing_ = more;
  watch_.change(sdk::FdWatch::kRead | (more ? sdk::FdWatch::kWrite : 0U));
}

void Connection::receive() {
  char buffer[kReceiveBytes];
  while (open_) {
    std::size_t size = 0;
    const CURLcode code = ::curl_easy_recv(easy_, buffer, sizeof(buffer), &size);
    if (code == CURLE_AGAIN) return;
    if (code == CURLE_OK && size > 0) {
      owner_.on_bytes({buffer, size});
      continue;
    }
    close();
    return owner_.on_lost(size == 0 && code == CURLE_OK ? "the server closed the connection"
                                                        : "the connection broke");
  }
}

}  // namespace tocsin::output_smtp
