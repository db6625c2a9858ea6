// Functions for tables of columns. A column has a name, a meaning and a text.
#pragma once

#include <string>
#include <vector>

#include "harness/base/csv.h"

namespace pingperf {

// Returns the header row: the columns' names.
template <typename Columns>
std::string csv_header(const Columns& columns) {
  std::vector<std::string> names;
  for (const auto& column : columns) names.emplace_back(column.name);
  return csv_row(names);
}

// Returns one row: the text of each column for `subject`.
template <typename Columns, typename... Subject>
std::string csv_line(const Columns& columns, const Subject&... subject) {
  std::vector<std::string> fields;
  for (const auto& column : columns) fields.push_back(column.text(subject...));
  return csv_row(fields);
}

// Returns the names and meanings of the columns as a table in Markdown.
template <typename Columns>
std::string columns_markdown(const Columns& columns) {
  std::string text = "| column | meaning |\n|---|---|\n";
  for (const auto& column : columns)
    text += "| `" + std::string(column.name) + "` | " + std::string(column.doc) + " |\n";
  return text;
}

}  // namespace pingperf
