// Numbers and parameters as in the files of a run.
#pragma once

#include <optional>
#include <string>

#include "sockets/core/options.h"

namespace pingperf {

// Formats a number for every file: the shortest decimal that reads back as the same double. Returns
// "" without a value.
std::string number_text(double value);
std::string number_text(const std::optional<double>& value);

// Returns the value of a parameter in the unit of its column: "0.5" for 500 ms in `duration_s`.
// Returns "" without a value.
std::string parameter_text(const Parameter& parameter, const Options& options);

}  // namespace pingperf
