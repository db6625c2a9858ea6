// What a host is like just now, as far as it can spoil or limit what is measured on it: the facts
// that take a moment to find out. Those that cost nothing are in host_facts.h.
#pragma once

#include <nlohmann/json.hpp>

#include "sockets/core/clock.h"

namespace pingperf {

// The load of others while it watches for `observe`, the cost of the clock, the
// queueing disciplines that the kernel has, the interfaces that stamp what they send, and the labs
// whose run is gone. What cannot be found out is left out.
nlohmann::json check_host(Nanoseconds observe);

}  // namespace pingperf
