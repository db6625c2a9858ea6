// `pingperf idle`: the first process of a container that agents are started in.
#pragma once

namespace pingperf {

// Reaps the processes that lose their parent, until SIGTERM, SIGINT or SIGHUP. Returns 0.
int run_idle();

}  // namespace pingperf
