// Loading foreign code: each thing that does not fit has a sentence of its own, because "cannot
// load" sends an operator to the source.

#include "gateway/plugin/library.h"

#include <dlfcn.h>

#include <array>
#include <cstddef>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "gateway/plugin/text.h"
#include "tocsin/storage.h"

#define TOCSIN_QUOTE_(x) #x
#define TOCSIN_QUOTE(x) TOCSIN_QUOTE_(x)

namespace tocsin::plugin {

namespace {

constexpr const char* kEntry = TOCSIN_QUOTE(TOCSIN_ENTRY);
constexpr int kMajorsTried = 16;  // when the entry is missing: of which other major is there one
constexpr std::size_t kShownHash = 12;
constexpr std::size_t kTextBytesMax = 4096;  // of a version or doc

Result<void> check_elf(const std::string& path) {
  // A pipe would be waited for.
  std::error_code error;
  const auto kind = std::filesystem::status(path, error).type();
  if (kind == std::filesystem::file_type::fifo) return fail(Code::kInvalid, "it is a pipe");
  std::ifstream file(path, std::ios::binary);
  if (!file) return fail(Code::kNotFound, "it cannot be read");
  std::array<char, 4> magic{};
  file.read(magic.data(), magic.size());
  if (file.gcount() != 4 || std::memcmp(magic.data(), "\177ELF", 4) != 0) {
    return fail(Code::kInvalid, "it is no shared object");
  }
  return {};
}

// dlerror begins with the path, which the caller says already.
std::string loader_words(const std::string& path) {
  const char* words = ::dlerror();  // NOLINT(concurrency-mt-unsafe): per thread in glibc
  std::string_view text = words == nullptr ? "no reason given" : words;
  if (text.starts_with(path)) text.remove_prefix(path.size());
  while (text.starts_with(':') || text.starts_with(' ')) text.remove_prefix(1);
  return std::string(text);
}

std::string missing_entry(void* object) {
  for (int major = 0; major < kMajorsTried; ++major) {
    const std::string symbol = "tocsin_plugin_v" + std::to_string(major);
    if (::dlsym(object, symbol.c_str()) == nullptr) continue;
    return "it was built for major " + std::to_string(major) + " of the contract, this gateway " +
           "speaks major " TOCSIN_QUOTE(TOCSIN_ABI_MAJOR);
  }
  return "it exports no " TOCSIN_QUOTE(TOCSIN_ENTRY) ", so it is no plugin of Tocsin";
}

// Every pointer the host calls without asking again.
template <typename Struct, typename... Functions>
bool complete(const Struct* kind, Functions... functions) {
  return kind == nullptr || (kind->size >= sizeof(Struct) && (... && (functions != nullptr)));
}

Result<void> check_kinds(const tocsin_plugin& d) {
  const auto incomplete = [](Kind kind) {
    return fail(Code::kInvalid, "its " + std::string(kind_name(kind)) + " part is incomplete");
  };
  if (!complete(d.input, d.input ? d.input->on_emitted : nullptr)) return incomplete(Kind::kInput);
  if (!complete(d.filter, d.filter ? d.filter->on_message : nullptr)) {
    return incomplete(Kind::kFilter);
  }
  if (!complete(d.output, d.output ? d.output->traits : nullptr,
                d.output ? d.output->deliver : nullptr, d.output ? d.output->cancel : nullptr)) {
    return incomplete(Kind::kOutput);
  }
  const tocsin_storage* s = d.storage;
  if (!complete(s, s ? s->open : nullptr, s ? s->apply : nullptr, s ? s->query : nullptr,
                s ? s->close : nullptr, s ? s->records : nullptr)) {
    return incomplete(Kind::kStorage);
  }
  const tocsin_records* r = s ? s->records : nullptr;
  if (!complete(r, r ? r->get : nullptr, r ? r->scan : nullptr)) return incomplete(Kind::kStorage);
  if (!complete(d.http_filter, d.http_filter ? d.http_filter->on_request_head : nullptr,
                d.http_filter ? d.http_filter->done : nullptr)) {
    return incomplete(Kind::kHttpFilter);
  }
  const tocsin_handler* h = d.handler;
  if (!complete(h, h ? h->on_request : nullptr, h ? h->on_body : nullptr,
                h ? h->on_done : nullptr)) {
    return incomplete(Kind::kHandler);
  }
  return {};
}

bool has_kind(const tocsin_plugin& d, Kind kind) {
  switch (kind) {
    case Kind::kInput:
      return d.input != nullptr;
    case Kind::kFilter:
      return d.filter != nullptr;
    case Kind::kOutput:
      return d.output != nullptr;
    case Kind::kStorage:
      return d.storage != nullptr;
    case Kind::kHttpFilter:
      return d.http_filter != nullptr;
    case Kind::kHandler:
      return d.handler != nullptr;
  }
  return false;
}

Result<void> check_contract(const tocsin_plugin& d) {
  // The first fields stand where they always stood, so they can be read before the rest is trusted.
  if (d.size < offsetof(tocsin_plugin, name)) {
    return fail(Code::kInvalid, "its descriptor is too small to be one");
  }
  if (d.abi_major != TOCSIN_ABI_MAJOR) {
    return fail(Code::kInvalid, "it says major " + std::to_string(d.abi_major) +
                                    ", this gateway speaks major " TOCSIN_QUOTE(TOCSIN_ABI_MAJOR));
  }
  if (!is_readable(d.abi_hash) || view_of(d.abi_hash) != TOCSIN_ABI_HASH) {
    const std::string its = copy_of(is_readable(d.abi_hash) ? d.abi_hash : tocsin_str{});
    return fail(Code::kInvalid, "it was built with another plugin.h (" + its.substr(0, kShownHash) +
                                    "..., this gateway has " +
                                    std::string(TOCSIN_ABI_HASH).substr(0, kShownHash) +
                                    "...): build it again with this gateway's SDK");
  }
  if (d.size < sizeof(tocsin_plugin)) {
    return fail(Code::kInvalid, "its descriptor is too small: " + std::to_string(d.size) +
                                    " bytes instead of " + std::to_string(sizeof(tocsin_plugin)));
  }
  return {};
}

}  // namespace

Result<void> check_descriptor(const tocsin_plugin* descriptor, Kind kind, std::string_view name) {
  if (descriptor == nullptr) return fail(Code::kInvalid, "its entry returned no descriptor");
  const tocsin_plugin& d = *descriptor;
  TOCSIN_TRY(check_contract(d));
  const bool readable = is_readable(d.name) && is_readable(d.version) && is_readable(d.doc) &&
                        d.version.len <= kTextBytesMax && d.doc.len <= kTextBytesMax;
  if (!readable || !is_plugin_name(view_of(d.name))) {
    return fail(Code::kInvalid, "its name is not made of a-z, 0-9 and _ as it must be");
  }
  if (view_of(d.name) != name) {
    return fail(Code::kInvalid, "it calls itself " + copy_of(d.name) + ", not " +
                                    std::string(name) + " as its file does");
  }
  bool any = false;
  for (const Kind one : kKinds) any = any || has_kind(d, one);
  if (!any) return fail(Code::kInvalid, "it is of no kind");
  if (!has_kind(d, kind)) {
    return fail(Code::kInvalid,
                "it is no " + std::string(kind_name(kind)) + ", which its file name says");
  }
  TOCSIN_TRY(check_kinds(d));
  if (d.create == nullptr || d.destroy == nullptr || d.worker_init == nullptr ||
      d.worker_fini == nullptr) {
    return fail(Code::kInvalid, "one of create, destroy, worker_init and worker_fini is missing");
  }
  if ((d.reconfigure == nullptr) != (d.worker_reconfigure == nullptr)) {
    return fail(Code::kInvalid, "it has only one of reconfigure and worker_reconfigure");
  }
  return {};
}

Result<std::unique_ptr<Library>> Library::open(const std::string& path, Kind kind,
                                               std::string_view name, TableInspector& inspect) {
  const auto refuse = [&](const Error& error) {
    return fail(error.code, path + ": " + error.what);
  };
  if (auto elf = check_elf(path); !elf) return refuse(elf.error());
  void* object = ::dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (object == nullptr) {
    return refuse({Code::kInvalid, "it cannot be loaded: " + loader_words(path), {}});
  }
  // From here on it stays mapped, also when refused: its constructors have run.
  auto entry = reinterpret_cast<tocsin_entry_fn>(::dlsym(object, kEntry));
  if (entry == nullptr) return refuse({Code::kInvalid, missing_entry(object), {}});
  const tocsin_plugin* descriptor = entry();
  if (auto fits = check_descriptor(descriptor, kind, name); !fits) return refuse(fits.error());

  std::unique_ptr<Library> library(new Library(path, kind));
  library->descriptor_ = descriptor;
  if (auto options = library->options_.convert(descriptor->options, library->name()); !options) {
    return refuse(options.error());
  }
  if (inspect) {
    const std::vector<std::string> mistakes = inspect(library->options());
    if (!mistakes.empty()) {
      return refuse({Code::kInvalid, "its options are wrong: " + mistakes.front(), {}});
    }
  }
  return library;
}

bool Library::is_loaded(const std::string& path) {
  void* object = ::dlopen(path.c_str(), RTLD_LAZY | RTLD_NOLOAD);
  if (object == nullptr) return false;
  ::dlclose(object);  // only the reference that was just taken
  return true;
}

bool Library::has(Kind kind) const { return has_kind(*descriptor_, kind); }
std::string_view Library::name() const { return view_of(descriptor_->name); }
std::string_view Library::version() const { return view_of(descriptor_->version); }
std::string_view Library::doc() const { return view_of(descriptor_->doc); }

}  // namespace tocsin::plugin
