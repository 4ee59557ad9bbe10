#pragma once

#include <tocsin/storage.h>

#include <cstdint>
#include <initializer_list>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

// A storage plugin, loaded as the gateway loads it and driven through the C contract alone. Nothing
// here knows which storage it is.

namespace tocsin::conformance {

inline constexpr std::int64_t kSecond = 1'000'000'000;
/// When tests begin: some day in 2024.
inline constexpr std::int64_t kStart = 1'720'000'000 * kSecond;

inline tocsin_str str(std::string_view text) { return {text.data(), text.size()}; }
inline std::string text(tocsin_str from) { return {from.ptr, from.len}; }

/// What the plugin under test is given as its settings: texts, and numbers in the option's unit.
struct Setting {
  std::string key;
  std::string text;
  std::int64_t number = 0;
  std::vector<std::string> list{};
};
using Settings = std::vector<Setting>;

/// An append that is built step by step and owns its rows; texts are borrowed.
class Append {
 public:
  explicit Append(std::uint64_t id, std::string_view payload = R"({"topic":"t"})");

  Append& to(std::string_view output, std::uint32_t state = TOCSIN_STATE_READY,
             std::int64_t next_at_ns = kStart, std::string_view address = {});
  Append& claimed(std::string_view output) { return to(output, TOCSIN_STATE_CLAIMED); }
  Append& keyed(std::uint64_t key, std::uint64_t body, std::int64_t expires_at_ns);
  Append& in_stream(std::string_view name, std::uint64_t first, std::uint64_t next);
  Append& from(std::string_view caller);
  Append& level(std::uint32_t level);
  /// The class of the deliveries that are added from here on; 1 before.
  Append& in_class(std::uint32_t delivery_class);
  Append& dropped_by(std::string_view filter);
  Append& at(std::int64_t accepted_at_ns);
  Append& grouped(std::string_view key);
  /// Of the delivery that was added last.
  Append& ordered(std::uint32_t ordering = TOCSIN_ORDER_JOIN);
  Append& due(std::int64_t next_at_ns);
  Append& expires(std::int64_t expires_at_ns);
  Append& external(std::string_view id);

  tocsin_append op{};

 private:
  friend class StorageUnderTest;
  std::vector<tocsin_new_delivery> rows_;
  std::uint32_t class_ = 1;
};

tocsin_claim claim_of(std::string_view output, std::uint32_t limit, std::int64_t now_ns = kStart,
                      std::uint32_t delivery_class = 1);
tocsin_settle settle_of(std::uint64_t id, std::uint32_t state, std::uint32_t ordinal = 0,
                        std::int64_t at_ns = kStart);
tocsin_cancel cancel_of(std::uint64_t id, std::string_view caller);
tocsin_supersede supersede_of(std::uint64_t id, std::string_view caller, std::string_view key,
                              std::uint32_t limit = TOCSIN_SUPERSEDE_ROWS_MAX);
tocsin_reschedule reschedule_of(std::uint64_t id, std::string_view caller, std::int64_t next_at_ns);
tocsin_redrive_due redrive_due_of(std::int64_t now_ns, std::uint32_t limit = 100,
                                  std::string_view output = {});
/// What was read of the delivery is what it is, unless a test says otherwise.
tocsin_amend amend_of(std::uint64_t id, std::uint32_t was, std::uint32_t state,
                      std::string_view reason = {}, std::string_view provider_id = {},
                      std::int64_t was_updated_at_ns = kStart);
tocsin_review review_of(std::uint64_t id, std::uint32_t verb, std::uint32_t ordinal = 0);
tocsin_move move_of(std::string_view from, std::string_view to, std::uint32_t limit,
                    bool dead = false);
tocsin_blame blame_of(std::uint64_t id, std::uint32_t ordinal = 0);
tocsin_purge purge_of(std::int64_t before_ns, std::int64_t now_ns, std::uint32_t rows_max = 500,
                      std::uint64_t size_max = 0);
tocsin_owned owned_of(std::uint32_t limit, std::uint64_t after_id = 0,
                      std::uint32_t after_ordinal = 0);
tocsin_look look_of(std::int64_t now_ns = kStart);
tocsin_renew renew_of(std::uint64_t high_mark);
/// Records of collection "c" unless a test says otherwise; texts are borrowed.
tocsin_record_change put_of(std::string_view key, std::string_view value, std::uint64_t version,
                            std::uint64_t if_version = TOCSIN_VERSION_ANY,
                            std::int64_t expires_at_ns = 0);
tocsin_record_change remove_of(std::string_view key, std::uint64_t if_version = TOCSIN_VERSION_ANY);
tocsin_record_scan scan_of(std::string_view prefix = {}, std::string_view after = {},
                           std::uint32_t limit = TOCSIN_RECORD_PAGE_ROWS_MAX);

/// A stored delivery or notification with texts of its own.
struct DeliveryRow {
  std::uint64_t id = 0;
  std::uint32_t ordinal = 0;
  std::uint32_t state = 0;
  std::uint32_t review = 0;
  std::uint32_t attempts = 0;
  bool cancel_requested = false;
  std::string output;
  std::string address;
  std::string reason;
  std::string provider_id;
  std::int64_t next_at_ns = 0;
  std::int64_t updated_at_ns = 0;
  std::int64_t redrive_at_ns = 0;
};
struct NotificationRow {
  std::uint64_t id = 0;
  std::string input;
  std::string caller;
  std::string payload;
  std::int64_t accepted_at_ns = 0;
};
struct Backlog {
  std::uint64_t ready = 0;
  std::uint64_t dead = 0;
  bool operator==(const Backlog&) const = default;
};
using Backlogs = std::map<std::string, Backlog>;

struct Page {
  std::uint32_t status = TOCSIN_OK;
  std::string fault;
  std::vector<NotificationRow> notifications;
  std::vector<DeliveryRow> deliveries;
  Backlogs backlog;
  std::map<std::string, std::int64_t> oldest_ready_ns;  // of the backlog's outputs
  std::vector<std::uint64_t> found;
  tocsin_store_health health{};
};

struct RecordRow {
  std::string key;
  std::string value;
  std::uint64_t version = 0;
  std::int64_t expires_at_ns = 0;
};
struct RecordPage {
  std::uint32_t status = TOCSIN_OK;
  std::string fault;
  std::vector<RecordRow> records;
};

struct Opened {
  std::uint32_t status = TOCSIN_OK;
  std::string fault;
  std::uint32_t epoch = 0;
  std::uint32_t node = 0;
  std::uint64_t high_mark = 0;
  std::uint64_t taken_over = 0;
  Backlogs backlog;
};

struct Applied {
  std::uint32_t outcome = TOCSIN_APPLIED;
  std::uint32_t code = TOCSIN_OK;
  std::string fault;
};

/// One instance of the plugin with a host of its own.
class StorageUnderTest {
 public:
  StorageUnderTest(const std::string& library, const Settings& settings);
  ~StorageUnderTest();
  StorageUnderTest(const StorageUnderTest&) = delete;
  StorageUnderTest& operator=(const StorageUnderTest&) = delete;

  Opened open(std::int64_t now_ns = kStart, bool join = false);
  void close();

  /// Applies operations (Append or structs of storage.h) as one batch.
  template <typename... Operations>
  Applied apply(Operations&... operations) {
    return apply_all({pointer_to(operations)...});
  }
  Applied apply_all(const std::vector<tocsin_operation*>& operations);
  static tocsin_operation* pointer_to(Append& append) { return seal(append); }
  template <typename Operation>
  static tocsin_operation* pointer_to(Operation& operation) {
    return reinterpret_cast<tocsin_operation*>(&operation);
  }

  Page query(const tocsin_query& query);
  Page notification(std::uint64_t id);
  /// The state of one delivery; -1 when there is none.
  int state_of(std::uint64_t id, std::uint32_t ordinal = 0);
  Page dead_letters(std::string_view output = {}, std::uint32_t limit = 500,
                    std::uint64_t before_id = 0, std::uint32_t before_ordinal = 0);
  Backlogs backlog();
  Page backlog_page();
  /// `kind`: one of the searches of enum tocsin_query_kind.
  Page find(std::uint32_t kind, std::string_view text, std::uint32_t limit = 100,
            std::uint64_t before_id = 0);
  std::vector<std::uint64_t> existing(const std::vector<std::uint64_t>& ids);
  RecordPage record(std::string_view key, std::int64_t now_ns = kStart,
                    std::string_view collection = "c");
  RecordPage scan(const tocsin_record_scan& scan);

  /// The wall clock the host shows.
  std::int64_t wall_ns = kStart;
  std::vector<std::string> log_lines;

 private:
  struct HostDoor;
  static tocsin_operation* seal(Append& append);

  const tocsin_plugin* plugin_ = nullptr;
  void* self_ = nullptr;
  void* worker_self_ = nullptr;
  Applied applied_;
  tocsin_token token_ = 0;
};

}  // namespace tocsin::conformance
