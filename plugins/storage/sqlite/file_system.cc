// On a network file system locks and the shared memory of SQLite's log reach as far as one machine,
// or not even that: two gateways would each believe to be alone and tear the database apart.
#include "file_system.h"

#include <sys/vfs.h>

namespace tocsin::sqlite {

namespace {

struct Kind {
  std::int64_t type;
  std::string_view name;
};

// From statfs(2); those the kernel's linux/magic.h lacks from the file systems themselves.
constexpr Kind kRemote[] = {
    {0x6969, "NFS"},      {0x517B, "SMB"},        {0xFF534D42, "CIFS"}, {0xFE534D42, "SMB 2"},
    {0x5346414F, "AFS"},  {0x73757245, "Coda"},   {0x564C, "NCP"},      {0x01021997, "9P"},
    {0x00C36400, "Ceph"}, {0x0BD00BD0, "Lustre"}, {0x01161970, "GFS2"}, {0x7461636F, "OCFS2"},
    {0x47504653, "GPFS"}, {0x19830326, "BeeGFS"}, {0x65735546, "FUSE"},
};

}  // namespace

std::string_view remote_file_system(std::int64_t type) {
  // f_type is signed and 32 bits wide on some machines.
  const std::int64_t low = type & 0xFFFFFFFF;
  for (const Kind& kind : kRemote) {
    if (kind.type == low) return kind.name;
  }
  return {};
}

std::string_view remote_file_system_of(const std::string& path) {
  struct statfs found{};
  if (::statfs(path.c_str(), &found) != 0) return {};
  return remote_file_system(static_cast<std::int64_t>(found.f_type));
}

}  // namespace tocsin::sqlite
