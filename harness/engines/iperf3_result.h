// Reads the JSON of libiperf as a Measurement. Does not call libiperf.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "sockets/core/options.h"
#include "sockets/measure/measurement.h"

namespace pingperf {

// libiperf runs whole seconds, but an experiment can have any length. So a test omits the whole
// seconds of the warmup and runs long enough for the rest. The window is cut from its intervals.
struct Iperf3Schedule {
  int omit_s = 0;                         // warmup that libiperf omits
  Nanoseconds rest = 0;                   // warmup that is cut from the intervals
  std::optional<Nanoseconds> duration{};  // empty: to the end of the test
  int run_s = 0;  // libiperf's duration without the omission; 0: a limit of bytes

  // With an external server, the warmup is rounded up to whole seconds. Then it need not be cut,
  // and the server's sums cover the window.
  explicit Iperf3Schedule(const Options& options, bool external = false);

  // Returns true if the measured window is about as long as the planned one.
  bool matches(const Measurement& m) const;

  // Returns true if the window is the whole test without its omission.
  bool window_is_whole() const { return rest == 0 && (!duration || *duration == run_s * kSecond); }
};

inline constexpr Nanoseconds kIperf3Interval = 100 * kMillisecond;  // libiperf's minimum

// Returns libiperf's message as one line: "iperf3: the server is busy running a test. try again
// later".
std::string iperf3_error(std::string_view text);

// Reads the JSON of one end. The "sender" mark of each stream distinguishes sent and received
// bytes. Sets the error if the JSON has one, is truncated, or does not cover the window.
Measurement read_iperf3_result(std::string_view json, const Iperf3Schedule& schedule);

// Reads an event of libiperf's JSON stream. Returns the bytes and times of an interval of the
// window. Returns nothing for other events and other intervals.
std::optional<Interval> read_iperf3_event(std::string_view json, const Iperf3Schedule& schedule);

// Reads the server's figures from the client's JSON: from the server's own JSON if it is included
// and has intervals of the window, else from its sums of the whole test if they cover the window.
// Figures that neither has stay empty.
Measurement read_iperf3_server(std::string_view json, const Iperf3Schedule& schedule,
                               const Options& options);

}  // namespace pingperf
