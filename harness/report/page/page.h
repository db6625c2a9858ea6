// The pages of the report and of the trend, made by CMake of their HTML, report.css, scripts and,
// in the report, Chart.js.
#pragma once

#include <string_view>

namespace pingperf {

// The data go between the two.
std::string_view report_page_before_data();
std::string_view report_page_after_data();
std::string_view trend_page_before_data();
std::string_view trend_page_after_data();

}  // namespace pingperf
