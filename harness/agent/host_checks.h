// The present state of a host that can spoil or limit its measurements. These facts take a moment
// to find out. The facts of host_facts.h take none.
#pragma once

#include <string>

#include "sockets/core/clock.h"

namespace pingperf {

// Returns a JSON object: the load of other programs during `observe`, the cost of the clock, the
// queueing disciplines of the kernel, the interfaces that stamp sent packets, and the labs whose
// run has ended. Leaves out facts that cannot be found out.
std::string check_host(Nanoseconds observe);

}  // namespace pingperf
