// Fuzzes what the sockets receive: tokens, hellos, marks, sequence numbers and timestamps. The
// input is a list of datagrams, each preceded by its length in one byte.
#include <cstring>
#include <memory>
#include <vector>

#include "sockets/latency/flow_pingpong.h"
#include "sockets/latency/stamped_pingpong.h"
#include "sockets/throughput/datagram_transfer.h"
#include "sockets/transport/raw.h"
#include "tests/fuzz/fuzz.h"

using namespace pingperf;

namespace {

constexpr std::size_t kMessage = 64;
constexpr Token kToken = {'p', 'i', 'n', 'g', 'p', 'e', 'r', 'f'};

std::vector<std::vector<char>> datagrams_in(const std::string& input) {
  std::vector<std::vector<char>> datagrams;
  for (std::size_t at = 0; at < input.size();) {
    const std::size_t length =
        std::min<std::size_t>(static_cast<unsigned char>(input[at]), input.size() - at - 1);
    const char* const begin = input.data() + at + 1;
    datagrams.emplace_back(begin, begin + length);
    at += 1 + length;
  }
  return datagrams;
}

Options options() {
  Options o;
  o.message_size = kMessage;
  o.duration = kSecond;
  return o;
}

// Receives as the sink of a bulk transfer. The flow has no descriptor, so it sends nothing.
void receive(const std::vector<std::vector<char>>& datagrams, bool verify) {
  Meter meter(options());
  const auto flow = std::make_unique<Flow>();
  flow->outgoing.assign(kMessage, 'x');
  flow->is_server = true;
  DatagramSink sink(*flow, meter, verify);
  Nanoseconds now = kSecond;
  for (const auto& d : datagrams) {
    if (!sink.take(d.data(), d.size(), ++now, true)) break;
    require(flow->sequence.distinct() <= flow->sequence.expected(),
            "no more datagrams are received than were sent");
  }
  flow->sequence.lost();
}

// Replies as a server. A pong is never larger than its ping.
void reply(const std::vector<std::vector<char>>& datagrams, bool raw) {
  Meter meter(options());
  auto t = std::make_unique<PingThread>();
  t->outgoing.assign(kMessage, 'x');
  t->expected = t->outgoing;
  t->verify = !raw;
  if (raw) t->framing = {8, {'p', 'p', 1, 2}, 20, nullptr};
  t->head = t->framing.mark_size + sizeof(DatagramHeader);
  for (auto d : datagrams) {
    auto n = static_cast<ssize_t>(d.size());
    if (reply_to(*t, meter, d.data(), n) == Reply::over) break;
    if (raw) require(make_reply(d.data(), d.size(), 20) <= d.size(), "a pong is no larger");
  }
}

// Receives as a client that waits for the pong of its ping.
void await(const std::vector<std::vector<char>>& datagrams) {
  auto t = std::make_unique<PingThread>();
  t->outgoing.assign(kMessage, 'x');
  t->expected = t->outgoing;
  PingFlow flow;
  flow.number = t->take_number();
  flow.waiting = true;
  t->first_counted = 0;
  StampedSpans spans(*t);
  const PingWindow window{0, INT64_MAX};
  for (const auto& d : datagrams) {
    if (is_awaited(*t, flow, d.data(), static_cast<ssize_t>(d.size()))) {
      ServerStamps stamps;
      std::memcpy(&stamps, d.data() + sizeof(DatagramHeader), sizeof stamps);
      spans.record({true, 10, 20, stamps.received, 30, 40}, stamps.previous_sent);
      window.record(*t, flow, 10, 50);
      flow.number = t->take_number();
    } else if (d.size() % 2 == 0) {
      window.record_lost(*t, flow.number, 10, 50);
      flow.number = t->take_number();
    }
  }
  require(t->late + t->duplicates <= datagrams.size(),
          "late and duplicate pongs are no more than the datagrams");
}

}  // namespace

// The first byte selects the receiver.
int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string input = text_of(data + 1, size - 1);
  const auto datagrams = datagrams_in(input);
  const bool flag = (data[0] & 4) != 0;
  switch (data[0] % 4) {
    case 0:
      receive(datagrams, flag);
      break;
    case 1:
      reply(datagrams, flag);
      break;
    case 2:
      await(datagrams);
      break;
    default:
      token_from_hex(input);
      for (const auto& d : datagrams) is_hello(d.data(), d.size(), kToken);
  }
  return 0;
}
