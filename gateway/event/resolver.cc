// A name's life here:
//
//   resolve() --unknown or expired--> in flight --answer--> answered --ttl--> expired
//       |                                |                     |
//       +--answered------ waiters <------+     failures other than "no such name" are forgotten
//
// Every waiter hangs in exactly one list: its name's while that is in flight, then `ready_`, from
// which a posted task answers it, so that no answer comes inside resolve() or inside c-ares.
#include "gateway/event/resolver.h"

#include <algorithm>
#include <list>
#include <optional>
#include <unordered_map>

#include "gateway/base/text.h"
#include "gateway/event/dns_channel.h"

namespace tocsin::event {

namespace {

/// RFC 1035 3.1: 255 octets on the wire are 253 characters, and a final dot.
constexpr std::size_t kNameMax = 254;

using Answer = std::shared_ptr<const Result<Resolved>>;

Answer answer_with(Result<Resolved> result) {
  return std::make_shared<const Result<Resolved>>(std::move(result));
}

bool is_name_character(char c) {
  const char lower = to_lower(c);
  return (lower >= 'a' && lower <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
         c == '.';
}

// A name whose last label is a number is a misspelt address (0177.0.0.1, 127.1): asking anybody for
// it would only hide that.
bool is_host_name(std::string_view name) {
  if (name.empty() || name.size() > kNameMax) return false;
  if (!std::all_of(name.begin(), name.end(), is_name_character)) return false;
  if (name.back() == '.') name.remove_suffix(1);
  if (name.empty()) return false;
  const std::string_view last = name.substr(name.rfind('.') + 1);
  return !std::all_of(last.begin(), last.end(), [](char c) { return c >= '0' && c <= '9'; });
}

struct Link {
  Link* next = this;
  Link* previous = this;

  Link() = default;
  Link(const Link&) = delete;
  Link& operator=(const Link&) = delete;
  ~Link() { unlink(); }

  bool alone() const { return next == this; }
  void unlink() {
    next->previous = previous;
    previous->next = next;
    next = previous = this;
  }
  void append(Link& link) {
    link.unlink();
    link.next = this;
    link.previous = previous;
    previous->next = &link;
    previous = &link;
  }
  void take_all(Link& from) {
    while (!from.alone()) append(*from.next);
  }
};

struct NameHash {
  using is_transparent = void;
  std::size_t operator()(std::string_view text) const {
    return std::hash<std::string_view>()(text);
  }
};

}  // namespace

class Resolver::Impl : public std::enable_shared_from_this<Impl> {
 public:
  Impl(Loop& loop, ResolverOptions options, std::unique_ptr<DnsChannel> channel)
      : loop_(loop), options_(std::move(options)), channel_(std::move(channel)) {}

  std::unique_ptr<Query> resolve(std::string_view host, Done done) {
    loop_.assert_owner();
    auto waiter = std::make_unique<Waiter>(*this, std::move(done));
    if (Result<Address> literal = Address::from_ip(host, 0)) {
      make_ready(*waiter, answer_with(Resolved{{*literal}, MonoTime::max()}));
    } else if (!is_host_name(host)) {
      make_ready(*waiter, answer_with(fail(Code::kInvalid, "not a host name", std::string(host))));
    } else {
      ask(host, *waiter);
    }
    return waiter;
  }

  /// After this nothing is answered; the object may live on in a posted task.
  void close() {
    closed_ = true;
    channel_.reset();
    for (auto& [name, entry] : names_) abandon(entry.waiters);
    abandon(ready_);
  }

  std::size_t names() const { return names_.size(); }

 private:
  struct Waiter final : Query, Link {
    Waiter(Impl& owner, Done callback)
        : impl(owner), done(std::move(callback)), limit(owner.loop_.timers(), [this] {
            impl.make_ready(*this,
                            answer_with(fail(Code::kTimeout, "name resolution took too long")));
          }) {}

    Impl& impl;  // not to be used once unlinked: the query may outlive the resolver
    Done done;
    Answer answer;
    Timer limit;
  };

  struct Entry {
    bool in_flight = false;
    Answer answer;
    MonoTime expires{};
    Link waiters;
    std::list<std::string_view>::iterator age;  // its place in answered_, once answered
  };
  using Names = std::unordered_map<std::string, Entry, NameHash, std::equal_to<>>;

  static void abandon(Link& waiters) {
    while (!waiters.alone()) {
      static_cast<Waiter*>(waiters.next)->limit.cancel();
      waiters.next->unlink();
    }
  }

  void make_ready(Waiter& waiter, Answer answer) {
    waiter.limit.cancel();
    waiter.answer = std::move(answer);
    ready_.append(waiter);
    if (std::exchange(posted_, true)) return;
    loop_.post([weak = weak_from_this()] {
      if (const auto self = weak.lock()) self->deliver();
    });
  }

  // Callbacks may destroy queries of this batch, add to the next one, or close the resolver.
  void deliver() {
    posted_ = false;
    Link batch;
    batch.take_all(ready_);
    while (!batch.alone() && !closed_) {
      auto& waiter = static_cast<Waiter&>(*batch.next);
      waiter.unlink();
      Done done = std::move(waiter.done);  // the waiter may die in the call
      const Answer answer = std::move(waiter.answer);
      done(*answer);
    }
    abandon(batch);
  }

  void ask(std::string_view host, Waiter& waiter) {
    std::string name(host);
    std::transform(name.begin(), name.end(), name.begin(), to_lower);
    auto found = names_.find(name);
    if (found == names_.end()) {
      if (!make_room()) {
        make_ready(waiter, answer_with(fail(Code::kFull, "too many names in flight", name)));
        return;
      }
      found = names_.try_emplace(std::move(name)).first;
    }
    Entry& entry = found->second;
    if (entry.answer != nullptr && entry.expires > loop_.now()) {
      make_ready(waiter, entry.answer);
      return;
    }
    entry.waiters.append(waiter);
    waiter.limit.arm_after(options_.timeout);
    if (!entry.in_flight) start(found->first, entry);
  }

  bool make_room() {
    if (names_.size() < options_.names_max) return true;
    if (answered_.empty()) return false;
    const auto oldest = names_.find(answered_.front());
    answered_.pop_front();
    names_.erase(oldest);
    return true;
  }

  // May be answered before it returns, so the entry is not to be touched afterwards.
  void start(const std::string& name, Entry& entry) {
    if (entry.answer != nullptr) answered_.erase(entry.age);
    entry.answer = nullptr;
    entry.in_flight = true;
    channel_->ask(name, [this, &name](Result<DnsChannel::Answer> found) {
      conclude(names_.find(name), std::move(found));
    });
  }

  void conclude(Names::iterator named, Result<DnsChannel::Answer> found) {
    Entry& entry = named->second;
    entry.in_flight = false;
    if (!found && found.error().code != Code::kNotFound) {
      Error error = std::move(found).error();
      error.where = named->first;
      const Answer answer = answer_with(tl::unexpected(std::move(error)));
      answer_all(entry.waiters, answer);
      names_.erase(named);
      return;
    }
    if (found) {
      entry.expires = loop_.now() + std::clamp(found->ttl, options_.ttl_min, options_.ttl_max);
      entry.answer = answer_with(Resolved{std::move(found->addresses), entry.expires});
    } else {
      entry.expires = loop_.now() + options_.ttl_failure;
      entry.answer =
          answer_with(fail(Code::kNotFound, std::move(found).error().what, named->first));
    }
    entry.age = answered_.insert(answered_.end(), named->first);
    answer_all(entry.waiters, entry.answer);
  }

  void answer_all(Link& waiters, const Answer& answer) {
    while (!waiters.alone()) make_ready(static_cast<Waiter&>(*waiters.next), answer);
  }

  Loop& loop_;
  const ResolverOptions options_;
  std::unique_ptr<DnsChannel> channel_;
  Names names_;
  std::list<std::string_view> answered_;  // keys of names_, the oldest answer first
  Link ready_;
  bool posted_ = false;
  bool closed_ = false;
};

Resolver::Resolver(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}
Resolver::~Resolver() { impl_->close(); }

Result<std::unique_ptr<Resolver>> Resolver::create(Loop& loop, ResolverOptions options) {
  TOCSIN_TRY_SET(channel, DnsChannel::open(loop, options));
  return std::unique_ptr<Resolver>(
      new Resolver(std::make_shared<Impl>(loop, std::move(options), std::move(channel))));
}

std::unique_ptr<Resolver::Query> Resolver::resolve(std::string_view host, Done done) {
  return impl_->resolve(host, std::move(done));
}

std::size_t Resolver::names() const { return impl_->names(); }

}  // namespace tocsin::event
