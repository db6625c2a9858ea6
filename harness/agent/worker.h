// The worker: a process that the agent starts for one endpoint, so that a crash, a hang or a
// library's exit() ends one trial only.
#pragma once

namespace pingperf {

inline constexpr int kWorkerEvents = 3;  // the descriptor of a worker's event pipe

// Serves one listen or connect request on stdin, then start and stop. Writes events to
// kWorkerEvents. Returns the exit status if no endpoint was made. Otherwise ends the process
// without atexit handlers.
int run_worker();

}  // namespace pingperf
