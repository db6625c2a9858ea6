// The JSON of measurements: of the agents' protocol and of the lines that a program prints.
#pragma once

#include "harness/base/json_fwd.h"
#include "sockets/measure/measurement.h"

namespace pingperf {

// Figures that were not measured have no key.
Json to_json(const Interval& interval);
Json to_json(const Measurement& measurement);

// Throw ProtocolError that names the wrong key.
Interval interval_from(const Json& object);
Measurement measurement_from(const Json& object);

// Sets the named figure of `measurement` to the value that `object` has for it. The name must be
// that of a figure. Throws ProtocolError.
void take_figure(const Json& object, std::string_view name, Measurement& measurement);

}  // namespace pingperf
