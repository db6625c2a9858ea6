// The order of the cases in the experiment file, for tables of rows that have a `case_name`.
#pragma once

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "harness/experiment/experiment.h"

namespace pingperf {

// Sorts rows into the order of their cases. Rows of one case keep their order, and rows of other
// cases come last.
template <typename Rows>
void sort_by_case(Rows& rows, const std::vector<Case>& cases) {
  std::map<std::string, std::size_t> places;
  for (const Case& c : cases) places.emplace(c.name, places.size());
  std::ranges::stable_sort(rows, {}, [&](const auto& row) {
    const auto place = places.find(row.case_name);
    return place == places.end() ? places.size() : place->second;
  });
}

}  // namespace pingperf
