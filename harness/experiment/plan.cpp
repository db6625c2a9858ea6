#include "harness/experiment/plan.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <map>
#include <random>

namespace pingperf {
namespace {

// Returns a uniform number in [0, bound). Discards draws that would favour small values.
std::uint64_t draw_below(std::mt19937_64& random, std::uint64_t bound) {
  const std::uint64_t unfair = (0 - bound) % bound;  // 2^64 mod bound
  std::uint64_t draw;
  do draw = random();
  while (draw < unfair);
  return draw % bound;
}

// Fisher–Yates. Not std::shuffle, because its order differs between standard libraries.
template <typename T>
void shuffle(std::vector<T>& order, std::mt19937_64& random) {
  for (std::size_t i = order.size(); i > 1; --i)
    std::swap(order[i - 1], order[draw_below(random, i)]);
}

// Cases that run at once, as a range of Experiment::cases.
struct Round {
  std::size_t begin;
  std::size_t end;
};

// Returns true if the cases differ only in the pair of hosts that they run on.
bool is_same_elsewhere(const Case& a, const Case& b) {
  return (a.pair != b.pair || b.is_sum) && a.workload == b.workload &&
         a.axes.size() == b.axes.size() &&
         std::equal(a.axes.begin(), std::prev(a.axes.end()), b.axes.begin());
}

std::vector<Round> rounds_of(const Experiment& experiment) {
  const std::vector<Case>& cases = experiment.cases;
  std::vector<Round> rounds;
  for (std::size_t i = 0; i < cases.size(); ++i) {
    const bool joins = !rounds.empty() &&
                       (i - rounds.back().begin < experiment.pairs_at_once || cases[i].is_sum) &&
                       is_same_elsewhere(cases[rounds.back().begin], cases[i]) &&
                       experiment.hosts_of(cases[rounds.back().begin]).group ==
                           experiment.hosts_of(cases[i]).group;
    if (joins)
      ++rounds.back().end;
    else
      rounds.push_back({i, i + 1});
  }
  return rounds;
}

// Returns the rounds of each variant, in the order of the file.
std::vector<std::vector<Round>> rounds_by_variant(const Experiment& experiment) {
  std::vector<std::vector<Round>> groups;
  std::map<const Variant*, std::size_t> places;
  for (const Round& round : rounds_of(experiment)) {
    const Variant* const variant = experiment.cases[round.begin].variant.get();
    const std::size_t place = places.try_emplace(variant, groups.size()).first->second;
    if (place == groups.size()) groups.emplace_back();
    groups[place].push_back(round);
  }
  return groups;
}

// Returns true if the case has a trial in the block. A search has at most `search->trials` trials.
bool has_trial(const Case& c, std::uint64_t block, std::uint64_t blocks) {
  return block <= (c.search ? c.search->trials : blocks);
}

}  // namespace

std::vector<Trial> plan_trials(const Experiment& experiment) {
  return plan_trials(experiment, experiment.plan.repetitions);
}

std::vector<Trial> plan_trials(const Experiment& experiment, std::uint64_t blocks) {
  std::vector<Trial> plan;
  plan.reserve(experiment.cases.size() * blocks);
  const std::vector<std::vector<Round>> groups = rounds_by_variant(experiment);
  std::mt19937_64 random(experiment.plan.seed);
  std::uint64_t number = 0, last = blocks;
  for (const Case& c : experiment.cases)
    if (c.search) last = std::max(last, c.search->trials);
  for (std::uint64_t block = 1; block <= last; ++block) {
    std::vector<std::vector<Round>> order = groups;
    if (experiment.plan.order == Order::shuffled) {
      if (order.size() > 1) shuffle(order, random);
      for (std::vector<Round>& rounds : order) shuffle(rounds, random);
    }
    for (const std::vector<Round>& rounds : order)
      for (const Round& round : rounds) {
        ++number;
        for (std::size_t i = round.begin; i < round.end; ++i)
          if (has_trial(experiment.cases[i], block, blocks))
            plan.push_back({i, block, plan.size() + 1, number});
      }
  }
  return plan;
}

Nanoseconds expected_length(const Case& c, bool external) {
  if (c.background) return expected_length(*c.background, external);
  const Options& options = *c.options;
  const auto whole = [](Nanoseconds time) { return (time + kSecond - 1) / kSecond * kSecond; };
  const Nanoseconds measured = options.duration.value_or(kSecond);  // a guess if bytes limit it
  const Nanoseconds warmup = options.warmup.value_or(0);
  if (options.engine != "iperf3") return warmup + measured;
  return external ? whole(warmup) + whole(measured) : whole(warmup + measured);
}

Nanoseconds expected_switch(const Variant& variant) {
  constexpr Nanoseconds kCommand = 20 * kMillisecond;
  std::size_t commands = variant.services.size();
  for (const SystemChanges& changes : variant.changes) commands += commands_of(changes).size();
  return variant.settling_time() + static_cast<Nanoseconds>(commands) * kCommand;
}

Nanoseconds expected_length(const Experiment& experiment, const std::vector<Trial>& trials) {
  constexpr Nanoseconds kYear = 365 * 86400 * kSecond;
  Nanoseconds sum = 0;
  const Variant* present = nullptr;
  for (auto trial = trials.begin(); trial != trials.end();) {
    const Variant* const variant = experiment.cases[trial->case_index].variant.get();
    if (variant && variant != present) sum += expected_switch(*variant);
    present = variant;
    Nanoseconds longest = 0;
    for (const std::uint64_t round = trial->round; trial != trials.end() && trial->round == round;
         ++trial) {
      const Case& c = experiment.cases[trial->case_index];
      longest = std::max(longest, expected_length(c, experiment.is_external(c)));
    }
    sum = std::min(kYear, sum + longest + experiment.plan.cooldown);
  }
  return sum;
}

Nanoseconds trial_timeout(const Experiment& experiment, const Case& c) {
  if (experiment.plan.timeout) return *experiment.plan.timeout;
  return expected_length(c, experiment.is_external(c)) +
         (is_limited(*c.options) ? 60 * kSecond : 10 * kSecond);
}

std::string_view name(End end) {
  return end == End::client ? "client" : "server";
}

std::string_view name(Status status) {
  static constexpr std::array<std::string_view, 5> names = {"ok", "failed", "timeout",
                                                            "interrupted", "refused"};
  return names[static_cast<std::size_t>(status)];
}

}  // namespace pingperf
