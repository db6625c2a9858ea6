// Runs rows one after the other: both ends of one engine, each in its own process, for a number of
// messages with the kernel's clock. So the number of instructions is the same in every run.
// bench/instructions/count runs it under callgrind, where only one thread of a process can be in
// io_uring_enter(2). One process starts all rows, because callgrind takes long to load a program.
// Usage: fixed_messages ENGINE KIND TRANSPORT MESSAGES [PARAMETER=VALUE…] [-- ENGINE …]
// Each end prints the number of its row, its pid and the rounds of its loop: pings or pongs, sends
// or receives. A row that fails prints why.
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

void print_line(const std::string& line) {
  fmt::print("{}\n", line);
  std::fflush(stdout);
}

void report(int row, const char* end, const Measurement& m, Kind kind) {
  expect_well(m, end);
  print_line(fmt::format("{} {} {} {}", row, end, ::getpid(), rounds_of(m, kind)));
}

// Makes the receive buffer large enough for all datagrams and frames.
Options options_without_loss(const Engine& engine, std::uint64_t messages) {
  Options o = options_of(engine, messages);
  if (engine.kind == Kind::throughput && !is_stream(engine.transport) &&
      engine.honours("receive_buffer"))
    o.receive_buffer = 16 << 20;
  return o;
}

// Ends a process that hangs, such as a server whose client has failed.
void limit_time() {
  constexpr unsigned kLimit_s = 30;
  ::alarm(kLimit_s);
}

void run_ends(int row, const Engine& engine, const Options& options) {
  EndpointConfig config = local_config(engine, options);
  const std::unique_ptr<Endpoint> server = engine.listen(config);
  config.address = server->address();
  const pid_t child = check(::fork(), "fork");
  if (child == 0) {
    limit_time();
    server->accept();
    report(row, "server", server->run({}), options.kind);
    return;
  }
  report(row, "client", engine.connect(config)->run({}), options.kind);
  check(::waitpid(child, nullptr, 0), "waitpid");
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

// Runs the row of these words. Throws std::runtime_error.
void run_row(int row, std::span<char* const> words) {
  if (words.size() < 4) throw std::runtime_error("a row has an engine, kind, transport, messages");
  const auto kind = kind_from(words[1]);
  const auto transport = transport_from(words[2]);
  const auto messages = parse_count(words[3]);
  const Engine* const engine =
      kind && transport ? find_engine(words[0], *kind, *transport) : nullptr;
  if (!engine || !messages)
    throw std::runtime_error(
        fmt::format("no engine {} for {} over {}", words[0], words[1], words[2]));
  if (const auto why = engine->unavailable()) throw std::runtime_error(*why);
  Options options = options_without_loss(*engine, *messages);
  for (const char* const assignment : words.subspan(4)) set_parameter(options, assignment);
  if (const auto error = engine->validate ? engine->validate(options) : std::nullopt)
    throw std::runtime_error(*error);
  run_ends(row, *engine, options);
}

// Runs each row in a process of its own, whose second thread therefore has the loop of the client.
// Returns in these processes too.
void run_rows(std::span<char* const> words) {
  for (int row = 0; !words.empty(); ++row) {
    const auto end = std::ranges::find(words, std::string_view("--"));
    const auto size = static_cast<std::size_t>(end - words.begin());
    const pid_t child = check(::fork(), "fork");
    if (child == 0) {
      limit_time();
      try {
        run_row(row, words.first(size));
      } catch (const std::exception& e) {
        print_line(fmt::format("{} failed {}", row, e.what()));
      }
      return;
    }
    check(::waitpid(child, nullptr, 0), "waitpid");
    words = words.subspan(std::min(size + 1, words.size()));
  }
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
  pingperf::calibrate_clock();
  pingperf::fast_clock.scale = 0;  // CLOCK_MONOTONIC instead of the cheaper clock
  pingperf::run_rows({argv + 1, argv + argc});
}
