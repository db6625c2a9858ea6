// Makes the JSON Schema of an experiment file, for editors and validators, from the tables that the
// readers use.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace pingperf {

// Returns a schema of draft 2020-12. It checks keys, names, units, ranges of plain numbers and
// simple rules between keys. Only `pingperf check` checks ranges of values with units and all other
// rules. `metric_names` are the values of `metric:`.
std::string experiment_schema(std::span<const std::string_view> metric_names);

}  // namespace pingperf
