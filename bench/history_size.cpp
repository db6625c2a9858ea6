// Measures a large history: the time of one add and of a trend over all cases, and the memory.
// Usage: history_size [RUNS [CASES]]    (10000 100; the store is a temporary file)
#include <fmt/core.h>
#include <sys/resource.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <string>

#include "harness/history/history.h"
#include "harness/verdicts/trend.h"

namespace pingperf {
namespace {

double seconds_of(const auto& work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

// Fills a new store with runs that vary by 3 % (as a uniform distribution), in two metrics.
void fill(const std::filesystem::path& file, std::size_t runs, std::size_t cases) {
  History(file, History::Access::write);
  Database database(file, Database::Access::write);
  database.run(fmt::format(
      "BEGIN;"
      "CREATE TEMP TABLE n AS WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c "
      "  WHERE i < {0}) SELECT i FROM c;"
      "INSERT INTO metric VALUES(1, 'throughput_bps'), (2, 'rtt_p50_ns');"
      "INSERT INTO parameters VALUES(1, 'engine=blocking');"
      "INSERT INTO case_name SELECT i, 'bulk/case=' || i FROM n WHERE i <= {1};"
      "INSERT INTO run SELECT i, i, 'run-' || i, 'nightly', date('2000-01-01', '+' || i || ' day') "
      "  || 'T03:00:00Z', 'here', '', '{{}}' FROM n;"
      "INSERT INTO content SELECT i, '{{}}', '' FROM n;"
      "INSERT INTO median SELECT m.id, r.i, c.id, 1, 1e9 * (1 + 5.2e-21 * random() * 2), 10 "
      "  FROM metric m, n r, case_name c ORDER BY 1, 2, 3;"
      "COMMIT",
      runs, cases));
}

HistoryEntry new_entry(std::size_t run, std::size_t cases) {
  HistoryEntry entry;
  entry.identity = entry.run.name = fmt::format("new-{}", run);
  entry.run.experiment = "nightly";
  entry.run.machine = "here";
  entry.run.started_at = fmt::format("2099-01-01T03:00:{:02}Z", run);
  entry.trials = std::string(cases * 10 * 400, 'x');  // ten trials per case
  for (std::size_t c = 1; c <= cases; ++c)
    for (const char* metric : {"throughput_bps", "rtt_p50_ns", "cpu_s_per_gb", "retransmits"})
      entry.medians.push_back({fmt::format("bulk/case={}", c), metric, "engine=blocking", 1e9, 10});
  return entry;
}

void measure(const std::filesystem::path& file, std::size_t runs, std::size_t cases) {
  constexpr std::size_t kAdds = 20;
  const double add_s = seconds_of([&] {
    for (std::size_t i = 0; i < kAdds; ++i)
      History(file, History::Access::write).add(new_entry(i, cases));
  });
  fmt::print("{} runs of {} cases, {:.0f} MB\nadd: {:.1f} ms\n", runs, cases,
             static_cast<double>(std::filesystem::file_size(file)) / 1e6,
             1e3 * add_s / static_cast<double>(kAdds));
  for (const std::size_t last : {std::size_t{500}, runs}) {
    const double trend_s = seconds_of([&] {
      History history(file, History::Access::read);
      find_trend(history, history.runs({.last = last}), {.metrics = {"throughput_bps"}});
    });
    rusage usage{};
    ::getrusage(RUSAGE_SELF, &usage);
    fmt::print("trend of the newest {}: {:.2f} s, at most {} MB\n", last, trend_s,
               usage.ru_maxrss / 1000);
  }
}

}  // namespace
}  // namespace pingperf

int main(int argc, char** argv) {
  using namespace pingperf;
  const std::size_t runs = argc > 1 ? std::strtoul(argv[1], nullptr, 10) : 10'000;
  const std::size_t cases = argc > 2 ? std::strtoul(argv[2], nullptr, 10) : 100;
  const std::filesystem::path folder =
      std::filesystem::temp_directory_path() / fmt::format("pingperf-history-size-{}", ::getpid());
  std::filesystem::create_directories(folder);
  fill(folder / "history.db", runs, cases);
  measure(folder / "history.db", runs, cases);
  std::filesystem::remove_all(folder);
}
