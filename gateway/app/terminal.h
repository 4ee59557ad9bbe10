#pragma once

#include <termios.h>

#include <cstddef>

#include "gateway/base/clock.h"

namespace tocsin::app {

/// The terminal while something live is shown on it: another screen, no cursor, keys as they are
/// pressed. Whoever ends it, the destructor gives back what was there: signals that would end the
/// process (SIGINT, SIGTERM, SIGHUP, SIGQUIT) are told by wait() instead, also without a terminal.
class Terminal {
 public:
  /// `live`: take the screen of standard output, and the keys if standard input is a terminal.
  explicit Terminal(bool live);
  ~Terminal();
  Terminal(const Terminal&) = delete;
  Terminal& operator=(const Terminal&) = delete;

  enum class Woken : unsigned char {
    kTime,  ///< it is over
    kSoon,  ///< show again at once: the size changed, or the space bar
    kQuit,  ///< q, Ctrl-C, a signal
  };
  Woken wait(Duration most);

  struct Size {
    std::size_t rows = 24;
    std::size_t columns = 80;
  };
  Size size() const;

 private:
  Woken read_keys();
  Woken read_signal() const;

  const bool live_;
  bool keys_ = false;  // standard input is a terminal, and ours
  termios before_{};   // if keys_
  int signals_ = -1;
};

}  // namespace tocsin::app
