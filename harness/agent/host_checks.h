// The present state of a host that can spoil or limit what is measured on it. These facts take a
// moment to find out; host_facts.h has those that cost nothing.
#pragma once

#include <string>

#include "sockets/core/clock.h"

namespace pingperf {

// Returns a JSON object: the load of other programs during `observe`, the cost of the clock, the
// queueing disciplines of the kernel, the interfaces that stamp what they send, and the labs whose
// run is gone. Facts that cannot be found out are left out.
std::string check_host(Nanoseconds observe);

}  // namespace pingperf
