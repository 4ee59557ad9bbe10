#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "gateway/base/assert.h"
#include "gateway/routing/route.h"

namespace tocsin::routing {

/// Finds the routes that may take a notification without asking every one. Each route is filed
/// under the most telling thing it asks for:
///
///   topic: orders.eu.created     that topic
///   topic: orders.eu.*           its segments before the first star: "orders.eu"
///   labels: {team: payments}     that label and value, when its topics cannot be filed
///   otherwise                    asked every time
///
/// so that the cost follows the routes that share a topic's first segments, not all there are.
/// Immutable once built; any thread.
class RouteIndex {
 public:
  explicit RouteIndex(std::span<const Route> routes);

  /// Calls `visit(index)` for every route that may take it, in ascending order, each once, until
  /// that returns false. Allocates nothing.
  template <typename Visit>
  void visit_candidates(const message::Notification& notification, Visit&& visit) const {
    Cursors cursors;
    collect(notification, cursors);
    while (cursors.count > 0) {
      if (!visit(cursors.take_lowest())) return;
    }
  }

 private:
  using List = std::vector<std::uint32_t>;  ///< ascending

  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const {
      return std::hash<std::string_view>()(text);
    }
  };
  template <typename T>
  using ByText = std::unordered_map<std::string, T, Hash, std::equal_to<>>;

  /// Longer prefixes are filed under their first segments.
  static constexpr std::size_t kPrefixSegmentsMax = 8;

  /// The lists a notification is found in, merged as they are read.
  struct Cursors {
    struct Cursor {
      const std::uint32_t* at;
      const std::uint32_t* end;
    };
    static constexpr std::size_t kMax = 2 + kPrefixSegmentsMax + message::kLabelsMax;

    void add(const List& list) {
      if (list.empty()) return;
      TOCSIN_ASSERT(count < kMax, "a notification beyond its limits was routed");
      items[count++] = {list.data(), list.data() + list.size()};
    }
    /// The lowest index; the lists that have it move on.
    std::uint32_t take_lowest();

    std::array<Cursor, kMax> items;  // the first `count` are set
    std::size_t count = 0;
  };

  bool file_by_topic(std::uint32_t index, const RouteMatch& match);
  bool file_by_label(std::uint32_t index, const RouteMatch& match);
  void collect(const message::Notification& notification, Cursors& cursors) const;

  ByText<List> topics_;
  ByText<List> prefixes_;
  std::size_t prefix_segments_ = 0;  ///< of the longest in prefixes_
  ByText<ByText<List>> labels_;      ///< by name, then value
  List others_;
};

}  // namespace tocsin::routing
