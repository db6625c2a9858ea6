// A histogram as the percentile text of HdrHistogram, which its plotter and hdr-plot read.
#pragma once

#include <string>

#include "sockets/measure/histogram.h"

namespace pingperf {

// Returns lines of "Value Percentile TotalCount 1/(1-Percentile)" and the footer, as HdrHistogram's
// outputPercentileDistribution. Values are in microseconds. Each halving of the distance to 100 %
// has five lines.
std::string hgrm_text(const Histogram& histogram);

}  // namespace pingperf
