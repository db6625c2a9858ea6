#include "tools/run_json.h"

#include <algorithm>

#include "harness/base/csv.h"
#include "harness/base/json.h"
#include "harness/verdicts/verdict_columns.h"

namespace pingperf {
namespace {

// The columns whose cells are texts, even if a cell looks like a number.
constexpr std::string_view kTexts[] = {"run",      "metric",  "case",   "workload",
                                       "baseline", "verdict", "remark", "note"};

Json value_of(const std::string& column, const std::string& cell) {
  if (cell.empty()) return nullptr;
  const bool is_text = std::find(std::begin(kTexts), std::end(kTexts), column) != std::end(kTexts);
  if (is_text || !number_in(cell)) return cell;
  return Json::parse(cell);  // whole numbers stay whole
}

Json rows_of(const std::filesystem::path& file) {
  const CsvTable table = CsvTable::read(file);
  Json rows = Json::array();
  for (const auto row : table.rows()) {
    Json object = Json::object();
    for (std::size_t i = 0; i < table.header().size(); ++i)
      object[table.header()[i]] = value_of(table.header()[i], std::string(row[i]));
    rows.push_back(std::move(object));
  }
  return rows;
}

}  // namespace

Json run_json(const std::filesystem::path& directory, const std::vector<Verdict>& gates) {
  const bool has_searches = std::filesystem::exists(directory / "searches.csv");
  return {{"directory", directory.string()},
          {"summary", rows_of(directory / "summary.csv")},
          {"comparisons", rows_of(directory / "comparisons.csv")},
          {"searches", has_searches ? rows_of(directory / "searches.csv") : Json::array()},
          {"gates", verdicts_json(VerdictList::gates, gates)}};
}

}  // namespace pingperf
