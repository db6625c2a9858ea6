// The counters in the texts of /proc, and their changes between two texts.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "harness/base/counter.h"

namespace pingperf {

using CounterValues = std::map<std::string, std::uint64_t, std::less<>>;  // by name

// Returns the counters in the text of a source's file. Adds up those of one name. Leaves out lines
// that it does not know, and gauges. `prefix` begins each name. If `per_cpu`, interrupts and
// softirqs have one counter per CPU each; else only NET_RX and NET_TX have. A time of `pressure` is
// in microseconds.
CounterValues parse_counters(CounterSource source, std::string_view text, bool per_cpu = false,
                             std::string_view prefix = "");

// Returns `after` minus `before`. Counters of 32 bits, and sums of them, may have wrapped: those of
// softnet_stat, interrupts and softirqs, and on a kernel of 32 bits the others, too. The difference
// is negative if the value became smaller in another way.
std::int64_t difference(CounterSource source, std::uint64_t before, std::uint64_t after);

// Returns the counters that have changed. A counter that `before` lacks was 0.
std::vector<CounterChange> changes_between(CounterSource source, const CounterValues& before,
                                           const CounterValues& after);

}  // namespace pingperf
