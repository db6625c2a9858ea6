// What libiperf tells of a test, in its JSON, as a Measurement. Pure: no libiperf here.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "sockets/core/options.h"
#include "sockets/measure/measurement.h"

namespace pingperf {

// libiperf counts whole seconds, an experiment asks for any length. So a test omits the whole
// seconds of the warmup, runs long enough for the rest, and the window is cut from its intervals.
struct Iperf3Schedule {
  int omit_s = 0;                         // left out by libiperf itself
  Nanoseconds rest = 0;                   // of the warmup, cut off here
  std::optional<Nanoseconds> duration{};  // empty: to the end of the test
  int run_s = 0;  // what libiperf is told, omit not included; 0: a limit of bytes

  // With an external server whole seconds of the warmup are omitted, rounded up: then it needs not
  // be cut, and what the server tells of its whole test is of the window.
  explicit Iperf3Schedule(const Options& options, bool external = false);

  // True when the window is all of the test that is not omitted.
  bool window_is_whole() const { return rest == 0 && (!duration || *duration == run_s * kSecond); }
};

inline constexpr Nanoseconds kIperf3Interval = 100 * kMillisecond;  // its smallest

// libiperf's message as one line: "iperf3: the server is busy running a test. try again later".
std::string iperf3_error(std::string_view text);

// Reads the JSON of one end. What that end sent and received is told apart by the "sender" mark of
// every stream. The error is set when the JSON holds one, is cut short, or covers no window.
Measurement read_iperf3_result(std::string_view json, const Iperf3Schedule& schedule);

// What the client's JSON tells of the server: its own JSON when it is in there and has intervals of
// the window; else its sums of the whole test, as far as they are of the window. What neither says
// stays empty.
Measurement read_iperf3_server(std::string_view json, const Iperf3Schedule& schedule,
                               const Options& options);

}  // namespace pingperf
