// A line from an agent: an event, which says the same when it is encoded again, or an error.
#include "harness/agent/protocol.h"
#include "tests/fuzz/fuzz.h"

using namespace pingperf;

namespace {

// What the controller makes of a latency trial's figures.
void look_at(const Event& event) {
  const auto* const result = std::get_if<Result>(&event);
  if (result == nullptr || !result->measurement.rtt) return;
  const Histogram& h = *result->measurement.rtt;
  for (const double q : {0.0, 0.5, 0.999, 1.0})
    require(h.quantile(q) <= h.max(), "a percentile is at most the maximum");
  h.stddev();
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    const Event event = decode_event(text_of(data, size));
    look_at(event);
    endpoint_of(event);
    const std::string line = encode(event);
    require(line.find('\n') == std::string::npos, "an event is one line");
    require(encode(decode_event(line)) == line, "an event survives its encoding");
  } catch (const ProtocolError& e) {
    require_one_line(e.what());
  }
  return 0;
}
