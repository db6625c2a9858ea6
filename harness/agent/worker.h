// The worker: the process in which one endpoint lives, so that a crash, a hang or a library's
// exit() ends one trial only. Started by the agent.
#pragma once

namespace pingperf {

inline constexpr int kWorkerEvents = 3;  // the descriptor that a worker finds its event pipe on

// Serves the one listen or connect request on stdin, then start and stop; events go to
// kWorkerEvents. Returns the exit status when no endpoint came to be; else the process ends within,
// without atexit handlers: they belong to nobody here.
int run_worker();

}  // namespace pingperf
