// A trend as a table, a page, CSV, JSON and JUnit XML.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "harness/base/json_fwd.h"
#include "harness/base/text_table.h"
#include "harness/report/junit.h"
#include "harness/verdicts/trend.h"

namespace pingperf {

// Returns one row per change with the runs on both sides and their labels. Changes of the
// environment, and the series that are not judged, follow.
std::string trend_table(const Trend& trend, const Style& style);

// Returns one row per level of each series: a series without changes has one.
std::string trend_csv(const Trend& trend);

// Returns everything, with all points.
Json trend_json(const Trend& trend);

// Returns one self-contained page with a chart per series. trend_page.cpp defines it.
std::string trend_html(const Trend& trend);

// Returns one test per series. It fails if one of its changes is_failure(), and is skipped if the
// series is not judged.
std::vector<JUnitCase> junit_of(const Trend& trend, std::size_t newest);

// Returns "0.91 [0.90, 0.92] of before", or a difference with its unit.
std::string change_text(const TrendSeries& series, const TrendChange& change);

// Returns one line: the series, the change, and the runs on both sides.
std::string describe(const Trend& trend, const TrendSeries& series, const TrendChange& change);

}  // namespace pingperf
