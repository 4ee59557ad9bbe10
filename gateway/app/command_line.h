#pragma once

namespace tocsin::app {

/// Reads the command line and runs what it names; the process's exit code. 0 is success, 1 what the
/// command found wrong, 2 a wrong use of the command line. Main thread.
int run_command_line(int argc, const char* const* argv);

}  // namespace tocsin::app
