#include <fcntl.h>

#include <cerrno>

#include "gateway/app/command_line.h"

namespace {

// Whoever starts us may have closed them. The next files opened would take their numbers, and what
// is written to the standard streams would go there.
void open_standard_streams() {
  for (int fd = 0; fd <= 2; ++fd) {
    if (::fcntl(fd, F_GETFD) >= 0 || errno != EBADF) continue;
    (void)::open("/dev/null", O_RDWR);  // takes the lowest number: this one
  }
}

}  // namespace

int main(int argc, char** argv) {
  open_standard_streams();
  return tocsin::app::run_command_line(argc, argv);
}
