#pragma once

#include <string>
#include <string_view>

namespace file {

/// A file that is only appended to. Writing may block; one thread at a time.
class AppendFile {
 public:
  AppendFile() = default;
  ~AppendFile();
  AppendFile(const AppendFile&) = delete;
  AppendFile& operator=(const AppendFile&) = delete;

  /// Creates it when it is not there. The error in words, or empty.
  std::string open(const std::string& path);
  /// Appends whole lines and, with `sync`, waits until they are on the disk. The error in words, or
  /// empty. A failure may cut a line, and so may the end of a process that wrote before this one;
  /// what comes then begins a new line. When another file is at the path, or none, as after a
  /// rotation, that is written from then on.
  std::string append(std::string_view lines, bool sync);

 private:
  std::string open_again();
  bool in_place() const;
  std::string write_all(std::string_view bytes);
  bool ends_cut() const;

  std::string path_;
  int fd_ = -1;
  bool looked_ = false;  // at how the file ended before the first append
  bool cut_ = false;     // the file does not end with a whole line
};

}  // namespace file
