// Quality: what a reader should keep in mind about a trial that is ok.
#pragma once

#include <string>

#include "harness/record.h"

namespace pingperf {

// Remarks joined by "; ", or "" when there is nothing to remark: the offered rate was not reached,
// the window was short, the hypervisor took CPU time.
std::string assess_quality(const TrialRecord& record);

}  // namespace pingperf
