// What libiperf tells of a test, in its JSON, as a Measurement. Pure: no libiperf here.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "sockets/measurement.h"
#include "sockets/options.h"

namespace pingperf {

// libiperf counts whole seconds, an experiment asks for any length. So a test omits the whole
// seconds of the warmup, runs long enough for the rest, and the window is cut from its intervals.
struct Iperf3Schedule {
  int omit_s = 0;                         // left out by libiperf itself
  Nanoseconds rest = 0;                   // of the warmup, cut off here
  std::optional<Nanoseconds> duration{};  // empty: to the end of the test
  int run_s = 0;  // what libiperf is told, omit not included; 0: a limit of bytes

  explicit Iperf3Schedule(const Options& options);
};

inline constexpr Nanoseconds kIperf3Interval = 100 * kMillisecond;  // its smallest

// libiperf's message as one line: "iperf3: the server is busy running a test. try again later".
std::string iperf3_error(std::string_view text);

// Reads the JSON of one end. What that end sent and received is told apart by the "sender" mark of
// every stream. The error is set when the JSON holds one, is cut short, or covers no window.
Measurement read_iperf3_result(std::string_view json, const Iperf3Schedule& schedule);

}  // namespace pingperf
