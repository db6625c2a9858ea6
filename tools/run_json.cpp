#include "tools/run_json.h"

#include <algorithm>

#include "harness/base/csv.h"
#include "harness/base/json.h"
#include "harness/verdicts/verdict_columns.h"

namespace pingperf {
namespace {

// The columns whose cells are texts, even if a cell looks like a number.
constexpr std::string_view kTexts[] = {"run",      "metric",     "case",        "workload",
                                       "baseline", "verdict",    "remark",      "note",
                                       "error",    "experiment", "client_host", "server_host",
                                       "pair",     "variant",    "engine",      "quality"};

Json value_of(const std::string& column, const std::string& cell, const OwnColumns& own) {
  if (cell.empty()) return nullptr;
  const bool is_text =
      std::ranges::find(kTexts, column) != std::end(kTexts) ||
      std::ranges::find(own.labels, column, &std::pair<std::string, std::string>::first) !=
          own.labels.end();
  if (is_text) return cell;
  if (cell == "true" || cell == "false") return cell == "true";
  if (!number_in(cell)) return cell;
  return Json::parse(cell);  // whole numbers stay whole
}

Json object_of(const CsvTable& table, const CsvTable::Row& row, const OwnColumns& own) {
  Json object = Json::object();
  for (std::size_t i = 0; i < table.header().size(); ++i)
    object[table.header()[i]] = value_of(table.header()[i], std::string(row[i]), own);
  return object;
}

Json rows_of(const std::filesystem::path& file, const OwnColumns& own) {
  const CsvTable table = CsvTable::read(file);
  Json rows = Json::array();
  for (const auto row : table.rows()) rows.push_back(object_of(table, row, own));
  return rows;
}

}  // namespace

Json run_json(const std::filesystem::path& directory, const std::vector<Verdict>& gates,
              const OwnColumns& own) {
  const bool has_searches = std::filesystem::exists(directory / "searches.csv");
  return {{"directory", directory.string()},
          {"summary", rows_of(directory / "summary.csv", own)},
          {"comparisons", rows_of(directory / "comparisons.csv", own)},
          {"searches", has_searches ? rows_of(directory / "searches.csv", own) : Json::array()},
          {"gates", verdicts_json(VerdictList::gates, gates)}};
}

Json row_json(const std::string& csv, const OwnColumns& own) {
  const CsvTable table = CsvTable::parse(csv, "");
  Json object = object_of(table, table.rows().front(), own);
  std::erase_if(object.get_ref<Json::object_t&>(),
                [](const auto& entry) { return entry.second.is_null(); });
  return object;
}

}  // namespace pingperf
