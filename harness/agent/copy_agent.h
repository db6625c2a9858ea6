// Starts an agent on a host that may lack pingperf: `copy: true`.
//
//   controller ── copy_agent ── launcher (ssh, srun …) ── sh on the host
//                     │── script ─────────────────────────────>│ has the host this pingperf?
//                     │<── "own", or "send" ───────────────────│
//                     │── after "send": the program ──────────>│ dd writes it, the agent replaces
//                     sh
//        JSON lines <─┼─> JSON lines ─────────────────────────>│ the agent deletes the copy
#pragma once

#include <string>
#include <vector>

#include "sockets/core/clock.h"

namespace pingperf {

// The agent's environment has the folder of its copy in this variable.
inline constexpr const char* kCopyVariable = "PINGPERF_COPY";

// Starts `sh` on the host that `launch` reaches, and there `path` if it is this version of
// pingperf, else a copy of this program, which is the static build if one is beside it. Then passes
// the lines of controller and agent on, between stdin, stdout and the launcher. The host requires
// sh, mkdir, chmod, dd and rm, and must answer within `timeout`. Returns the exit status.
int run_copy_agent(const std::string& path, const std::vector<std::string>& launch,
                   Nanoseconds timeout);

// Returns the script that `sh` runs on the host. The copy has `blocks` blocks of 64 KiB.
std::string copy_script(const std::string& path, const std::string& folder, std::size_t blocks);

// Deletes the copy that this agent runs from. Its process and its workers keep the file.
void delete_own_copy() noexcept;

}  // namespace pingperf
