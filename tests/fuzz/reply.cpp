// Fuzzes a line from an agent. Any bytes give an event or a one-line error. An event does not
// change when it is encoded and decoded.
#include "harness/agent/protocol.h"
#include "tests/fuzz/fuzz.h"

using namespace pingperf;

namespace {

// Computes what the controller computes from the histogram of a latency trial.
void summarize_rtt(const Event& event) {
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
    summarize_rtt(event);
    endpoint_of(event);
    const std::string line = encode(event);
    require(line.find('\n') == std::string::npos, "an event is one line");
    require(encode(decode_event(line)) == line, "an event survives its encoding");
  } catch (const ProtocolError& e) {
    require_one_line(e.what());
  }
  return 0;
}
