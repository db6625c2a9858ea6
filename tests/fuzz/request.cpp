// Fuzzes a line from a controller. Any bytes give a request or a one-line error. A request does not
// change when it is encoded and decoded.
#include "harness/agent/protocol.h"
#include "tests/fuzz/fuzz.h"

using namespace pingperf;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    const std::string line = encode(decode_request(text_of(data, size)));
    require(line.find('\n') == std::string::npos, "a request is one line");
    require(encode(decode_request(line)) == line, "a request survives its encoding");
  } catch (const ProtocolError& e) {
    require_one_line(e.what());
  }
  return 0;
}
