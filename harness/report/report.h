// The report: one run or several as one HTML page, which loads no other file.
#pragma once

#include <string>
#include <vector>

#include "harness/report/reported_run.h"

namespace pingperf {

// More runs are drawn over time, and the newest is compared with the set of the others.
inline constexpr std::size_t kMaxRunsSideBySide = 5;

// Returns the page. Its size is bounded: if there are too many cases, trials or intervals, it draws
// some of them, evenly spread, and a note states this. Throws CsvError if a file is damaged.
std::string report_html(const std::vector<ReportedRun>& runs,
                        const std::vector<ReportedChange>& changes = {});

}  // namespace pingperf
