// Simulates experiments and prints how often their verdicts are right: Markdown tables for
// docs/statistics.md. The only argument is the number of experiments per cell.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <functional>

#include "bench/calibration/simulation.h"

namespace {

using namespace pingperf;

std::size_t count = 2000;
std::uint64_t cell = 0;  // each has its own seed

Experiments experiments(std::size_t trials, double change = 1) {
  return {count, trials, change, ++cell};
}

std::string percent(double share) {
  return fmt::format("{:.1f}", 100 * share);
}

std::string rounded(double share) {
  return fmt::format("{:.0f}", 100 * share);
}

// Returns the largest share over the numbers of trials per run.
double worst(const std::function<double(std::size_t)>& share_at) {
  double most = 0;
  for (std::size_t trials : {6, 10, 20}) most = std::max(most, share_at(trials));
  return most;
}

// Prints a table with a row per setting and a column per design.
void print_table(const std::string& title, const std::vector<Design>& designs,
                 const std::vector<Setting>& settings,
                 const std::function<std::string(const Setting&, const Design&)>& cell_of) {
  fmt::print("\n{}:\n\n| |", title);
  for (const Design& design : designs) fmt::print(" {} |", design.name);
  fmt::print("\n|---|");
  for (std::size_t i = 0; i < designs.size(); ++i) fmt::print("---|");
  fmt::print("\n");
  for (const Setting& setting : settings) {
    fmt::print("| {} |", setting.name);
    for (const Design& design : designs) fmt::print(" {} |", cell_of(setting, design));
    fmt::print("\n");
    std::fflush(stdout);
  }
}

std::string alarms(const Setting& setting, const Design& design) {
  return percent(worst([&](std::size_t trials) {
    return simulate_comparisons(setting, design, experiments(trials)).found();
  }));
}

std::string wrongly_same(const Setting& setting, const Design& design) {
  return percent(worst([&](std::size_t trials) {
    const Rates rates = simulate_comparisons(setting, design, experiments(trials, 1 / 1.06));
    return rates.share(rates.same);
  }));
}

std::string found(const Setting& setting, const Design& design) {
  std::string text;
  for (double change : {1 / 1.1, 1 / 1.25}) {
    const Rates rates = simulate_comparisons(setting, design, experiments(10, change));
    text += (text.empty() ? "" : " / ") + rounded(rates.share(rates.slower));
  }
  return text;
}

// "failed / passed" on the bound. Values in steps can be on their bound exactly, so passing is
// right.
std::string sides(const Setting& setting, const Rates& rates) {
  const std::string passed = setting.step > 0 ? "-" : percent(rates.share(rates.passed));
  return percent(rates.share(rates.failed)) + " / " + passed;
}

void print_gates(const std::vector<Setting>& settings) {
  fmt::print(
      "\nGates on their bound, failed / passed, %:\n\n"
      "| | ratio, 10 blocks | ratio, 20 | ratio, 10 to 80 in 4 looks | median, 10 | median, 20 |\n"
      "|---|---|---|---|---|---|\n");
  for (const Setting& setting : settings) {
    fmt::print("| {} | {} | {} | {} |", setting.name,
               sides(setting, simulate_ratio_gates(setting, experiments(10))),
               sides(setting, simulate_ratio_gates(setting, experiments(20))),
               sides(setting, simulate_ratio_gates(setting, experiments(10), 4)));
    const bool is_of_machine = setting.correlation > 0 || setting.drift > 0 ||
                               setting.sticky_ratio > 1 || setting.session_sd > 0 ||
                               setting.engine_session_sd > 0;
    if (is_of_machine || setting.new_noise != 1)  // a median of this session: no bound is the truth
      fmt::print(" - | - |\n");
    else
      fmt::print(" {} | {} |\n", sides(setting, simulate_absolute_gates(setting, experiments(10))),
                 sides(setting, simulate_absolute_gates(setting, experiments(20))));
    std::fflush(stdout);
  }
}

void print_power(const std::vector<Design>& designs) {
  const std::vector<Setting> settings{
      simulated_setting("normal, sd 5 %"), simulated_setting("normal, sd 15 %"),
      simulated_setting("sessions, sd 3 %"), simulated_setting("sessions, sd 6 %")};
  print_table("Found at detectable_ratio, %, the least of 6, 10 and 20 trials", designs, settings,
              [](const Setting& setting, const Design& design) {
                double least = 1;
                for (std::size_t trials : {6, 10, 20}) {
                  const double change = 1 / true_detectable_ratio(setting, design, trials);
                  const Rates rates =
                      simulate_comparisons(setting, design, experiments(trials, change));
                  least = std::min(least, rates.share(rates.slower));
                }
                return percent(least);
              });
}

void print_families() {
  fmt::print(
      "\nFamilies with 10 trials per run, %:\n\n"
      "| | an alarm in ten rows without a change, beside ten with a warning | a tenfold change "
      "found "
      "beside nine rows without a change |\n|---|---|---|\n");
  const Setting& sessions = simulated_setting("sessions, sd 3 %");
  for (const char* name : {"within a run", "3 + 3", "5 + 1", "5 + 5", "10 + 1"}) {
    const Design& design = simulated_design(name);
    Experiments e = experiments(10);
    const double alarms_in = simulate_families(sessions, design, e).found();
    e.count = std::max<std::size_t>(1, count / 10);
    fmt::print("| {} | {} | {} |\n", name, percent(alarms_in),
               rounded(simulate_one_of_family(sessions, design, 9, e).found()));
    std::fflush(stdout);
  }
}

void print_more_runs() {
  fmt::print(
      "\nFound with more runs, sessions, sd 3 %, 10 trials per run, + 10 %, %:\n\n"
      "| 3 + 3 | 4 + 4 | 5 + 5 | 7 + 7 | 10 + 10 |\n|---|---|---|---|---|\n|");
  for (std::size_t runs : {3, 4, 5, 7, 10}) {
    const Experiments e = experiments(10, 1 / 1.1);
    const Design design{.name = "", .base_runs = runs, .new_runs = runs};
    fmt::print(
        " {} |",
        percent(simulate_comparisons(simulated_setting("sessions, sd 3 %"), design, e).found()));
  }
  fmt::print("\n");
}

}  // namespace

int main(int argc, char** argv) {
  if (argc > 1) std::from_chars(argv[1], argv[1] + std::strlen(argv[1]), count);
  std::vector<Design> designs = simulated_designs();
  std::erase_if(designs,
                [](const Design& design) { return design.name == "1 + 1"; });  // no verdict
  const std::vector<Setting> settings = simulated_settings();
  print_table("False alarms, %, the most of 6, 10 and 20 trials per run", designs, settings,
              alarms);
  print_table("Found, 10 % / 25 % more time, 10 trials per run", designs, settings, found);
  print_table("Same although 6 % slower, %, the most of 6, 10 and 20 trials per run", designs,
              settings, wrongly_same);
  print_gates(settings);
  print_power(designs);
  print_families();
  print_more_runs();
  return 0;
}
