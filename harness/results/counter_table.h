// CounterTable: counters.csv, read back.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace pingperf {

// A counter of the kernel.
struct CounterId {
  std::string host;    // client, server, or both if the two ends share it
  std::string source;  // the kernel's file or kind: "netstat", "softirqs"
  std::string name;    // as the kernel has it: "Tcp.RetransSegs", "NET_RX cpu1"

  auto operator<=>(const CounterId&) const = default;
};

// The changes of the counters during the trials of a run. Takes 8 bytes per case, block and
// counter.
class CounterTable {
 public:
  // Reads counters.csv in the directory of a run, row by row, and keeps the given cases. The table
  // is empty if there is no such file. Leaves out rows of blocks after `last_block`. Throws
  // CsvError that names the file and line if it is damaged.
  static CounterTable read(const std::filesystem::path& run, std::uint64_t last_block,
                           const std::set<std::string>& cases);

  bool empty() const noexcept { return counters_.empty(); }
  // Returns the counters in the order of their first rows.
  const std::vector<CounterId>& counters() const noexcept { return counters_; }
  // Returns the changes of a counter in these blocks of a case. A change without a row is 0.
  std::vector<double> changes(const std::string& case_name, const CounterId& counter,
                              const std::vector<std::uint64_t>& blocks) const;

 private:
  using Changes = std::vector<double>;  // by block; those beyond the end are 0

  std::size_t index_of(const CounterId& counter);

  std::vector<CounterId> counters_;
  std::map<CounterId, std::size_t> index_;
  std::map<std::string, std::vector<Changes>, std::less<>> changes_;  // by case and counter
};

}  // namespace pingperf
