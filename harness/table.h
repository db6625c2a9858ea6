// Tables for the terminal: what a run found, in 80 columns.
#pragma once

#include <string>
#include <vector>

#include "harness/comparison.h"
#include "harness/summary.h"

namespace pingperf {

// How tables are printed.
struct Style {
  bool bold = false;                      // the header, by an escape sequence
  std::size_t width = std::string::npos;  // of the terminal; elsewhere nothing is shortened
};

// Text in columns: the first is aligned to the left and shortened in its middle to keep the table
// within the width, the others to the right.
class TextTable {
 public:
  explicit TextTable(std::vector<std::string> header) : rows_{std::move(header)} {}
  void add(std::vector<std::string> row) { rows_.push_back(std::move(row)); }
  std::string to_string(const Style& style) const;

 private:
  std::vector<std::vector<std::string>> rows_;
};

// What `text` takes on a terminal: its UTF-8 code points.
std::size_t display_width(std::string_view text);
// At most `width` wide, with "…" for what was taken out of the middle.
std::string shorten(const std::string& text, std::size_t width);

// A table a kind of workload: medians over the trials of each case, and their spread, the cases in
// the given order. Below: the trials that failed, with their errors, and what to keep in mind.
std::string results_table(const TrialTable& trials, const std::vector<Case>& cases,
                          const Style& style);

// Each compared pair, its ratio, and from how many pairs of trials.
std::string comparisons_table(const std::vector<ComparisonRow>& rows, const Style& style);

// A metric's value with the unit that its name ends in, scaled for people: "12.3 Gbit/s".
std::string human_metric(std::string_view metric, double value);

}  // namespace pingperf
