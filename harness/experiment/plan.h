// Plan: the order in which the trials of an experiment run.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "harness/experiment/experiment.h"

namespace pingperf {

// One repetition of a case.
struct Trial {
  std::size_t case_index;   // into Experiment::cases
  std::uint64_t block;      // from 1; block k has repetition k of every case
  std::uint64_t position;   // from 1, in the whole plan
  std::uint64_t round = 0;  // trials of one round run at once, each on another pair of hosts
};

enum class End { client, server };

std::string_view name(End end);

// How a trial ended. refused: an end cannot start it (port busy, engine unavailable).
enum class Status { ok, failed, timeout, interrupted, refused };

std::string_view name(Status status);

// How long a background runs before the measured endpoints start: its warmup, if its engine has
// one.
inline constexpr Nanoseconds kBackgroundLead = kSecond;

// Returns the plan. Each block has every case once, shuffled with the experiment's seed or in file
// order. The trials of a variant stay together, in shuffled order of the variants. Trials that run
// at once stay together. A searched case has one trial per block, up to `search.trials`. If that
// exceeds `blocks`, the last blocks have only searched cases. Pure: the same experiment gives the
// same plan on every machine, and without searches a plan of more blocks begins with the plan of
// fewer blocks.
std::vector<Trial> plan_trials(const Experiment& experiment, std::uint64_t blocks);
// Returns the plan for the experiment's repetitions.
std::vector<Trial> plan_trials(const Experiment& experiment);

// Returns the least time that a trial of the case takes: the warmup and the duration. libiperf
// rounds their sum up to whole seconds, or each of them if its server is external. With a
// background, returns the background's time, which is longer.
Nanoseconds expected_length(const Case& c, bool external);

// Returns the planned length of a switch to a variant: its settling time, and a guess for commands.
Nanoseconds expected_switch(const Variant& variant);

// Returns the planned length of `trials` with the cooldown after each and the switches of variants,
// at most a year.
Nanoseconds expected_length(const Experiment& experiment, const std::vector<Trial>& trials);

// Returns the time after which a trial of the case is ended as timed out.
Nanoseconds trial_timeout(const Experiment& experiment, const Case& c);

}  // namespace pingperf
