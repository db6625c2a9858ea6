#include "sockets/measure/measurement.h"

#include <array>

namespace pingperf {

std::string_view name(Span span) {
  static constexpr std::array<std::string_view, kSpans> names = {
      "naive",          "connect",          "first_byte",    "close",
      "app_to_kernel",  "kernel_to_kernel", "kernel_to_app", "turnaround",
      "oneway_forward", "oneway_reverse",   "send_gap",      "handshake",
      "frame"};
  return names[static_cast<std::size_t>(span)];
}

}  // namespace pingperf
