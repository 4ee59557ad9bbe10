#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace tocsin::sqlite {

/// The name of a kind of file system (statfs's f_type) that several machines may have mounted, or
/// whose locks nobody vouches for; empty for the others.
std::string_view remote_file_system(std::int64_t type);

/// The same for the file system that holds `path`; empty when it cannot be asked.
std::string_view remote_file_system_of(const std::string& path);

}  // namespace tocsin::sqlite
