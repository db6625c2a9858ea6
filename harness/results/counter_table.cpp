#include "harness/results/counter_table.h"

#include <fmt/core.h>

#include "harness/base/csv.h"
#include "harness/base/parse_number.h"

namespace pingperf {
namespace {

const std::vector<std::string_view> kCounterColumns = {"case",   "block", "host",
                                                       "source", "name",  "delta"};
enum ReadColumn : std::size_t { kCase, kBlock, kHost, kSource, kName, kDelta };

// Finds the counter of a row. The rows of a trial come in the same order in most trials, so the
// counter after the last one is the first guess.
class CounterFinder {
 public:
  // Returns the index, or that of a new counter.
  template <typename Add>
  std::size_t find(const CsvCells& row, const std::vector<CounterId>& known, Add add) {
    if (const std::size_t next = last_ + 1; next < known.size() && is(row, known[next]))
      return last_ = next;
    return last_ =
               add({std::string(row[kHost]), std::string(row[kSource]), std::string(row[kName])});
  }

 private:
  static bool is(const CsvCells& row, const CounterId& counter) {
    return row[kName] == counter.name && row[kSource] == counter.source &&
           row[kHost] == counter.host;
  }

  std::size_t last_ = 0;
};

}  // namespace

CounterTable CounterTable::read(const std::filesystem::path& run, std::uint64_t last_block,
                                const std::set<std::string>& cases) {
  const std::filesystem::path file = run / "counters.csv";
  CounterTable table;
  if (!std::filesystem::exists(file)) return table;
  for (const std::string& name : cases) table.changes_[name];
  CounterFinder finder;
  auto of_case = table.changes_.end();
  scan_csv(file, kCounterColumns, [&](const CsvCells& row) {
    const auto refuse = [&](std::string_view what) {
      throw CsvError(fmt::format("{}:{}: {}", file.string(), row.line, what));
    };
    const auto block = parse_number<std::uint64_t>(row[kBlock]);
    if (!block) refuse(fmt::format("'{}' is no block", row[kBlock]));
    const auto delta = number_in(row[kDelta]);
    if (!delta) refuse(fmt::format("'{}' in column delta is not a number", row[kDelta]));
    if (of_case == table.changes_.end() || of_case->first != row[kCase])
      of_case = table.changes_.find(row[kCase]);
    if (of_case == table.changes_.end() || *block > last_block) return;
    const std::size_t counter =
        finder.find(row, table.counters_, [&](const CounterId& id) { return table.index_of(id); });
    if (of_case->second.size() <= counter) of_case->second.resize(counter + 1);
    Changes& changes = of_case->second[counter];
    if (changes.size() <= *block) changes.resize(*block + 1);
    if (changes[*block] != 0)
      refuse(fmt::format("two rows of {} of {} in block {}", row[kName], row[kCase], *block));
    changes[*block] = *delta;
  });
  return table;
}

std::size_t CounterTable::index_of(const CounterId& counter) {
  const auto [entry, is_new] = index_.try_emplace(counter, counters_.size());
  if (is_new) counters_.push_back(counter);
  return entry->second;
}

std::vector<double> CounterTable::changes(const std::string& case_name, const CounterId& counter,
                                          const std::vector<std::uint64_t>& blocks) const {
  std::vector<double> result(blocks.size());
  const auto index = index_.find(counter);
  const auto of_case = changes_.find(case_name);
  if (index == index_.end() || of_case == changes_.end()) return result;
  if (index->second >= of_case->second.size()) return result;
  const Changes& changes = of_case->second[index->second];
  for (std::size_t i = 0; i < blocks.size(); ++i)
    if (blocks[i] < changes.size()) result[i] = changes[blocks[i]];
  return result;
}

}  // namespace pingperf
