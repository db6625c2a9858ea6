// Searches: the estimate of a threshold on simulated links, and the state from rows of trials.csv.
#include "harness/verdicts/searches.h"

#include <fmt/core.h>
#include <gmock/gmock.h>

#include <cmath>
#include <functional>
#include <random>

#include "harness/base/usage_error.h"
#include "harness/experiment/experiment_reader.h"
#include "harness/experiment/search_reader.h"
#include "harness/report/search_table.h"
#include "harness/results/columns.h"
#include "harness/results/summary.h"
#include "harness/verdicts/criteria_reader.h"
#include "tests/results/record_samples.h"

namespace pingperf {
namespace {

using testing::AllOf;
using testing::Ge;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Le;
using testing::StartsWith;

// A link that keeps the condition up to its rate.
struct Link {
  double rate = 94.3e6;
  double width = 0;    // of the drop, of the logarithm; 0: a step
  double spikes = 0;   // share of the trials below the rate that fail by chance
  double chances = 0;  // share of the trials above the rate that keep the condition

  bool keeps(double value, std::mt19937_64& random) const {
    const double drop = width > 0 ? 1 / (1 + std::pow(value / rate, 1 / width))
                                  : static_cast<double>(value <= rate);
    return std::bernoulli_distribution(chances + (1 - chances - spikes) * drop)(random);
  }
};

constexpr Search kSearch{.parameter = nullptr, .from = 10e6, .to = 10e9};

Case searched_case(Search search = kSearch) {
  search.parameter = find_parameter("rate");
  Case c;
  c.name = c.workload = "udp";
  c.options.edit().kind = Kind::throughput;
  c.options.edit().engine = "blocking";
  c.options.edit().duration = kSecond;
  c.options.edit().message_size = 1400;
  c.search = search;
  return c;
}

const std::vector<Condition> kLossFree = {{"loss_ratio", 0, true}};

// Returns the record of a trial that sent `rate` and lost a tenth of the datagrams or none.
TrialRecord trial_of(Case& c, std::uint64_t block, double value, bool kept) {
  set_searched(c.options.edit(), *c.search, value);
  TrialRecord r = Samples::transfer(c, block, *c.options->rate_bps / 8);
  r.server.datagrams_received = 9000;
  r.server.datagrams_lost = kept ? 0 : 1000;
  return r;
}

TrialTable table_of(const std::string& rows) {
  return TrialTable(CsvTable::parse(trials_header() + rows, "trials.csv"));
}

void add(SearchState& state, const TrialRecord& record) {
  const TrialTable table = table_of(trial_row(record));
  state.add(table, table.rows().front());
}

// Runs a search of the estimate alone, without rows, which are slow to make.
struct Found {
  double low = 0, estimate = 0, high = 0;
  std::uint64_t trials = 0;
};

Found find(const Link& link, std::uint64_t seed, const Search& search = kSearch) {
  std::mt19937_64 random(seed);
  ThresholdEstimate threshold(search.from, search.to, search.precision);
  Found found;
  while (found.trials < search.trials) {
    const double value = threshold.next();
    threshold.add(value, link.keeps(value, random));
    ++found.trials;
    found.low = threshold.quantile(0.025);
    found.estimate = threshold.quantile(0.5);
    found.high = threshold.quantile(0.975);
    if (found.low > 0 && found.high - found.low <= 2 * search.precision * found.estimate) break;
  }
  return found;
}

struct Scenario {
  const char* name;
  Link link;
  double right;    // least share of the searches whose estimate is within 3 %
  double covered;  // least share of the searches whose interval covers the rate
  double trials;   // most trials, on average
};

void PrintTo(const Scenario& scenario, std::ostream* out) {
  *out << scenario.name;
}

class SimulatedLinkTest : public testing::TestWithParam<Scenario> {};

// The limits are the shares of docs/statistics.md with room for the chance of 100 searches.
TEST_P(SimulatedLinkTest, TheRateIsFoundAndTheIntervalCoversIt) {
  constexpr int kSeeds = 100;
  std::mt19937_64 random(1);
  std::uniform_real_distribution<> exponent(std::log(12e6), std::log(9e9));
  int right = 0, covered = 0;
  double trials = 0;
  for (int seed = 1; seed <= kSeeds; ++seed) {
    Link link = GetParam().link;
    link.rate = std::exp(exponent(random));
    const Found found = find(link, static_cast<std::uint64_t>(seed));
    right += std::abs(std::log(found.estimate / link.rate)) < std::log(1.03);
    covered += found.low <= link.rate && link.rate <= found.high;
    trials += static_cast<double>(found.trials) / kSeeds;
    EXPECT_LE(found.trials, kSearch.trials);
  }
  EXPECT_GE(right, kSeeds * GetParam().right);
  EXPECT_GE(covered, kSeeds * GetParam().covered);
  EXPECT_LE(trials, GetParam().trials);
}

INSTANTIATE_TEST_SUITE_P(
    Links, SimulatedLinkTest,
    testing::Values(Scenario{"a step", {}, 0.95, 0.98, 24},
                    Scenario{"a step with loss spikes", {.spikes = 0.05}, 0.95, 0.97, 30},
                    Scenario{"many spikes", {.spikes = 0.2}, 0.95, 0.95, 50},
                    Scenario{"an S of 0.5 %", {.width = 0.005}, 0.97, 0.95, 50},
                    Scenario{"an S of 2 %", {.width = 0.02}, 0.95, 0.93, 60}),
    [](const auto& scenario) { return fmt::format("link{}", scenario.index); });

TEST(ThresholdEstimate, DoesNotDependOnTheOrderOfTheTrials) {
  ThresholdEstimate there(10e6, 1e9, 0.02), back(10e6, 1e9, 0.02);
  const std::vector<std::pair<double, bool>> trials = {{100e6, false}, {30e6, true}, {55e6, true},
                                                       {75e6, false},  {60e6, true}, {20e6, false}};
  for (const auto& [value, kept] : trials) there.add(value, kept);
  for (auto trial = trials.rbegin(); trial != trials.rend(); ++trial)
    back.add(trial->first, trial->second);
  EXPECT_NEAR(there.quantile(0.5) / back.quantile(0.5), 1, 1e-9);
  EXPECT_NEAR(there.quantile(0.975) / back.quantile(0.975), 1, 1e-9);
}

TEST(ThresholdEstimate, ALossSpikeFarBelowTheRateIsRecovered) {
  std::mt19937_64 random(3);
  const Link link;
  ThresholdEstimate threshold(10e6, 10e9, 0.02);
  for (int i = 0; i < 30; ++i) {
    const double value = threshold.next();
    threshold.add(value, i != 3 && link.keeps(value, random));
  }
  EXPECT_NEAR(threshold.quantile(0.5) / link.rate, 1, 0.03);
}

TEST(ThresholdEstimate, NeverTriesAValueOutsideItsBounds) {
  for (const bool kept : {true, false}) {
    ThresholdEstimate threshold(10e6, 11e6, 0.02);
    for (int i = 0; i < 200; ++i) {
      const double value = threshold.next();
      ASSERT_THAT(value, AllOf(Ge(10e6), Le(11e6)));
      threshold.add(value, kept);
    }
  }
}

// Runs a search from rows. Returns its state.
SearchState run_search(const Link& link, Search search = kSearch, std::uint64_t seed = 1) {
  Case c = searched_case(search);
  SearchState state(c, kLossFree);
  std::mt19937_64 random(seed);
  std::uint64_t block = 0;
  while (const auto value = state.next())
    add(state, trial_of(c, ++block, *value, link.keeps(*value, random)));
  return state;
}

TEST(SearchState, EndsWhenThePrecisionIsReached) {
  const SearchResult result = run_search({}).result();
  EXPECT_EQ(result.end, SearchEnd::precision);
  EXPECT_NEAR(*result.estimate / 94.3e6, 1, 0.03);
  EXPECT_LE(*result.high - *result.low, 2 * 0.02 * *result.estimate);
  EXPECT_EQ(result.count(true) + result.count(false), result.tried.size());
  EXPECT_EQ(result.tried.front().block, 1u);
}

TEST(SearchState, EndsAfterItsTrialsWithTheIntervalAsWideAsItIs) {
  const SearchResult result =
      run_search({.width = 0.3}, {.from = 10e6, .to = 1e9, .trials = 12}).result();
  EXPECT_EQ(result.end, SearchEnd::trials);
  EXPECT_EQ(result.tried.size(), 12u);
  EXPECT_EQ(result.explanation, "not known to ±2% after 12 trials");
}

TEST(SearchState, EndsIfEvenTheLowestValueIsNotKept) {
  const SearchResult result = run_search({.rate = 1e6}).result();
  EXPECT_EQ(result.end, SearchEnd::from_not_kept);
  EXPECT_FALSE(result.estimate);
  EXPECT_FALSE(result.low);
  EXPECT_EQ(result.high, 10e6);
  EXPECT_EQ(estimate_text(result), "below 10 Mbit/s");
  EXPECT_LT(result.tried.size(), 40u);
}

TEST(SearchState, EndsIfTheHighestValueIsKept) {
  const SearchResult result = run_search({.rate = 1e12}).result();
  EXPECT_EQ(result.end, SearchEnd::to_kept);
  EXPECT_FALSE(result.estimate);
  EXPECT_EQ(result.low, 10e9);
  EXPECT_EQ(result.tried.back().value, 10e9);
}

TEST(SearchState, FailedTrialsAreNoEvidenceAndSeveralInARowEndIt) {
  Case c = searched_case();
  SearchState state(c, kLossFree);
  const double first = *state.next();
  for (std::uint64_t block = 1; block <= 4; ++block) add(state, Samples::failed(c, block));
  EXPECT_EQ(state.next(), first);
  add(state, trial_of(c, 5, first, true));
  for (std::uint64_t block = 6; block <= 9; ++block) add(state, Samples::failed(c, block));
  EXPECT_TRUE(state.next());
  add(state, Samples::failed(c, 10));
  EXPECT_FALSE(state.next());
  const SearchResult result = state.result();
  EXPECT_EQ(result.end, SearchEnd::no_evidence);
  EXPECT_THAT(result.explanation, StartsWith("5 trials in a row were no evidence"));
  EXPECT_THAT(result.explanation, HasSubstr("broke"));
  EXPECT_EQ(result.count(std::nullopt), 9u);
}

TEST(SearchState, ATrialWithoutTheMetricIsNoEvidence) {
  Case c = searched_case();
  SearchState state(c, kLossFree);
  TrialRecord record = trial_of(c, 1, 50e6, true);
  record.server.datagrams_lost.reset();
  add(state, record);
  EXPECT_EQ(state.result().tried.front().kept, std::nullopt);
  EXPECT_EQ(state.result().tried.front().note, "no loss_ratio");
}

TEST(SearchState, ASenderThatDoesNotReachTheRateDoesNotKeepIt) {
  Case c = searched_case();
  SearchState state(c, kLossFree);
  TrialRecord record = trial_of(c, 1, 1e9, true);
  record.client.bytes_sent = 1e9 / 8 * 0.97;
  add(state, record);
  EXPECT_EQ(state.result().tried.front().kept, false);
  EXPECT_EQ(state.result().tried.front().note, "the sender reached 970 Mbit/s");
  add(state, trial_of(c, 2, 1e9, true));
  EXPECT_EQ(state.result().tried.back().kept, true);
}

TEST(SearchState, EveryConditionMustBeKept) {
  Case c = searched_case();
  SearchState state(c, {{"loss_ratio", 0.2, true}, {"throughput_bps", 40e6, false}});
  add(state, trial_of(c, 1, 50e6, false));
  add(state, trial_of(c, 2, 30e6, true));
  EXPECT_EQ(state.result().tried[0].kept, true);
  EXPECT_EQ(state.result().tried[1].kept, false);
}

constexpr const char* kExperiment = R"(
name: x
plan: {repetitions: 2}
workloads:
  udp:
    kind: throughput
    transport: udp
    matrix: {engine: [blocking, epoll]}
    search: {parameter: rate, from: 10mbit, to: 10gbit, keep: {loss_ratio: 0}, trials: 40}
  bulk: {kind: throughput, engine: blocking}
)";

// Runs the searches of an experiment on links of different rates. Returns all rows.
std::string run_all(Experiment& experiment, Searches& searches, std::uint64_t first_block,
                    std::uint64_t last_block) {
  std::string rows;
  for (std::uint64_t block = first_block; block <= last_block; ++block)
    for (Case& c : experiment.cases) {
      const auto value = c.search ? searches.next(c.name) : std::nullopt;
      if (!value) continue;
      std::mt19937_64 random(block);
      const Link link{.rate = c.options->engine == "epoll" ? 300e6 : 2e9};
      const std::string row = trial_row(trial_of(c, block, *value, link.keeps(*value, random)));
      searches.add(table_of(row));
      rows += row;
    }
  return rows;
}

TEST(Searches, AResumedRunGoesOnFromItsRows) {
  Experiment experiment = parse_experiment(kExperiment, "test");
  const Criteria criteria = read_criteria(experiment);
  Searches whole(experiment.cases, criteria, table_of(""));
  const std::string all = run_all(experiment, whole, 1, 40);
  Searches begun(experiment.cases, criteria, table_of(""));
  const std::string first = run_all(experiment, begun, 1, 7);
  Searches resumed(experiment.cases, criteria, table_of(first));
  EXPECT_EQ(first + run_all(experiment, resumed, 8, 40), all);
  EXPECT_EQ(searches_csv(resumed.results()), searches_csv(whole.results()));
  ASSERT_EQ(whole.results().size(), 2u);
  for (const SearchResult& result : whole.results()) EXPECT_EQ(result.end, SearchEnd::precision);
}

TEST(Searches, LeaveOutInterruptedTrials) {
  Experiment experiment = parse_experiment(kExperiment, "test");
  const Case& c = experiment.cases.front();
  const std::string row = trial_row(Samples::failed(c, 1, Status::interrupted));
  EXPECT_THAT(Searches(experiment.cases, read_criteria(experiment), table_of(row)).results(),
              IsEmpty());
}

TEST(Searches, NoStatisticMixesTheirTrials) {
  Experiment experiment = parse_experiment(kExperiment, "test");
  Searches searches(experiment.cases, read_criteria(experiment), table_of(""));
  const TrialTable trials = table_of(run_all(experiment, searches, 1, 6) +
                                     trial_row(Samples::transfer(experiment.cases[2], 1, 1000)));
  EXPECT_TRUE(trials.is_searched("udp/engine=epoll"));
  EXPECT_FALSE(trials.is_searched("bulk"));
  EXPECT_THAT(trials.values("udp/engine=epoll", "throughput_bps"), IsEmpty());
  for (const SummaryRow& row : summarize(trials)) EXPECT_EQ(row.case_name, "bulk");
}

TEST(Searches, TheTableHasEstimateIntervalAndReason) {
  const std::vector<SearchResult> results = {run_search({}).result(),
                                             run_search({.rate = 1e6}).result()};
  const std::string text = searches_table(results, {});
  EXPECT_THAT(text, HasSubstr("loss_ratio at most 0%"));
  EXPECT_THAT(text, HasSubstr("precision"));
  EXPECT_THAT(text, HasSubstr("udp: even 10 Mbit/s does not keep it"));
  EXPECT_EQ(searches_table({}, {}), "");
  const CsvTable table = CsvTable::parse(searches_csv(results), "searches.csv");
  EXPECT_EQ(table.rows()[0][table.column("condition")], "loss_ratio <= 0");
  EXPECT_EQ(table.rows()[0][table.column("ended_because")], "precision");
  EXPECT_EQ(table.rows()[1][table.column("estimate")], "");
  EXPECT_EQ(table.rows()[1][table.column("high")], "10000000");
}

}  // namespace
}  // namespace pingperf
