// A histogram as the percentile text of HdrHistogram, which its plotter and hdr-plot read.
#pragma once

#include <string>

#include "sockets/measure/histogram.h"

namespace pingperf {

// "Value Percentile TotalCount 1/(1-Percentile)" in microseconds, five steps to every halving of
// the distance to 100 %, and the footer (HdrHistogram's outputPercentileDistribution).
std::string hgrm_text(const Histogram& histogram);

}  // namespace pingperf
