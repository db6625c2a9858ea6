// Runs both ends of one engine, each in its own process, for a number of messages with the kernel's
// clock. So the number of instructions is the same in every run. bench/instructions/count runs it
// under callgrind, where only one thread of a process can be in io_uring_enter(2).
// Usage: fixed_messages ENGINE KIND TRANSPORT MESSAGES [PARAMETER=VALUE…]
// Each end prints its pid and the rounds of its loop: pings or pongs, sends or receives.
#include <fmt/format.h>
#include <sys/epoll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <span>
#include <string_view>

#include "bench/local_pair.h"
#include "harness/base/units.h"
#include "harness/engines/engines.h"
#include "sockets/core/error.h"

namespace pingperf {
namespace {

// Returns the exchanges, or the calls of this end in a bulk transfer.
std::uint64_t rounds_of(const Measurement& m, Kind kind) {
  if (kind != Kind::throughput) return m.total_exchanges.value_or(0);
  std::uint64_t calls = 0;
  for (const Interval& interval : m.intervals) calls += interval.messages.value_or(0);
  return calls;
}

void report(const char* end, const Measurement& m, Kind kind) {
  expect_well(m, end);
  fmt::print("{} {} {}\n", end, ::getpid(), rounds_of(m, kind));
  std::fflush(stdout);
}

// Makes the receive buffer large enough for all datagrams.
Options options_without_loss(const Engine& engine, std::uint64_t messages) {
  Options o = options_of(engine, messages);
  if (engine.kind == Kind::throughput && engine.transport == Transport::udp)
    o.receive_buffer = 16 << 20;
  return o;
}

// Returns 0 if the server's process succeeded, otherwise 1.
int run_ends(const Engine& engine, const Options& options) {
  EndpointConfig config = local_config(engine, options);
  const std::unique_ptr<Endpoint> server = engine.listen(config);
  config.address = server->address();
  const pid_t child = check(::fork(), "fork");
  if (child == 0) {
    server->accept();
    report("server", server->run({}), options.kind);
    return 0;
  }
  report("client", engine.connect(config)->run({}), options.kind);
  int status = 0;
  check(::waitpid(child, &status, 0), "waitpid");
  return status == 0 ? 0 : 1;
}

// Read the value of a parameter.
void read_value(std::optional<std::uint64_t>& field, std::string_view text) {
  field = parse_size(text);
}
void read_value(std::optional<Nanoseconds>& field, std::string_view text) {
  field = parse_duration(text);
}
void read_value(std::optional<double>& field, std::string_view text) {
  field = parse_frequency(text);
}
void read_value(std::optional<bool>& field, std::string_view text) {
  field = text == "true";
}
void read_value(std::optional<std::string>& field, std::string_view text) {
  field = text;
}

// Sets a parameter from "in_flight=8". "messages=" makes it unset. Throws std::runtime_error.
void set_parameter(Options& o, std::string_view assignment) {
  const std::size_t equals = std::min(assignment.find('='), assignment.size() - 1);
  const Parameter* const parameter = find_parameter(assignment.substr(0, equals));
  const std::string_view value = assignment.substr(equals + 1);
  if (!parameter) throw std::runtime_error(fmt::format("no such parameter: {}", assignment));
  std::visit([&](auto field) { read_value(o.*field, value); }, parameter->field);
  if (is_set(o, *parameter) == value.empty())
    throw std::runtime_error(fmt::format("no such value: {}", assignment));
}

int fixed_messages(const char* name, const char* kind_text, const char* transport_text,
                   const char* messages_text, std::span<char* const> assignments) {
  const auto kind = kind_from(kind_text);
  const auto transport = transport_from(transport_text);
  const auto messages = parse_count(messages_text);
  const Engine* const engine = kind && transport ? find_engine(name, *kind, *transport) : nullptr;
  if (!engine || !messages) {
    fmt::print(stderr, "fixed_messages: no engine {} for {} over {}\n", name, kind_text,
               transport_text);
    return 2;
  }
  if (const auto why = engine->unavailable()) {
    fmt::print(stderr, "unavailable: {}\n", *why);
    return 77;
  }
  calibrate_clock();
  fast_clock.scale = 0;  // CLOCK_MONOTONIC instead of the cheaper clock
  Options options = options_without_loss(*engine, *messages);
  for (const char* const assignment : assignments) set_parameter(options, assignment);
  if (const auto error = engine->validate ? engine->validate(options) : std::nullopt)
    throw std::runtime_error(*error);
  return run_ends(*engine, options);
}

}  // namespace
}  // namespace pingperf

// Replaces epoll_pwait2() of the C library: valgrind 3.19 does not know the system call.
extern "C" int epoll_pwait2(int epoll, epoll_event* events, int most, const timespec* timeout,
                            const sigset_t* mask) {
  const int ms =
      timeout ? static_cast<int>(timeout->tv_sec * 1000 + timeout->tv_nsec / 1'000'000) : -1;
  return ::epoll_pwait(epoll, events, most, ms, mask);
}

int main(int argc, char** argv) {
  if (argc < 5) {
    fmt::print(stderr, "Usage: fixed_messages ENGINE KIND TRANSPORT MESSAGES [PARAMETER=VALUE…]\n");
    return 2;
  }
  try {
    return pingperf::fixed_messages(argv[1], argv[2], argv[3], argv[4], {argv + 5, argv + argc});
  } catch (const std::exception& e) {
    fmt::print(stderr, "fixed_messages: {}\n", e.what());
    return 1;
  }
}
