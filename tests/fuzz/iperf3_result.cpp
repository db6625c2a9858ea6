// Fuzzes libiperf's JSON, which holds text from the remote end. Any text gives a measurement that
// an agent can send.
#include "harness/engines/iperf3_result.h"

#include "harness/agent/protocol.h"
#include "tests/fuzz/fuzz.h"

using namespace pingperf;

namespace {

Options options_of(unsigned choice) {
  Options o;
  o.message_size = 1400;
  o.warmup = choice & 1 ? kSecond : 300 * kMillisecond;
  if (choice & 2) o.duration = kSecond;
  o.transport = choice & 4 ? Transport::udp : Transport::tcp;
  o.reverse = (choice & 8) != 0;
  o.bidirectional = (choice & 16) != 0;
  return o;
}

void encode_and_decode(const Measurement& m) {
  if (!m.error.empty()) require_one_line(m.error);
  const std::string line = encode(Event(Result{1, m}));
  decode_event(line);
}

}  // namespace

// The first byte selects the options.
int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const Options options = options_of(data[0]);
  const Iperf3Schedule schedule(options);
  const std::string json = text_of(data + 1, size - 1);
  encode_and_decode(read_iperf3_result(json, schedule));
  encode_and_decode(read_iperf3_server(json, schedule, options));
  return 0;
}
