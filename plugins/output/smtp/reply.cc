#include "reply.h"

#include <algorithm>
#include <charconv>
#include <utility>

namespace tocsin::output_smtp {

namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// "5.1.2" at the front, of the same class as the code; whatever else is no status.
void read_status(std::string_view text, Reply& reply) {
  if (text.size() < 5 || text[0] != '0' + reply.code / 100 || text[1] != '.') return;
  int subject = -1;
  int detail = -1;
  const char* end = text.data() + text.size();
  const auto first = std::from_chars(text.data() + 2, end, subject);
  if (first.ec != std::errc() || first.ptr == end || *first.ptr != '.') return;
  const auto second = std::from_chars(first.ptr + 1, end, detail);
  if (second.ec != std::errc() || subject < 0 || detail < 0) return;
  if (second.ptr != end && *second.ptr != ' ') return;
  reply.subject = subject;
  reply.detail = detail;
}

// The status of a line that goes on, which repeats the first one's.
std::string_view without_status(std::string_view text) {
  const std::size_t end = text.find_first_not_of("0123456789.");
  const bool status = end != std::string_view::npos && end >= 5 && text[end] == ' ';
  return status ? text.substr(end + 1) : text;
}

}  // namespace

std::string_view Reply::words() const {
  const std::string_view all = text;
  const std::size_t codes = all.find_first_not_of("0123456789. ");
  return codes == std::string_view::npos ? std::string_view() : all.substr(codes);
}

std::optional<Reply> ReplyReader::read(std::string_view& bytes) {
  for (;;) {
    const std::size_t end = bytes.find('\n');
    const std::string_view part = bytes.substr(0, end);
    const bool fits = line_.size() + part.size() <= kLineBytesMax;
    if (fits) line_.append(part);
    bytes.remove_prefix(end == std::string_view::npos ? bytes.size() : end + 1);
    if (fits && end == std::string_view::npos) return std::nullopt;
    const bool last = !fits || take_line(reply_);
    line_.clear();
    if (!last && ++lines_ < kLinesMax) continue;
    lines_ = 0;
    if (!last || !fits) reply_ = {};
    return std::exchange(reply_, {});
  }
}

// Whether the reply is whole with this line, or is none.
bool ReplyReader::take_line(Reply& reply) {
  std::string_view line = line_;
  if (line.ends_with('\r')) line.remove_suffix(1);
  const bool coded = line.size() >= 3 && line[0] >= '2' && line[0] <= '5' && is_digit(line[1]) &&
                     is_digit(line[2]) && (line.size() == 3 || line[3] == ' ' || line[3] == '-');
  const int code = coded ? (line[0] - '0') * 100 + (line[1] - '0') * 10 + (line[2] - '0') : 0;
  if (code == 0 || (reply.code != 0 && reply.code != code)) {
    reply = {};
    return true;
  }
  const std::string_view behind = line.size() > 4 ? line.substr(4) : std::string_view();
  if (reply.code == 0) {
    reply.code = code;
    read_status(behind, reply);
    reply.text.assign(line.substr(0, 3)).append(" ").append(behind);
  } else {
    reply.text.append(" ").append(without_status(behind));
  }
  if (reply.text.size() > kTextBytesMax) reply.text.resize(kTextBytesMax);
  // A server's words go into logs and lists: no control characters, and only ASCII.
  std::replace_if(
      reply.text.begin(), reply.text.end(), [](char c) { return c < 0x20 || c >= 0x7f; }, '?');
  return line.size() == 3 || line[3] == ' ';
}

}  // namespace tocsin::output_smtp
