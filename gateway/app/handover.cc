#include "gateway/app/handover.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <utility>

extern char** environ;  // NOLINT(readability-redundant-declaration): POSIX has no header for it

namespace tocsin::app {

namespace {

constexpr std::string_view kSocketWord = "socket ";
constexpr std::string_view kEndWord = "end";
constexpr std::string_view kReadyWord = "ready";
constexpr std::string_view kUnusedWord = "unused ";
constexpr std::string_view kLanesWord = "lanes";
// What is known of the lanes of thousands of outputs.
constexpr std::size_t kLanesBytesMax = std::size_t{16} << 20;
constexpr std::size_t kPacketBytesMax = 512;
constexpr int kReceiveSeconds = 10;
constexpr Duration kEndPatience = std::chrono::seconds(2);
constexpr Duration kEndLook = std::chrono::milliseconds(10);
constexpr Duration kAfterLook = std::chrono::milliseconds(20);

using PacketControl = std::array<char, CMSG_SPACE(sizeof(int))>;

// One packet, and a descriptor with it unless that is -1.
bool send_packet(int channel, std::string_view text, int fd) {
  iovec part{const_cast<char*>(text.data()), text.size()};
  alignas(cmsghdr) PacketControl control{};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  if (fd >= 0) {
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    cmsghdr* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int));
    std::memcpy(CMSG_DATA(header), &fd, sizeof(int));
  }
  return ::sendmsg(channel, &message, MSG_NOSIGNAL) == static_cast<ssize_t>(text.size());
}

struct Packet {
  std::string text;
  int fd = -1;
};

Result<Packet> receive_packet(int channel, int flags = 0) {
  Packet packet;
  packet.text.resize(kPacketBytesMax);
  iovec part{packet.text.data(), packet.text.size()};
  alignas(cmsghdr) PacketControl control{};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  const ssize_t got = ::recvmsg(channel, &message, flags | MSG_CMSG_CLOEXEC);
  if (got < 0 && flags != 0 && (errno == EAGAIN || errno == EINTR)) return Packet{};
  if (got <= 0) return fail(Code::kUnavailable, "the process before handed nothing over");
  packet.text.resize(static_cast<std::size_t>(got));
  for (cmsghdr* at = CMSG_FIRSTHDR(&message); at != nullptr; at = CMSG_NXTHDR(&message, at)) {
    if (at->cmsg_level != SOL_SOCKET || at->cmsg_type != SCM_RIGHTS) continue;
    std::memcpy(&packet.fd, CMSG_DATA(at), sizeof(int));
  }
  return packet;
}

// A file without a name that holds the text; -1: there is none.
int file_of(std::string_view text) {
  const int fd = ::memfd_create("tocsin-lanes", MFD_CLOEXEC);
  while (fd >= 0 && !text.empty()) {
    const ssize_t written = ::write(fd, text.data(), text.size());
    if (written <= 0) {
      ::close(fd);
      return -1;
    }
    text.remove_prefix(static_cast<std::size_t>(written));
  }
  return fd;
}

// From its beginning, whoever wrote it; empty: it cannot be read.
std::string text_of(int fd) {
  struct stat about{};
  if (::fstat(fd, &about) != 0 || about.st_size < 0) return {};
  const auto size = static_cast<std::size_t>(about.st_size);
  if (size > kLanesBytesMax) return {};
  std::string text(size, '\0');
  for (std::size_t at = 0; at < size;) {
    const ssize_t got = ::pread(fd, text.data() + at, size - at, static_cast<off_t>(at));
    if (got <= 0) return {};
    at += static_cast<std::size_t>(got);
  }
  return text;
}

bool is_variable(std::string_view entry, std::string_view name) {
  return entry.size() > name.size() && entry.starts_with(name) && entry[name.size()] == '=';
}

// Ours with the way to this process, and without what is said of this one: whoever the service
// manager's watchdog was meant for, it is the new process from now on.
std::vector<std::string> environment_of_successor(const Successor::Command& command) {
  std::vector<std::string> all;
  for (char** at = environ; *at != nullptr; ++at) {
    if (is_variable(*at, Successor::kVariable) || is_variable(*at, "WATCHDOG_PID")) continue;
    all.emplace_back(*at);
  }
  if (!command.binary.empty()) {
    all.push_back(std::string(Successor::kBinaryVariable) + "=" + command.binary);
  }
  if (!command.failure.empty()) {
    all.push_back(std::string(Successor::kFailureVariable) + "=" + command.failure);
  }
  std::string& channel = all.emplace_back(Successor::kVariable);
  channel += '=';
  channel += std::to_string(Successor::kChannelFd);
  return all;
}

std::vector<char*> pointers(std::vector<std::string>& words) {
  std::vector<char*> all;
  for (std::string& word : words) all.push_back(word.data());
  all.push_back(nullptr);
  return all;
}

Result<pid_t> spawn(const Successor::Command& command, int channel) {
  std::vector<std::string> arguments = command.arguments;
  std::vector<std::string> environment = environment_of_successor(command);
  posix_spawn_file_actions_t actions{};
  ::posix_spawn_file_actions_init(&actions);
  // Also when it has that number already: the copy is what loses close-on-exec.
  ::posix_spawn_file_actions_adddup2(&actions, channel, Successor::kChannelFd);
  posix_spawnattr_t attributes{};
  ::posix_spawnattr_init(&attributes);
  sigset_t none{};
  sigemptyset(&none);
  ::posix_spawnattr_setsigmask(&attributes, &none);
  ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
  pid_t pid = -1;
  const int failed = ::posix_spawn(&pid, command.program.c_str(), &actions, &attributes,
                                   pointers(arguments).data(), pointers(environment).data());
  ::posix_spawnattr_destroy(&attributes);
  ::posix_spawn_file_actions_destroy(&actions);
  if (failed != 0) return tl::unexpected(system_error(failed, command.program));
  return pid;
}

std::string how_it_ended(int status) {
  if (WIFSIGNALED(status)) {
    return "the new process was ended by signal " + std::to_string(WTERMSIG(status));
  }
  return "the new process ended with exit code " + std::to_string(WEXITSTATUS(status));
}

}  // namespace

// --- the old process's side

Successor::Successor(event::Loop& control)
    : control_(control), patience_(control.timers(), [this] { on_timer(); }) {}

Successor::~Successor() {
  if (under_way()) {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  close();
}

Result<void> Successor::start(const Command& command, std::span<const HandedSocket> sockets,
                              Duration patience, Done done, Ended ended) {
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) != 0) {
    return tl::unexpected(system_error(errno, "a socket pair"));
  }
  channel_ = ends[0];
  // Above what the new process finds it at, so that spawning never has to move it onto itself.
  const int theirs = ::fcntl(ends[1], F_DUPFD_CLOEXEC, kChannelFd + 1);
  ::close(ends[1]);
  auto pid = spawn(command, theirs);
  ::close(theirs);
  if (!pid) {
    close();
    return tl::unexpected(std::move(pid.error()));
  }
  pid_ = *pid;
  serves_ = false;
  unused_.clear();
  done_ = std::move(done);
  ended_ = std::move(ended);
  watch_ = std::make_unique<event::FdWatch>(control_, channel_,
                                            [this](event::FdWatch::Ready) { on_readable(); });
  watch_->want(true, false);
  patience_.arm_after(patience);
  // One that ends at once is told of by the watch.
  if (const Result<void> sent = send(sockets); !sent && sent.error().code != Code::kClosed) {
    give_up("not_started", sent.error().text());
  }
  return {};
}

Result<void> Successor::send(std::span<const HandedSocket> sockets) const {
  for (const HandedSocket& socket : sockets) {
    const std::string text = std::string(kSocketWord) + socket.name;
    if (text.size() > kPacketBytesMax) return fail(Code::kInvalid, "a listener's name is too long");
    if (!send_packet(channel_, text, socket.fd)) return fail(Code::kClosed, "it takes no sockets");
  }
  if (!send_packet(channel_, kEndWord, -1)) return fail(Code::kClosed, "it takes no sockets");
  return {};
}

// Politely: it may serve already, and only the word of it be on its way.
void Successor::end() {
  if (under_way()) ::kill(pid_, SIGTERM);
}

void Successor::send_lanes(std::string_view text) {
  if (!serves_ || channel_ < 0) return;
  const int fd = file_of(text);
  if (fd < 0) return;
  send_packet(channel_, kLanesWord, fd);
  ::close(fd);
}

void Successor::on_readable() {
  std::array<char, kPacketBytesMax> bytes{};
  const ssize_t got = ::recv(channel_, bytes.data(), bytes.size(), MSG_DONTWAIT);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (got > 0) return on_word({bytes.data(), static_cast<std::size_t>(got)});
  // Its end of the channel is closed: it ends, or has, or is of a release that says no more.
  watch_.reset();
  if (serves_) return look_after();
  ending_until_ = control_.now() + kEndPatience;
  look_at_end();
}

void Successor::on_word(std::string_view word) {
  if (word.starts_with(kUnusedWord)) unused_.emplace_back(word.substr(kUnusedWord.size()));
  if (word != kReadyWord || serves_) return;
  serves_ = true;
  patience_.arm_after(kAfterLook);
  std::exchange(done_, nullptr)(pid_);
}

void Successor::on_timer() {
  if (serves_) return look_after();
  if (!ending_until_) return give_up("not_ready", "the new process was not ready in time");
  look_at_end();
}

// A child that nobody waits for stays a zombie, so that its number is nobody else's.
void Successor::look_after() {
  int status = 0;
  const pid_t found = ::waitpid(pid_, &status, WNOHANG);
  if (found == 0) return patience_.arm_after(kAfterLook);
  pid_ = -1;
  serves_ = false;
  Ended told = std::move(ended_);
  close();
  const bool as_told = found > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0;
  told(found > 0 ? how_it_ended(status) : "the new process is gone", as_told);
}

void Successor::look_at_end() {
  int status = 0;
  if (::waitpid(pid_, &status, WNOHANG) == pid_) {
    pid_ = -1;
    return give_up("ended", how_it_ended(status));
  }
  if (control_.now() >= *ending_until_) return give_up("ended", "the new process does not end");
  patience_.arm_after(kEndLook);
}

void Successor::give_up(std::string_view reason, std::string why) {
  if (pid_ > 0) {
    ::kill(pid_, SIGKILL);
    ::waitpid(std::exchange(pid_, -1), nullptr, 0);
  }
  Done told = std::move(done_);
  close();
  control_.post([told = std::move(told), reason, why = std::move(why)]() mutable {
    told(tl::unexpected(Failure{reason, std::move(why)}));
  });
}

void Successor::close() {
  patience_.cancel();
  ending_until_.reset();
  watch_.reset();
  if (channel_ >= 0) ::close(std::exchange(channel_, -1));
}

// --- the new process's side

Result<std::optional<Predecessor>> Predecessor::from_environment(InheritedSockets& sockets) {
  // NOLINTBEGIN(concurrency-mt-unsafe): there is one thread.
  const char* value = std::getenv(Successor::kVariable);
  if (value == nullptr) return std::optional<Predecessor>();
  ::unsetenv(Successor::kVariable);
  // NOLINTEND(concurrency-mt-unsafe)
  Predecessor made(Successor::kChannelFd);
  ::fcntl(made.channel_, F_SETFD, FD_CLOEXEC);
  const timeval patience{kReceiveSeconds, 0};
  ::setsockopt(made.channel_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
  for (;;) {
    TOCSIN_TRY_SET(packet, receive_packet(made.channel_));
    if (packet.text == kEndWord) return std::optional<Predecessor>(std::move(made));
    const std::string_view text = packet.text;
    if (!text.starts_with(kSocketWord) || packet.fd < 0) {
      return fail(Code::kInvalid, "the process before hands over what nobody knows");
    }
    TOCSIN_TRY(sockets.take_over(std::string(text.substr(kSocketWord.size())), packet.fd));
  }
}

Predecessor::Predecessor(Predecessor&& other) noexcept
    : channel_(std::exchange(other.channel_, -1)) {}

Predecessor& Predecessor::operator=(Predecessor&& other) noexcept {
  std::swap(channel_, other.channel_);
  return *this;
}

Predecessor::~Predecessor() { leave(); }

void Predecessor::tell_ready(std::span<const std::string> unused, event::Loop& control, Told told) {
  if (channel_ < 0) return;
  told_ = std::move(told);
  for (const std::string& name : unused) {
    send_packet(channel_, std::string(kUnusedWord) + name, -1);
  }
  send_packet(channel_, kReadyWord, -1);
  watch_ = std::make_unique<event::FdWatch>(control, channel_,
                                            [this](event::FdWatch::Ready) { on_readable(); });
  watch_->want(true, false);
}

void Predecessor::on_readable() {
  const Result<Packet> packet = receive_packet(channel_, MSG_DONTWAIT);
  if (!packet) {
    leave();
    return told_(std::nullopt);
  }
  if (packet->fd < 0) return;
  std::string text = text_of(packet->fd);
  ::close(packet->fd);
  if (packet->text == kLanesWord) told_(std::move(text));
}

void Predecessor::leave() {
  watch_.reset();
  if (channel_ >= 0) ::close(std::exchange(channel_, -1));
}

}  // namespace tocsin::app
