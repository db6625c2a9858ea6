// An agent that plays a script, to test the controller with faulty agents. `fake_agent MODE`
// ignores further arguments, so that `launch: [fake_agent, MODE]` starts it. Appends "TIME result"
// and "TIME prepare" lines (of CLOCK_MONOTONIC, in ns) to the file that PINGPERF_FAKE_LOG names.
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <thread>

#include "harness/agent/protocol.h"
#include "harness/base/version.h"

namespace pingperf {
namespace {

constexpr std::string_view kModes[] = {
    "ok",                 // answers everything at once, with canned figures
    "transfer",           // the same without round trips
    "on-one-kernel",      // the same, and all such agents have one boot
    "in-one-namespace",   // the same, and one network namespace
    "late-hello",         // sends hello after a while, then as ok
    "late-result",        // sends each result after a while
    "silent-hello",       // never sends hello
    "garbage-hello",      // prints a banner instead
    "wrong-version",      // has another version
    "die-at-hello",       // exits with status 7, here and below
    "die-at-listen",      //
    "die-at-connect",     //
    "die-at-start",       //
    "die-at-result",      // after a progress event
    "silent-at-listen",   // sends nothing from there on, here and below
    "silent-at-connect",  //
    "silent-at-start",    //
    "silent-at-counters",
    "silent-at-last-counters",
    "die-at-counters",
    "garbage-at-ready",  // answers listen with a line that is not JSON
    "half-line-at-result",
    "huge-line-at-result",  // 64 MB without a newline
    "error-at-listen",      // refuses: port busy
};

void send(const Event& event) {
  write_line(STDOUT_FILENO, encode(event));
}

void log(const char* what) {
  const char* const file = std::getenv("PINGPERF_FAKE_LOG");
  if (file == nullptr) return;
  std::FILE* const out = std::fopen(file, "a");
  std::fprintf(out, "%lld %s\n", static_cast<long long>(now_ns()), what);
  std::fclose(out);
}

void print(std::string_view text) {
  std::fwrite(text.data(), 1, text.size(), stdout);
  std::fflush(stdout);
}

[[noreturn]] void die(std::string_view when) {
  std::fprintf(stderr, "fake agent: dying at %s\n", std::string(when).c_str());
  std::_Exit(7);
}

// Reads until the controller closes the pipe.
[[noreturn]] void be_silent() {
  char byte;
  while (::read(STDIN_FILENO, &byte, 1) > 0) {
  }
  std::_Exit(0);
}

EngineInfo canned_engine(Kind kind, Transport transport) {
  return {"noop", "plays a script", kind, transport, {"duration", "warmup"}, std::nullopt};
}

AgentHello canned_hello(std::string version, std::string_view mode) {
  AgentHello hello{.version = std::move(version)};
  for (const Kind kind : {Kind::throughput, Kind::latency})
    for (const Transport transport : {Transport::tcp, Transport::udp})
      hello.engines.push_back(canned_engine(kind, transport));
  const bool one_namespace = mode == "in-one-namespace";
  hello.host.json = one_namespace || mode == "on-one-kernel"
                        ? R"({"hostname":"fake","boot_id":"7"})"
                        : R"({"hostname":"fake"})";
  if (one_namespace) hello.network_namespace = "1";
  return hello;
}

Measurement canned_measurement(bool has_round_trips) {
  Measurement m;
  m.window_s = 1;
  m.bytes_sent = m.bytes_received = 1'000'000'000;
  if (has_round_trips) {
    m.exchanges = 100;
    m.rtt.emplace();
    for (Nanoseconds i = 1; i <= 100; ++i) m.rtt->record(i * kMicrosecond);
  }
  m.intervals.push_back({.start_s = 0, .end_s = 1, .bytes_received = 1'000'000'000});
  return m;
}

class FakeAgent {
 public:
  explicit FakeAgent(std::string_view mode) : mode_(mode) {}

  void handle(const ControllerHello&) {
    misbehave_at("hello");
    if (mode_ == "garbage-hello") {
      print("Welcome to fake.example.org!\nLast login: never\n");
      be_silent();
    }
    if (mode_ == "late-hello") std::this_thread::sleep_for(std::chrono::milliseconds(200));
    send(canned_hello(mode_ == "wrong-version" ? "9.9.9" : std::string(version()), mode_));
  }

  void handle(const OpenEndpoint& open) {
    const bool listen = open.role == Role::listen;
    misbehave_at(listen ? "listen" : "connect");
    if (listen && mode_ == "garbage-at-ready") {
      print("Segmentation fault (core dumped)\n");
      be_silent();
    }
    if (listen && mode_ == "error-at-listen") {
      send(Failure{.endpoint = open.endpoint,
                   .what = "port busy: 127.0.0.1:5201 is already in use by another process",
                   .error_number = EADDRINUSE,
                   .status = Status::refused});
      return;
    }
    send(Ready{open.endpoint, listen ? "127.0.0.1:5201" : ""});
  }

  void handle(const CheckVariants&) { send(VariantsChecked{}); }
  void handle(const SwitchVariant&) { send(Switched{}); }

  void handle(const StartEndpoint& start) {
    misbehave_at("start");
    const Measurement m = canned_measurement(mode_ != "transfer");
    send(Progress{start.endpoint, m.intervals.front()});
    misbehave_at("result");
    const std::string result = encode(Event(Result{start.endpoint, m}));
    if (mode_ == "half-line-at-result") {
      print(result.substr(0, result.size() / 2));
      die("half a line");
    }
    if (mode_ == "huge-line-at-result") {
      const std::string megabyte(1 << 20, '{');
      for (int i = 0; i < 64; ++i) print(megabyte);
      be_silent();
    }
    if (mode_ == "late-result") std::this_thread::sleep_for(std::chrono::milliseconds(50));
    log("result");
    print(result + "\n");
  }

  void handle(const CopyFile&) {}
  void handle(const PrepareWorkers&) { log("prepare"); }

  void handle(const HostCheckRequest&) { send(HostCheckResult{}); }

  void handle(const ResolveRequest&) { send(Resolved{.v4 = "127.0.0.1"}); }
  void handle(const CountersRequest& request) {
    misbehave_at(request.begins ? "counters" : "last-counters");
    if (request.begins == has_begun_counters_) die("a second request for counters");
    has_begun_counters_ = request.begins;
    CountersResult result;
    if (!request.begins && request.kernel)
      result.changes.push_back({CounterSource::stat, "ctxt", "", 7});
    if (!request.begins && request.network)
      result.changes.push_back({CounterSource::snmp, "Udp.InErrors", "", 1});
    send(result);
  }

  void handle(const StopEndpoint& stop) {
    send(Failure{.endpoint = stop.endpoint, .what = "stopped"});
  }

 private:
  void misbehave_at(std::string_view when) const {
    const std::string at(when);
    if (mode_ == "die-at-" + at) die(when);
    if (mode_ == "silent-at-" + at || mode_ == "silent-" + at) be_silent();
  }

  const std::string mode_;
  bool has_begun_counters_ = false;
};

bool known(std::string_view mode) {
  for (const std::string_view each : kModes)
    if (each == mode) return true;
  return false;
}

int play(std::string_view mode) {
  FakeAgent agent(mode);
  LineBuffer requests(kMaxRequest);
  do {
    while (const auto line = requests.next())
      std::visit([&](const auto& request) { agent.handle(request); }, decode_request(*line));
  } while (requests.read_from(STDIN_FILENO));
  return 0;
}

}  // namespace
}  // namespace pingperf

int main(int argc, char** argv) {
  const std::string_view mode = argc > 1 ? argv[1] : "";
  if (!pingperf::known(mode)) {
    std::fputs("usage: fake_agent MODE; the modes are listed in fake_agent.cpp\n", stderr);
    return 2;
  }
  try {
    return pingperf::play(mode);
  } catch (const std::exception& e) {
    std::fprintf(stderr, "fake agent: %s\n", e.what());
    return 1;
  }
}
