#pragma once

#include <cstdint>
#include <string_view>

#include "gateway/message/notification.h"

struct lua_State;

namespace tocsin::script {

class State;

/// A notification as scripts see it: one table that is used again and again. What scripts ask most
/// (topic, level, rank) stands in it, the rest is made when it is read. They cannot change it: what
/// they add is refused where they do it, what they write over in labels and recipients by
/// check_unchanged(). `data` is decoded for them, and theirs.
///
///   n.topic n.level n.rank(0..7) n.title n.body n.key n.external_id     texts, empty when absent
///   n.labels       {name = value}
///   n.to           {"kind:value", ...}
///   n.data         what the JSON says, or nil
///   n.deliver_at n.expires_at     milliseconds since 1970, or nil
///   n.identity     of filters; see stage::FilterCall
class NotificationTable {
 public:
  NotificationTable() = default;
  NotificationTable(const NotificationTable&) = delete;
  NotificationTable& operator=(const NotificationTable&) = delete;

  /// Pushes the table that shows `notification`, which lives until hide(). May raise.
  void push(lua_State* lua, const message::Notification& notification,
            std::string_view identity = {});
  /// After a call: raises when labels or recipients that it read are not what was shown.
  void check_unchanged(lua_State* lua) const;
  /// From here on reading what was not read before is an error.
  void hide() { notification_ = nullptr; }
  /// The state's memory is gone, or another state is next.
  void forget() { made_in_ = nullptr; }

  /// The notification that the table at `index` shows; raises when it is none, or hidden.
  static const message::Notification& checked(lua_State* lua, int index);

 private:
  void make(lua_State* lua);
  static int read_field(lua_State* lua);
  void push_field(lua_State* lua, std::string_view name);
  bool pushes_read(lua_State* lua, std::string_view name) const;

  const message::Notification* notification_ = nullptr;
  std::string_view identity_;
  const State* made_in_ = nullptr;
  std::uint32_t read_ = 0;  // a bit for each field that stands in the table
};

}  // namespace tocsin::script
