// The table of a run's searches.
#pragma once

#include <string>
#include <vector>

#include "harness/base/text_table.h"
#include "harness/verdicts/searches.h"

namespace pingperf {

// Returns each searched case with its estimate and interval. The reasons why searches ended follow.
// Returns "" without a search.
std::string searches_table(const std::vector<SearchResult>& results, const Style& style);
std::string searches_markdown(const std::vector<SearchResult>& results);

// Return the estimate as "94.3 Mbit/s", or as "above 1 Gbit/s" if it is outside the searched
// values, and the interval as "93 Mbit/s..95 Mbit/s".
std::string estimate_text(const SearchResult& result);
std::string interval_text(const SearchResult& result);

// Returns "loss_ratio at most 0.1%".
std::string human_condition(const std::vector<Condition>& keep);

}  // namespace pingperf
