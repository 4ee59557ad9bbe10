// The only file that sees yaml-cpp. It listens to the parser's events instead of taking its tree,
// because the tree drops duplicate keys without a word, keeps no place for keys, and expands
// aliases without a bound.

#include "gateway/config/yaml_reader.h"

#include <yaml-cpp/anchor.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include <sstream>
#include <unordered_map>

#include "gateway/base/assert.h"
#include "gateway/base/text.h"
#include "gateway/config/limits.h"
#include "gateway/config/quote_advice.h"
#include "gateway/config/source_text.h"
#include "gateway/config/yaml_messages.h"

namespace tocsin::config {

namespace {

// Leaves a parser callback; caught in read_yaml.
struct Refused {
  Diagnostic fault;
};

// What a subtree costs when an alias copies it.
struct Cost {
  std::size_t nodes = 0;
  std::size_t bytes = 0;
  std::size_t depth = 0;
};

struct Anchored {
  Node node;
  Cost cost;
  bool complete = false;  // false while its own content is still being read
};

class TreeBuilder final : public YAML::EventHandler {
 public:
  explicit TreeBuilder(const SourceText& source) : source_(source) {}

  Node take_root() { return std::move(root_); }
  Diagnostics take_duplicates() { return std::move(duplicates_); }
  /// Where the innermost open `{` or `[` stands, if a fault lies in one.
  const Node* innermost_flow() const {
    return !frames_.empty() && frames_.back().flow ? &frames_.back().node : nullptr;
  }

  void OnDocumentStart(const YAML::Mark& mark) override {
    if (++documents_ == 1) return;
    refuse(place(mark), "a second YAML document begins here",
           "keep one document in a file; use include: for several files");
  }
  void OnDocumentEnd() override { refuse_open_quote(); }

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    Node node;
    node.place = place(mark);
    const bool in_list = !frames_.empty() && frames_.back().node.kind == Node::Kind::kList;
    const std::string_view rest = rest_of_line(mark);
    const bool is_written =
        rest.starts_with('~') || equals_ignoring_case(rest.substr(0, 4), "null");
    if (in_list && !is_written) node.place = blank_item(node.place);
    finish(std::move(node), anchor);
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    Node node;
    node.kind = Node::Kind::kScalar;
    node.place = place(mark);
    node.quoted = tag == "!";
    if (tag != "!" && tag != "?") refuse_tag(node.place);
    if (!node.quoted && value.starts_with("${")) throw Refused{*unquoted_trap(node.place, value)};
    last_scalar_ =
        source_.offset(static_cast<std::size_t>(mark.line), static_cast<std::size_t>(mark.column));
    node.text = value;
    finish(std::move(node), anchor);
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const auto found = anchors_.find(anchor);
    TOCSIN_ASSERT(found != anchors_.end(), "the parser named an anchor it never announced");
    if (!found->second.complete) {
      refuse(place(mark), "this alias stands inside the value it refers to", "write the value out");
    }
    Node copy = found->second.node;
    const Cost cost = found->second.cost;
    spend(cost.nodes, cost.bytes, copy.place);
    if (frames_.size() + cost.depth > kDepthMax) refuse_depth(place(mark));
    add(std::move(copy), cost);
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value style) override {
    open(Node::Kind::kList, mark, tag, anchor, style);
  }
  void OnSequenceEnd() override { close(); }

  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value style) override {
    if (style == YAML::EmitterStyle::Flow) {
      const std::string_view rest = rest_of_line(mark);
      if (rest.starts_with("{{")) throw Refused{*unquoted_trap(place(mark), rest)};
    }
    open(Node::Kind::kMap, mark, tag, anchor, style);
  }
  void OnMapEnd() override { close(); }

 private:
  struct Frame {
    Node node;
    YAML::anchor_t anchor = YAML::NullAnchor;
    Cost cost;
    bool flow = false;
    bool value_is_due = false;  // a mapping that has read a key
    Node::Entry entry;          // with that key
    std::unordered_map<std::string, Place> keys;
  };

  // Columns of yaml-cpp count bytes from 0.
  Place place(const YAML::Mark& mark) const {
    return source_.place(static_cast<std::size_t>(mark.line),
                         static_cast<std::size_t>(mark.column));
  }
  std::string_view rest_of_line(const YAML::Mark& mark) const {
    const std::string_view line = source_.line(static_cast<std::size_t>(mark.line));
    const auto column = static_cast<std::size_t>(mark.column);
    return column < line.size() ? line.substr(column) : std::string_view();
  }

  [[noreturn]] static void refuse(Place place, std::string message, std::string hint) {
    throw Refused{Diagnostic{std::move(place), {}, std::move(message), std::move(hint)}};
  }
  [[noreturn]] static void refuse_tag(Place place) {
    refuse(std::move(place), "YAML tags (words that begin with !) mean nothing here",
           "remove the tag, or quote the value if it should begin with !");
  }
  [[noreturn]] static void refuse_depth(Place place) {
    refuse(std::move(place),
           "lists and mappings are nested deeper than " + std::to_string(kDepthMax) + " levels",
           "no setting is that deep: look for a missing ] or }");
  }

  // A "-" with nothing behind it is noticed at the next token: the dash is some lines above.
  Place blank_item(const Place& noticed) const {
    for (std::size_t index = noticed.line - 1; index-- > 0;) {
      const std::string_view content =
          source_.line(index).substr(0, source_.line(index).find(" #"));
      const std::size_t last = content.find_last_not_of(" \t");
      if (last == std::string_view::npos || content.starts_with('#')) continue;
      return content[last] == '-' ? source_.place(index, last) : noticed;
    }
    return noticed;
  }

  // The parser takes the end of the file for the closing quote. Only the last text can be so.
  void refuse_open_quote() const {
    const std::string_view rest =
        source_.text().substr(std::min(last_scalar_, source_.text().size()));
    if (rest.empty() || (rest[0] != '"' && rest[0] != '\'')) return;
    for (std::size_t i = 1; i < rest.size(); ++i) {
      if (rest[0] == '"' && rest[i] == '\\') {
        ++i;
      } else if (rest[i] == rest[0]) {
        const bool doubled = rest[0] == '\'' && rest.substr(i + 1).starts_with('\'');
        if (!doubled) return;
        ++i;
      }
    }
    refuse(source_.place_at(last_scalar_), "this quoted text is never closed",
           "close it with the quote it began with");
  }

  void spend(std::size_t nodes, std::size_t bytes, const Place& at) {
    nodes_ += nodes;
    bytes_ += bytes;
    if (nodes_ > kNodesMax) {
      refuse(at,
             "the file holds more than " + std::to_string(kNodesMax) + " values, aliases counted",
             "split it, and look for aliases of aliases");
    }
    if (bytes_ > kTextBytesMax) {
      refuse(at,
             "the file holds more than " + format_size(kTextBytesMax) + " of text, aliases counted",
             "look for aliases of a long text");
    }
  }

  void open(Node::Kind kind, const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
            YAML::EmitterStyle::value style) {
    Frame frame;
    frame.node.kind = kind;
    frame.node.place = place(mark);
    frame.anchor = anchor;
    frame.flow = style == YAML::EmitterStyle::Flow;
    if (tag != "?" && tag != "!" && !tag.empty()) refuse_tag(frame.node.place);
    if (frames_.size() + 1 > kDepthMax) refuse_depth(frame.node.place);
    if (key_is_due()) refuse_key(frame.node.place);
    spend(1, 0, frame.node.place);
    frame.cost.nodes = 1;
    if (anchor != YAML::NullAnchor) anchors_[anchor] = {};
    frames_.push_back(std::move(frame));
  }

  void close() {
    Frame frame = std::move(frames_.back());
    frames_.pop_back();
    frame.cost.depth += 1;
    if (frame.anchor != YAML::NullAnchor) keep(frame.anchor, frame.node, frame.cost);
    add(std::move(frame.node), frame.cost);
  }

  void finish(Node node, YAML::anchor_t anchor) {
    const Cost cost{1, node.text.size(), 0};
    spend(cost.nodes, cost.bytes, node.place);
    if (anchor != YAML::NullAnchor) keep(anchor, node, cost);
    add(std::move(node), cost);
  }

  // The copy kept for aliases is charged like any other.
  void keep(YAML::anchor_t anchor, const Node& node, const Cost& cost) {
    spend(cost.nodes, cost.bytes, node.place);
    anchors_[anchor] = Anchored{node, cost, true};
  }

  bool key_is_due() const {
    return !frames_.empty() && frames_.back().node.kind == Node::Kind::kMap &&
           !frames_.back().value_is_due;
  }

  [[noreturn]] static void refuse_key(Place place) {
    refuse(std::move(place), "a key must be plain text, and this is a list or a mapping",
           "quote the key, or look for a stray { or [");
  }

  // Puts a finished node where its parent expects it.
  void add(Node node, const Cost& cost) {
    if (frames_.empty()) {
      root_ = std::move(node);
      return;
    }
    Frame& frame = frames_.back();
    frame.cost.nodes += cost.nodes;
    frame.cost.bytes += cost.bytes;
    frame.cost.depth = std::max(frame.cost.depth, cost.depth);
    if (frame.node.kind == Node::Kind::kList) {
      frame.node.items.push_back(std::move(node));
    } else if (frame.value_is_due) {
      // The parser finds out about a missing value only at the next token, perhaps lines later.
      const Place& key = frame.entry.key_place;
      if (node.kind == Node::Kind::kNull && node.place.line != key.line) node.place = key;
      frame.entry.value = std::move(node);
      frame.node.entries.push_back(std::move(frame.entry));
      frame.value_is_due = false;
    } else {
      begin_entry(frame, std::move(node));
    }
  }

  void begin_entry(Frame& frame, Node key) {
    if (key.kind == Node::Kind::kNull) {
      refuse(key.place, "a key is missing before the colon", "write the key's name");
    }
    if (key.kind != Node::Kind::kScalar) refuse_key(key.place);
    if (key.text == "<<" && !key.quoted) {
      refuse(key.place, "merge keys (<<) are not part of this configuration's YAML",
             "write the keys out, or alias the whole value with &name and *name");
    }
    const auto [first, is_new] = frame.keys.try_emplace(key.text, key.place);
    if (!is_new && duplicates_.size() < kDiagnosticsMax) {
      duplicates_.push_back({key.place,
                             {},
                             "the key \"" + key.text + "\" is here a second time",
                             "it is already at " + first->second.text() + ": keep one of the two"});
    }
    frame.entry = Node::Entry{std::move(key.text), std::move(key.place), {}};
    frame.value_is_due = true;
  }

  const SourceText& source_;
  std::vector<Frame> frames_;
  std::unordered_map<YAML::anchor_t, Anchored> anchors_;
  Node root_;
  Diagnostics duplicates_;
  std::size_t nodes_ = 0;
  std::size_t bytes_ = 0;
  std::size_t last_scalar_ = std::string_view::npos;  // the offset where it begins
  int documents_ = 0;
};

Diagnostic with_place(Diagnostic fault, Place place) {
  fault.place = std::move(place);
  return fault;
}

Diagnostic explain(const YAML::Exception& exception, const SourceText& source,
                   const TreeBuilder& builder) {
  const auto line = static_cast<std::size_t>(std::max(exception.mark.line, 0));
  const auto column = static_cast<std::size_t>(std::max(exception.mark.column, 0));
  if (std::optional<Diagnostic> advice = find_unquoted(source, line)) return *advice;
  if (const std::size_t tab = source.tab_in_indentation(line); tab != std::string_view::npos) {
    return with_place(yaml_fault(kTabInIndentation), source.place(line, tab));
  }
  Diagnostic fault = with_place(yaml_fault(exception.msg), source.place(line, column));
  const Node* flow = builder.innermost_flow();
  if (flow == nullptr || !is_unclosed_flow(exception.msg)) return fault;
  const std::string bracket = flow->kind == Node::Kind::kList ? "[" : "{";
  if (flow->place.line == fault.place.line) {
    fault.hint += std::string(fault.hint.empty() ? "" : "; ") + "the " + bracket + " at column " +
                  std::to_string(flow->place.column) + " is still open";
    return fault;
  }
  fault.hint = "on line " + std::to_string(fault.place.line) + ": " + fault.message;
  fault.message = "this " + bracket + " is not closed";
  fault.place = flow->place;
  return fault;
}

}  // namespace

tl::expected<Node, Diagnostics> read_yaml(std::string_view text,
                                          std::shared_ptr<const std::string> file) {
  constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
  if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
  const SourceText source(text, std::move(file));
  if (std::optional<Diagnostic> unfit = source.unfit()) {
    return tl::unexpected(Diagnostics{std::move(*unfit)});
  }
  TreeBuilder builder(source);
  try {
    std::string lines(text);
    // Without it a quote that is open at the end is reported there instead of where it opened.
    if (!lines.ends_with('\n')) lines += '\n';
    std::istringstream stream(std::move(lines));
    YAML::Parser parser(stream);
    while (parser.HandleNextDocument(builder)) {
    }
  } catch (const Refused& refused) {
    return tl::unexpected(Diagnostics{refused.fault});
  } catch (const YAML::Exception& exception) {
    return tl::unexpected(Diagnostics{explain(exception, source, builder)});
  }
  if (Diagnostics duplicates = builder.take_duplicates(); !duplicates.empty()) {
    return tl::unexpected(std::move(duplicates));
  }
  return builder.take_root();
}

}  // namespace tocsin::config
