// The cost of reading the counters of a host, which an agent does before and after each trial.
#include "harness/agent/counters.h"

#include <benchmark/benchmark.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "sockets/core/error.h"

namespace pingperf {
namespace {

constexpr CountersRequest kEverything{.begins = true, .kernel = true, .network = true};

void counters_before_a_trial(benchmark::State& state) {
  HostCounters counters;
  for (auto _ : state) counters.begin(kEverything);
}
BENCHMARK(counters_before_a_trial);

// Both readings, the differences, and the line to the controller.
void counters_of_a_trial(benchmark::State& state) {
  HostCounters counters;
  std::size_t bytes = 0;
  for (auto _ : state) {
    counters.begin(kEverything);
    bytes = encode(Event(CountersResult{counters.end()})).size();
  }
  state.SetLabel(std::to_string(bytes) + " bytes");
}
BENCHMARK(counters_of_a_trial);

// A datagram over loopback to a socket without room, so that the kernel drops it: the tracepoint
// that counts the drop is off (0) or on (1).
void drop_of_a_datagram(benchmark::State& state) {
  Tracepoints tracepoints;
  if (state.range(0) == 1) tracepoints.count(false);
  const Fd receiver(check(::socket(AF_INET, SOCK_DGRAM, 0), "socket"));
  const Fd sender(check(::socket(AF_INET, SOCK_DGRAM, 0), "socket"));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  auto* const any = reinterpret_cast<sockaddr*>(&address);
  socklen_t size = sizeof address;
  check(::bind(receiver.get(), any, size), "bind");
  check(::getsockname(receiver.get(), any, &size), "getsockname");
  check(::connect(sender.get(), any, size), "connect");
  const std::string datagram(1400, 'x');
  for (int i = 0; i < 10'000; ++i) ::send(sender.get(), datagram.data(), datagram.size(), 0);
  for (auto _ : state) ::send(sender.get(), datagram.data(), datagram.size(), 0);
}
BENCHMARK(drop_of_a_datagram)->Arg(0)->Arg(1);

}  // namespace
}  // namespace pingperf
