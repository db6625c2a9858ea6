// The worker: the process in which one endpoint lives, so that a crash, a hang or a library's
// exit() ends one trial only. Started by the agent.
#pragma once

namespace pingperf {

inline constexpr int kWorkerEvents = 3;  // descriptor of a worker's event pipe

// Serves one listen or connect request on stdin, then start and stop. Writes events to
// kWorkerEvents. Returns the exit status if no endpoint was made. Otherwise it ends the process,
// without atexit handlers.
int run_worker();

}  // namespace pingperf
