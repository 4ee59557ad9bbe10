// The options as operators write them, and the one place that reads them.
#include "settings.h"

#include <sys/stat.h>

#include <cstdlib>
#include <iterator>
#include <string_view>

namespace tocsin::sqlite {

namespace {

constexpr tocsin_str str(std::string_view text) { return {text.data(), text.size()}; }

constexpr tocsin_option option(std::string_view key, tocsin_option_type type,
                               std::string_view default_text, std::string_view min,
                               std::string_view max, std::string_view doc) {
  tocsin_option made{};
  made.size = sizeof made;
  made.type = type;
  made.key = str(key);
  made.doc = str(doc);
  made.default_text = str(default_text);
  made.min = str(min);
  made.max = str(max);
  return made;
}

constexpr tocsin_option path_option() {
  tocsin_option made =
      option("path", TOCSIN_STRING, "", "1", "",
             "the database file; its log, lock and ballast lie beside it and begin with its name");
  made.flags = TOCSIN_REQUIRED;
  return made;
}

constexpr tocsin_option choice(std::string_view key, std::string_view choices,
                               std::string_view default_text, std::string_view doc) {
  tocsin_option made = option(key, TOCSIN_CHOICE, default_text, "", "", doc);
  made.choices = str(choices);
  return made;
}

constexpr tocsin_option kSearchedBy =
    choice("", "key|external_id", "", "what notifications are looked up by");

constexpr tocsin_option search_option() {
  tocsin_option made = option("search", TOCSIN_LIST, "", "", "2",
                              "what notifications can be looked up by; each is an index that "
                              "every notification with such a text pays for, and that is made, or "
                              "dropped, at the next start");
  made.element = &kSearchedBy;
  return made;
}

constexpr tocsin_option kOptions[] = {
    path_option(),
    choice(
        "sync", "full|normal|off", "full",
        "whether a commit is on the disk before it is acknowledged (full); when the power fails, "
        "normal loses what was acknowledged last, and off may damage the database, too"),
    option("cache_size", TOCSIN_SIZE, "8MiB", "1MiB", "4GiB", "memory for pages of the database"),
    choice("page_size", "4KiB|8KiB|16KiB|32KiB", "4KiB",
           "bytes a page has; only of a database that is created"),
    option("checkpoint_size", TOCSIN_SIZE, "8MiB", "1MiB", "1GiB",
           "how long the log grows before it is moved into the database file"),
    option("ballast_size", TOCSIN_SIZE, "16MiB", "0B", "1GiB",
           "room kept back for settling when the disk is full"),
    option("lock_timeout", TOCSIN_DURATION, "5s", "0s", "1m",
           "how long to wait for another program's lock on the database"),
    option("shared", TOCSIN_BOOLEAN, "false", "", "",
           "several gateways of this machine use the file; each one says so"),
    search_option(),
};

}  // namespace

constexpr tocsin_option_table kOptionTable = {
    .size = sizeof(tocsin_option_table),
    .count = std::size(kOptions),
    .stride = sizeof(tocsin_option),
    .reserved = 0,
    .name = str("sqlite"),
    .doc = str("Keeps the outbox in a SQLite database on a local disk."),
    .options = kOptions,
    .scalar_key = {},
    .exactly_one_of = {},
};

namespace {

const tocsin_value& item(const tocsin_value& of, std::uint32_t index) {
  const auto* bytes = reinterpret_cast<const char*>(of.items);
  return *reinterpret_cast<const tocsin_value*>(bytes + std::size_t{index} * of.stride);
}

const tocsin_value* find(const tocsin_value& settings, std::string_view key) {
  for (std::uint32_t i = 0; i < settings.count; ++i) {
    if (std::string_view(settings.keys[i].ptr, settings.keys[i].len) == key) {
      return &item(settings, i);
    }
  }
  return nullptr;
}

std::string text_of(const tocsin_value* value) {
  return value != nullptr ? std::string(value->text.ptr, value->text.len) : std::string();
}

Search search_of(const tocsin_value* list) {
  Search search;
  for (std::uint32_t i = 0; list != nullptr && i < list->count; ++i) {
    for (const SearchColumn& column : kSearch) {
      if (text_of(&item(*list, i)) == column.option) search.*column.wanted = true;
    }
  }
  return search;
}

}  // namespace

std::string path_fault(const std::string& path) {
  if (path == ":memory:") return "a database in memory would end with the gateway: name a file";
  struct stat found{};
  if (::stat(path.c_str(), &found) != 0 || S_ISREG(found.st_mode)) return {};
  return "'" + path + "' is no regular file: name another path";
}

Settings read_settings(const tocsin_value& settings) {
  Settings read;
  read.path = text_of(find(settings, "path"));
  if (const std::string sync = text_of(find(settings, "sync")); !sync.empty()) read.sync = sync;
  if (const std::string page = text_of(find(settings, "page_size")); !page.empty()) {
    read.page_size = std::strtoll(page.c_str(), nullptr, 10) * 1024;
  }
  const auto number = [&](std::string_view key, std::int64_t& into) {
    if (const tocsin_value* value = find(settings, key)) into = value->integer;
  };
  number("cache_size", read.cache_bytes);
  number("checkpoint_size", read.checkpoint_bytes);
  number("ballast_size", read.ballast_bytes);
  if (const tocsin_value* value = find(settings, "shared")) read.shared = value->integer != 0;
  std::int64_t lock_timeout = read.lock_timeout.count();
  number("lock_timeout", lock_timeout);
  read.lock_timeout = std::chrono::nanoseconds(lock_timeout);
  read.search = search_of(find(settings, "search"));
  return read;
}

}  // namespace tocsin::sqlite
