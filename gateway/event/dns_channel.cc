// c-ares owns its sockets and tells which of them it wants to read or write; we tell it when it
// can. Its own clock decides about retransmission, so waking it too early does no harm, and the
// limit of a look-up is the resolver's, on the loop's clock.
#include "gateway/event/dns_channel.h"

#include <ares.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <algorithm>

namespace tocsin::event {

namespace {

constexpr int kTries = 2;
/// c-ares doubles the wait with each try: 1 + 2 parts of the whole time.
constexpr int kParts = (1 << kTries) - 1;

Result<std::string> server_list(const std::vector<std::string>& servers) {
  std::string list;
  for (const std::string& server : servers) {
    if (!Address::from_ip(server, 53) && !Address::parse(server)) {
      return fail(Code::kInvalid, "a DNS server is written ip, ip:port or [ipv6]:port", server);
    }
    if (!list.empty()) list += ',';
    list += server;
  }
  return list;
}

Error channel_error(int status) {
  const std::string said = ares_strerror(status);
  switch (status) {
    case ARES_ENOTFOUND:
      return {Code::kNotFound, "no such name", {}};
    case ARES_ENODATA:
      return {Code::kNotFound, "the name has no address", {}};
    case ARES_EBADNAME:
      return {Code::kInvalid, "not a host name", {}};
    case ARES_ETIMEOUT:
      return {Code::kTimeout, "no DNS server answered in time", {}};
    case ARES_ENOMEM:
      return {Code::kInternal, said, {}};
    default:
      return {Code::kUnavailable, "no DNS server gave a usable answer: " + said, {}};
  }
}

}  // namespace

struct DnsChannel::Question {
  DnsChannel* channel;
  Done done;
};

DnsChannel::DnsChannel(Loop& loop, std::size_t addresses_max)
    : loop_(loop), addresses_max_(addresses_max), retransmission_(loop.timers(), [this] {
        ares_process_fd(channel_, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
        arm_retransmission();
      }) {}

Result<std::unique_ptr<DnsChannel>> DnsChannel::open(Loop& loop, const ResolverOptions& options) {
  std::unique_ptr<DnsChannel> channel(new DnsChannel(loop, options.addresses_max));
  TOCSIN_TRY(channel->configure(options));
  return channel;
}

Result<void> DnsChannel::configure(const ResolverOptions& options) {
  ares_options settings{};
  int given = ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_SOCK_STATE_CB;
  const auto part = std::chrono::ceil<std::chrono::milliseconds>(options.timeout / kParts);
  settings.timeout = static_cast<int>(std::clamp<std::int64_t>(part.count(), 1, 60'000));
  settings.tries = kTries;
  settings.sock_state_cb_data = this;
  settings.sock_state_cb = [](void* self, ares_socket_t fd, int read, int write) {
    static_cast<DnsChannel*>(self)->watch(fd, read != 0, write != 0);
  };
#ifdef ARES_OPT_QUERY_CACHE
  // From 1.31 on c-ares remembers answers unless told not to; the resolver does that, with limits
  // and a clock of ours.
  given |= ARES_OPT_QUERY_CACHE;
  settings.qcache_max_ttl = 0;
#endif
  if (!options.use_search_domains) {
    given |= ARES_OPT_DOMAINS;
    settings.ndomains = 0;
  }
  TOCSIN_TRY_SET(servers, server_list(options.servers));
  int status = ares_init_options(&channel_, &settings, given);
  if (status == ARES_SUCCESS && !servers.empty()) {
    status = ares_set_servers_ports_csv(channel_, servers.c_str());
  }
  if (status == ARES_SUCCESS) return {};
  return fail(Code::kUnavailable,
              std::string("cannot set up name resolution: ") + ares_strerror(status));
}

DnsChannel::~DnsChannel() {
  if (channel_ != nullptr) ares_destroy(channel_);
}

void DnsChannel::ask(const std::string& name, Done done) {
  ares_addrinfo_hints hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;  // one entry an address
  ares_getaddrinfo(
      channel_, name.c_str(), nullptr, &hints,
      [](void* question, int status, int /*timeouts*/, ares_addrinfo* found) {
        const std::unique_ptr<Question> asked(static_cast<Question*>(question));
        const std::unique_ptr<ares_addrinfo, decltype(&ares_freeaddrinfo)> owned(
            found, &ares_freeaddrinfo);
        if (status == ARES_EDESTRUCTION || status == ARES_ECANCELLED) return;
        asked->done(asked->channel->read_answer(status, found));
      },
      new Question{this, std::move(done)});
  arm_retransmission();
}

Result<DnsChannel::Answer> DnsChannel::read_answer(int status, const ares_addrinfo* found) const {
  if (status != ARES_SUCCESS) return tl::unexpected(channel_error(status));
  Answer answer;
  int ttl = INT32_MAX;
  for (auto* alias = found->cnames; alias != nullptr; alias = alias->next) {
    ttl = std::min(ttl, alias->ttl);
  }
  for (auto* node = found->nodes; node != nullptr; node = node->ai_next) {
    ttl = std::min(ttl, node->ai_ttl);
    if (answer.addresses.size() == addresses_max_) continue;
    Address address = Address::from_socket(node->ai_addr, node->ai_addrlen);
    address.set_port(0);
    answer.addresses.push_back(address);
  }
  if (answer.addresses.empty()) return tl::unexpected(channel_error(ARES_ENODATA));
  answer.ttl = std::chrono::seconds(std::max(ttl, 0));
  return answer;
}

// Neither wish means that c-ares is about to close the descriptor: the watch must go first.
void DnsChannel::watch(int fd, bool read, bool write) {
  if (!read && !write) {
    watches_.erase(fd);
    return;
  }
  std::unique_ptr<FdWatch>& watched = watches_[fd];
  if (watched == nullptr) {
    watched = std::make_unique<FdWatch>(loop_, fd, [this, fd](FdWatch::Ready ready) {
      ares_process_fd(channel_, ready.readable || ready.failed ? fd : ARES_SOCKET_BAD,
                      ready.writable ? fd : ARES_SOCKET_BAD);
      arm_retransmission();
    });
  }
  watched->want(read, write);
}

void DnsChannel::arm_retransmission() {
  timeval room{};
  const timeval* wait = ares_timeout(channel_, nullptr, &room);
  if (wait == nullptr) {
    retransmission_.cancel();
    return;
  }
  retransmission_.arm_after(std::chrono::seconds(wait->tv_sec) +
                            std::chrono::microseconds(wait->tv_usec));
}

}  // namespace tocsin::event
