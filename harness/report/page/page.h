// The page of the report, made by CMake of report.html, report.css, the scripts and Chart.js.
#pragma once

#include <string_view>

namespace pingperf {

// The data go between the two.
std::string_view page_before_data();
std::string_view page_after_data();

}  // namespace pingperf
