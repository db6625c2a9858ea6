// Metrics for people: titles, and values with their units.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace pingperf {

// Returns the metric's title, or its name if it has no title or is unknown.
std::string title_of(std::string_view metric);
// Returns the metric's heading in the results table, or its name if it has none.
std::string short_title_of(std::string_view metric);

// Formats a metric's value with the unit that the name ends in, and with more digits than usual if
// they are wanted. Returns nothing if it has no unit.
std::optional<std::string> with_unit(std::string_view metric, double value, int more_digits = 0);

// Formats a metric's value with the unit that the name ends in, scaled for people: "12.3 Gbit/s".
std::string human_metric(std::string_view metric, double value);

}  // namespace pingperf
