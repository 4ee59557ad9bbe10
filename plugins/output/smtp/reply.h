#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace tocsin::output_smtp {

/// What a server says to a command (RFC 5321 4.2), with its enhanced status (RFC 3463) where it has
/// one.
struct Reply {
  int code = 0;      ///< 250; 0: what came is no reply
  int subject = -1;  ///< 1 of 5.1.2; -1: there is no enhanced status
  int detail = -1;   ///< 2 of 5.1.2
  std::string text;  ///< "550 5.1.2 No such domain": the lines as one, without control characters

  bool positive() const { return code >= 200 && code < 300; }
  bool transient() const { return code >= 400 && code < 500; }
  bool permanent() const { return code >= 500 && code < 600; }
  /// What stands behind the codes.
  std::string_view words() const;
};

/// Puts replies together from bytes as they come.
class ReplyReader {
 public:
  static constexpr std::size_t kLineBytesMax = 2048;  // RFC 5321 4.5.3.1.5 says 512
  static constexpr std::size_t kLinesMax = 128;
  static constexpr std::size_t kTextBytesMax = 480;  ///< of Reply::text; what is beyond is cut

  /// Takes bytes off the front. None: more is needed. A code of 0: the server speaks something
  /// else, and the connection is of no use.
  std::optional<Reply> read(std::string_view& bytes);

 private:
  bool take_line(Reply& reply);

  std::string line_;
  std::size_t lines_ = 0;
  Reply reply_;
};

}  // namespace tocsin::output_smtp
