// Plan: the order in which the trials of an experiment run.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "harness/experiment/experiment.h"

namespace pingperf {

// One repetition of a case.
struct Trial {
  std::size_t case_index;  // into Experiment::cases
  std::uint64_t block;  // from 1; equals the repetition: repetition k of every case is in block k
  std::uint64_t position;   // from 1, in the whole plan
  std::uint64_t round = 0;  // trials of one round run at once, each on its own pair of hosts
};

enum class End { client, server };

std::string_view name(End end);

// How a trial ended. refused: an end would not start it (port busy, engine unavailable there).
enum class Status { ok, failed, timeout, interrupted, refused };

std::string_view name(Status status);

// Block after block, each a pass over all cases: shuffled with the experiment's seed, or in file
// order; what runs at once stays together. Pure: the same experiment gives the same plan on every
// machine, and one of more blocks begins with that of fewer.
std::vector<Trial> plan_trials(const Experiment& experiment, std::uint64_t blocks);
// Of its repetitions.
std::vector<Trial> plan_trials(const Experiment& experiment);

// The least time that a trial of the case takes: warmup and duration, as its engine runs them;
// libiperf counts whole seconds, of each by itself when its server is external. With a background:
// what that takes, which lasts longer.
Nanoseconds expected_length(const Case& c, bool external);

// The planned length of `trials`, the cooldown after each included; at most a year.
Nanoseconds expected_length(const Experiment& experiment, const std::vector<Trial>& trials);

// When a trial of the case is ended as timed out, from its start.
Nanoseconds trial_timeout(const Experiment& experiment, const Case& c);

}  // namespace pingperf
