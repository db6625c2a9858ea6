// The JSON Schema of an experiment file, for editors and validators; made from the tables that the
// readers use.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace pingperf {

// Draft 2020-12. It knows keys, names, units and ranges of plain numbers; what a value with a unit
// may be at most, and what goes together with what, only `pingperf check` knows.
// `metric_names`: what `metric:` may name.
std::string experiment_schema(std::span<const std::string_view> metric_names);

}  // namespace pingperf
