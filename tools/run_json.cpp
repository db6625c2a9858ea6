#include "tools/run_json.h"

#include <algorithm>

#include "harness/base/csv.h"
#include "harness/base/json.h"
#include "harness/results/columns.h"
#include "harness/verdicts/verdict_columns.h"

namespace pingperf {
namespace {

bool is_label(const std::string& column, const OwnColumns& own) {
  return std::ranges::find(own.labels, column, &std::pair<std::string, std::string>::first) !=
         own.labels.end();
}

// Returns the type of a column of any table of a run. Of the columns that only other tables than
// trials.csv have, `baseline` has names; no other text of them looks like a number.
CellType type_of(const std::string& column, const OwnColumns& own) {
  if (column == "baseline" || is_label(column, own)) return CellType::text;
  return cell_type(column).value_or(CellType::number);
}

std::vector<CellType> types_of(const CsvTable& table, const OwnColumns& own) {
  std::vector<CellType> types;
  for (const std::string& column : table.header()) types.push_back(type_of(column, own));
  return types;
}

Json value_of(const std::string& cell, CellType type) {
  if (cell.empty()) return nullptr;
  if (type == CellType::flag) return cell == "true";
  if (type == CellType::text || !number_in(cell)) return cell;
  return Json::parse(cell);  // whole numbers stay whole
}

Json object_of(const CsvTable& table, const CsvTable::Row& row,
               const std::vector<CellType>& types) {
  Json object = Json::object();
  for (std::size_t i = 0; i < table.header().size(); ++i)
    object[table.header()[i]] = value_of(std::string(row[i]), types[i]);
  return object;
}

Json rows_of(const std::filesystem::path& file, const OwnColumns& own) {
  const CsvTable table = CsvTable::read(file);
  const std::vector<CellType> types = types_of(table, own);
  Json rows = Json::array();
  for (const auto row : table.rows()) rows.push_back(object_of(table, row, types));
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
  Json object = object_of(table, table.rows().front(), types_of(table, own));
  std::erase_if(object.get_ref<Json::object_t&>(),
                [](const auto& entry) { return entry.second.is_null(); });
  return object;
}

}  // namespace pingperf
