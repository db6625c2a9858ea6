// The report: a run, or several, as one HTML page that needs nothing else.
#pragma once

#include <string>
#include <vector>

#include "harness/report/reported_run.h"

namespace pingperf {

// The page. Its size is bounded: of many cases, trials or intervals it draws some, evenly spread,
// and says so. Throws CsvError when a file is damaged.
std::string report_html(const std::vector<ReportedRun>& runs,
                        const std::vector<ReportedChange>& changes = {});

}  // namespace pingperf
