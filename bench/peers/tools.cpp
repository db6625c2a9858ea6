#include <fcntl.h>
#include <fmt/core.h>

#include <array>
#include <fstream>
#include <nlohmann/json.hpp>
#include <regex>
#include <thread>

#include "bench/peers/tool.h"
#include "harness/base/command.h"
#include "harness/base/process.h"
#include "sockets/core/address.h"
#include "sockets/core/error.h"

namespace pingperf {
namespace {

using Command = std::vector<std::string>;

// Returns a port that is free at the moment.
std::string free_port(Transport transport) {
  const int type = transport == Transport::tcp ? SOCK_STREAM : SOCK_DGRAM;
  const Fd fd(check(::socket(AF_INET, type | SOCK_CLOEXEC, 0), "socket"));
  const Address any = Address::resolve("127.0.0.1", 0);
  check(::bind(fd.get(), any.data(), any.size()), "bind");
  return std::to_string(Address::local_of(fd.get()).port());
}

// Returns true if a TCP listener or a UDP socket has the port. Reads /proc only.
bool is_served(const std::string& port) {
  const std::string local = fmt::format(":{:04X} ", std::stoi(port));
  for (const char* table : {"tcp", "tcp6", "udp", "udp6"}) {
    std::ifstream file(std::string("/proc/net/") + table);
    for (std::string line; std::getline(file, line);) {
      const bool waits = table[0] == 'u' || line.find(" 0A ") != std::string::npos;
      if (waits && line.find(local) != std::string::npos) return true;
    }
  }
  return false;
}

Command on(unsigned cpu, const Command& argv) {
  Command command = {"taskset", "-c", std::to_string(cpu)};
  command.insert(command.end(), argv.begin(), argv.end());
  return command;
}

// Runs a server and a client. Returns the client's output.
std::string run_pair(const Setting& s, const std::string& port, const Command& server,
                     const Command& client) {
  const Fd null(check(::open("/dev/null", O_RDWR | O_CLOEXEC), "/dev/null"));
  const Fd silence = duplicate(null.get());
  const Process process(on(s.server_cpu, server),
                        {{silence.get(), 0}, {silence.get(), 1}, {silence.get(), 2}},
                        Lifetime::of_parent);
  const Nanoseconds end = now_ns() + 5 * kSecond;
  while (!is_served(port)) {
    if (now_ns() > end) throw std::runtime_error(server.front() + ": the server does not listen");
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return run_command(on(s.client_cpu, client), -1, 60 * kSecond);
}

// Returns the first group of the last match.
double number_in(const std::string& text, const std::string& pattern) {
  std::string found;
  const std::regex regex(pattern);
  for (std::sregex_iterator match(text.begin(), text.end(), regex), end; match != end; ++match)
    found = (*match)[1];
  if (found.empty()) throw std::runtime_error(fmt::format("no {} in: {}", pattern, text));
  return std::stod(found);
}

bool is_latency(const Setting& s) {
  return s.kind == Kind::latency;
}
bool is_throughput(const Setting& s) {
  return s.kind == Kind::throughput;
}
bool is_tcp(const Setting& s) {
  return s.transport == Transport::tcp;
}

// sockperf blocks in recvfrom() without --nonblocked, and prints half a round trip without
// --full-rtt.
Figures sockperf(const Setting& s, unsigned seconds) {
  const std::string port = free_port(s.transport);
  Command common = {"-i", "127.0.0.1", "-p", port};
  if (is_tcp(s)) common.push_back("--tcp");
  if (s.spins) common.push_back("--nonblocked");
  Command server = {"sockperf", "server"};
  Command client = {
      "sockperf",  "ping-pong", "-m", std::to_string(size_of(s)), "-t", std::to_string(seconds),
      "--full-rtt"};
  server.insert(server.end(), common.begin(), common.end());
  client.insert(client.end(), common.begin(), common.end());
  const std::string text = run_pair(s, port, server, client);
  const auto percentile = [&](const char* which) {
    return 1e3 * number_in(text, fmt::format("percentile {}\\s*=\\s*([\\d.]+)", which));
  };
  return {{"rtt_p50_ns", percentile("50\\.000")}, {"rtt_p99_ns", percentile("99\\.000")}};
}

// Reads a value with its unit: "latency  =  7.05 us", "bw  =  3.2 GB/sec".
double scaled_number_in(const std::string& text, const std::string& name) {
  static const std::map<std::string, double> scales = {
      {"ns", 1},       {"us", 1e3},     {"ms", 1e6},    {"bytes/sec", 8},
      {"KB/sec", 8e3}, {"MB/sec", 8e6}, {"GB/sec", 8e9}};
  const double number = number_in(text, "\\b" + name + "\\s*=\\s*([\\d.]+) ");
  std::smatch match;
  std::regex_search(text, match, std::regex("\\b" + name + "\\s*=\\s*[\\d.]+ ([\\w/]+)"));
  const auto scale = scales.find(match[1]);
  if (scale == scales.end()) throw std::runtime_error("unknown unit in: " + text);
  return number * scale->second;
}

// For latency, qperf prints only half of the mean round trip.
Figures qperf(const Setting& s, unsigned seconds) {
  const std::string port = free_port(Transport::tcp);
  const std::string test = fmt::format("{}_{}", name(s.transport), is_latency(s) ? "lat" : "bw");
  const std::string text =
      run_pair(s, port, {"qperf", "-lp", port},
               {"qperf", "127.0.0.1", "-lp", port, "-e", "6", "-t", std::to_string(seconds), "-m",
                std::to_string(size_of(s)), test});
  if (is_latency(s)) return {{"rtt_mean_ns", 2 * scaled_number_in(text, "latency")}};
  return {{"throughput_bps", scaled_number_in(text, is_tcp(s) ? "bw" : "recv_bw")}};
}

// Returns the figure of iperf3's receiver.
Figures iperf3(const Setting& s, unsigned seconds) {
  const std::string port = free_port(Transport::tcp);
  Command client = {"iperf3",    "-c",
                    "127.0.0.1", "-p",
                    port,        "-J",
                    "-t",        std::to_string(seconds),
                    "-l",        std::to_string(size_of(s))};
  if (!is_tcp(s)) client.insert(client.end(), {"-u", "-b", "0", "-w", "4M"});
  const std::string text =
      run_pair(s, port, {"iperf3", "-s", "-1", "-B", "127.0.0.1", "-p", port}, client);
  const nlohmann::json end = nlohmann::json::parse(text).at("end");
  if (is_tcp(s)) return {{"throughput_bps", end.at("sum_received").at("bits_per_second")}};
  const nlohmann::json& sum = end.at("sum");  // the sent data, without the lost part
  return {{"throughput_bps", sum.at("bits_per_second").get<double>() *
                                 (1 - sum.at("lost_percent").get<double>() / 100)}};
}

// Reads CSV. The last line of UDP is the server's report. iperf paces UDP, so the rate is higher
// than any host reaches.
Figures iperf(const Setting& s, unsigned seconds) {
  const std::string port = free_port(s.transport);
  Command server = {"iperf", "-s", "-B", "127.0.0.1", "-p", port};
  Command client = {"iperf",
                    "-c",
                    "127.0.0.1",
                    "-p",
                    port,
                    "-y",
                    "C",
                    "-t",
                    std::to_string(seconds),
                    "-l",
                    std::to_string(size_of(s))};
  if (!is_tcp(s)) {
    server.insert(server.end(), {"-u", "-w", "4M"});
    client.insert(client.end(), {"-u", "-w", "4M", "-b", "100G"});
  }
  const std::string text = run_pair(s, port, server, client);
  return {{"throughput_bps", number_in(text, "(?:^|\\n)(?:[^,\\n]*,){8}(\\d+)")}};
}

Figures nuttcp(const Setting& s, unsigned seconds) {
  const std::string port = free_port(Transport::tcp), data_port = free_port(s.transport);
  Command client = {"nuttcp",
                    "-fparse",
                    "-P",
                    port,
                    "-p",
                    data_port,
                    fmt::format("-T{}", seconds),
                    fmt::format("-l{}", size_of(s))};
  if (!is_tcp(s)) client.insert(client.end(), {"-u", "-Ru", "-w4m"});
  client.push_back("127.0.0.1");
  const std::string text = run_pair(s, port, {"nuttcp", "-1", "-P", port}, client);
  return {{"throughput_bps", 1e6 * number_in(text, "rate_Mbps=([\\d.]+)")}};
}

constexpr std::array kTools = {
    Tool{"sockperf", "--full-rtt", is_latency, sockperf},
    Tool{"qperf", "twice its one-way mean", [](const Setting& s) { return !s.spins; }, qperf},
    Tool{"iperf3", "", is_throughput, iperf3},
    Tool{"iperf", "", is_throughput, iperf},
    Tool{"nuttcp", "", is_throughput, nuttcp},
};

}  // namespace

std::span<const Tool> peer_tools() {
  return kTools;
}

bool is_installed(const Tool& tool) try {
  run_command({"which", tool.name});
  return true;
} catch (const CommandError&) {
  return false;
}

std::string version_of(const Tool& tool) try {
  return run_command({"dpkg-query", "-W", "-f", "${Version}", tool.name});
} catch (const CommandError&) {
  return "unknown version";
}

}  // namespace pingperf
