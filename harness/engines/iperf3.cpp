// libiperf runs one whole test per call, keeps its state in globals and may call exit(). So each
// end has a worker process of its own, which runs no other test (docs/architecture.md).
#include "harness/engines/iperf3.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <getopt.h>
#include <net/if.h>
#include <sys/socket.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <stdexcept>
#include <system_error>
#include <thread>

#include "harness/engines/forked_call.h"
#include "harness/engines/iperf3_arguments.h"
#include "harness/engines/iperf3_limits.h"
#include "harness/engines/iperf3_result.h"
#include "harness/engines/libiperf.h"
#include "harness/engines/socket_guard.h"
#include "harness/engines/usage_window.h"
#include "sockets/core/error.h"
#include "sockets/core/fd.h"
#include "sockets/core/limits.h"
#include "sockets/core/socket_options.h"
#include "sockets/engines.h"
#include "sockets/transport/availability.h"

namespace pingperf {
namespace {

constexpr Nanoseconds kRetryInterval = kMillisecond;
constexpr Nanoseconds kRestart = 2 * kSecond;  // pause of an external server between two tests

using Test = std::unique_ptr<iperf_test, void (*)(iperf_test*)>;

Test new_test(const Libiperf& lib) {
  Test test(lib.new_test(), lib.free_test);
  if (!test || lib.defaults(test.get()) != 0) throw std::runtime_error("iperf_new_test failed");
  return test;
}

Test new_test(const Libiperf& lib, const Address& address) {
  Test test = new_test(lib);
  lib.set_server_port(test.get(), address.port());
  const double interval_s = to_seconds(kIperf3Interval);
  lib.set_stats_interval(test.get(), interval_s);
  lib.set_reporter_interval(test.get(), interval_s);
  return test;
}

// Returns the library that the case names, or the installed one.
Libiperf library_for(const Options& options) {
  if (!options.libiperf) return libiperf();
  try {
    return load_libiperf(*options.libiperf);
  } catch (const std::exception& e) {
    throw std::runtime_error(fmt::format("libiperf: {}", e.what()));
  }
}

// libiperf prints its JSON to stdout, too. A logfile would prevent that, but 3.12 crashes after a
// failed server run that has one.
void silence_stdout() {
  const Fd null(check(::open("/dev/null", O_WRONLY | O_CLOEXEC), "/dev/null"));
  check(::dup2(null.get(), STDOUT_FILENO), "dup2");
}

// The arguments for libiperf's parser. The parser keeps pointers to them and reorders them.
class CommandLine {
 public:
  explicit CommandLine(const Options& options) : arguments_(iperf3_arguments(options)) {
    for (std::string& argument : arguments_) argv_.push_back(argument.data());
    argv_.push_back(nullptr);
  }

  // Throws libiperf's error. An unknown option ends the process instead, after an error on stderr.
  void parse(const Libiperf& lib, iperf_test* test) {
    optind = 0;
    *lib.error_number = 0;
    if (lib.parse_arguments(test, static_cast<int>(arguments_.size()), argv_.data()) < 0)
      throw std::runtime_error(lib.error_text(*lib.error_number));
    if (lib.get_json_output(test) == 0)
      throw std::runtime_error(
          fmt::format("'{}' needs a value", arguments_[arguments_.size() - 2]));
    // getopt(3) has moved the positional arguments to the end.
    if (const std::string_view last = argv_[arguments_.size() - 1]; last != "-J")
      throw std::runtime_error(fmt::format("'{}' is no option, nor the value of one", last));
  }

 private:
  std::vector<std::string> arguments_;
  std::vector<char*> argv_;
};

// Returns the first line of an error, without the program's name and a trailing colon.
std::string tidied(std::string complaint) {
  constexpr std::string_view kProgram = "iperf3: ";
  complaint.resize(std::min(complaint.find('\n'), complaint.size()));
  if (complaint.starts_with(kProgram)) complaint.erase(0, kProgram.size());
  complaint.resize(complaint.find_last_not_of(": ") + 1);
  return complaint.empty() ? "libiperf's parser did not come to an end" : complaint;
}

// Returns why this library cannot run the options. A child process calls libiperf's parser, because
// it may call exit().
std::optional<std::string> validate_for(const Libiperf& lib, const Options& options) {
  if (!needs_iperf3_parser(options)) return std::nullopt;
  if (auto error = validate_iperf3_version(options, lib.version())) return error;
  const auto complaint = error_of_forked_call([&] {
    const Test test = new_test(lib);
    CommandLine(options).parse(lib, test.get());
  });
  if (!complaint) return std::nullopt;
  return fmt::format("iperf3_options: {} (`iperf3 --help` lists the options of a version)",
                     tidied(*complaint));
}

// A library of the case's own is code from a file, which `pingperf check` must not run. Only the
// worker loads it and validates the options for it. So it does for the installed library if this
// host has none.
std::optional<std::string> validate(const Options& options) {
  if (auto error = validate_iperf3_limits(options)) return error;
  if (options.libiperf || !needs_iperf3_parser(options) || libiperf_unavailable())
    return std::nullopt;
  return validate_for(libiperf(), options);
}

// The sink and schedule of the running test, for its callback. libiperf passes it no argument, and
// a worker process runs one test.
struct LiveTest {
  const IntervalSink* sink = nullptr;
  const Iperf3Schedule* schedule = nullptr;
} live_test;

void take_event(iperf_test*, char* json) noexcept {
  if (const auto interval = read_iperf3_event(json, *live_test.schedule))
    (*live_test.sink)(*interval);
}

// Throws std::runtime_error if libiperf cannot keep a buffer of `size` bytes in a file, as it does
// for each stream. Without the room, the first access to a buffer would kill the worker (SIGBUS).
// Notices this only if the buffers of this end alone do not fit.
void require_room_for_buffers(std::uint64_t size) {
  const char* folder = nullptr;
  for (const char* const variable : {"TMPDIR", "TEMP", "TMP"})
    if (!folder) folder = std::getenv(variable);
  if (!folder) folder = "/tmp";
  const auto fail = [&](const std::string& why) {
    throw std::runtime_error(fmt::format(
        "iperf3 keeps its buffers in files in {}: {}: set TMPDIR to another folder", folder, why));
  };
  struct statvfs room {};
  if (::statvfs(folder, &room) != 0 || ::access(folder, W_OK | X_OK) != 0)
    fail(std::strerror(errno));
  const bool has_size = room.f_blocks > 0;  // not ramfs, or tmpfs with size=0
  if (has_size && room.f_bavail * room.f_frsize < size)
    fail(fmt::format("it has no room for {} KiB", (size + 1023) >> 10));
}

class Iperf3Endpoint : public Endpoint {
 public:
  // libiperf has no way to stop a test, so the worker ends, which the agent reports. Called only
  // after the trial has failed.
  void stop() noexcept override { ::_exit(1); }

  Measurement run(const IntervalSink& progress) noexcept override {
    Measurement m;
    try {
      m = run_test(progress);
    } catch (const std::exception& e) {  // no thread can be started
      m.error = explained(e);
    }
    return m;
  }

 protected:
  Iperf3Endpoint(const EndpointConfig& config, const Address& address)
      : config_(config),
        schedule_(config.options, config.external),
        lib_(library_for(config.options)),
        test_(new_test(lib_, address)) {
    require_room_for_buffers(streams() * config.options.message_size.value_or(0));
  }

  // Returns the number of streams of both directions.
  std::uint64_t streams() const {
    const Options& o = config_.options;
    return o.streams.value_or(1) * (o.bidirectional.value_or(false) ? 2 : 1);
  }

  virtual Measurement run_test(const IntervalSink& progress) = 0;

  // Runs `call` (the client or the server) to its end. It succeeded if it returns 0 and its JSON
  // has no error: 3.12 can return 0 with an error in the JSON.
  Measurement measure(int (*call)(iperf_test*), const IntervalSink& progress) {
    ::signal(SIGPIPE, SIG_IGN);  // iperf3 does that in its main()
    silence_stdout();
    report_live(progress);
    // libiperf does not report when its test begins, so the window is early by the few milliseconds
    // of its handshake.
    UsageWindow usage(now_ns() + schedule_.omit_s * kSecond + schedule_.rest, schedule_.duration);
    *lib_.error_number = 0;
    const int rc = call(test_.get());
    const char* const json = lib_.get_json_output_string(test_.get());
    Measurement m;
    if (json != nullptr) m = read_iperf3_result(json, schedule_);
    set_copies(m);
    if (config_.external && json != nullptr && m.error.empty()) {
      Measurement server = read_iperf3_server(json, schedule_, config_.options);
      set_copies(server);
      // It may be too old for receive: discard.
      if (server.receiving_copies == 0) server.receiving_copies.reset();
      m.peer = std::make_shared<Measurement>(std::move(server));
    }
    if (m.error.empty() && rc < 0) m.error = iperf3_error(lib_.error_text(*lib_.error_number));
    if (m.error.empty() && json == nullptr) m.error = "iperf3 gave no result";
    m.libiperf = lib_.version();
    // The usage is of the planned window, which late reports may not show.
    if (schedule_.matches(m)) usage.write_to(m);
    return m;
  }

  const EndpointConfig config_;
  const Iperf3Schedule schedule_;
  const Libiperf lib_;
  Test test_;

 private:
  // Passes the intervals on while the test runs, if the library can. The result still comes from
  // the whole JSON at the end.
  void report_live(const IntervalSink& progress) const {
    if (!progress || !lib_.set_json_callback || !lib_.set_json_stream_full_output) return;
    live_test = {&progress, &schedule_};
    lib_.set_json_stream(test_.get(), 1);
    lib_.set_json_stream_full_output(test_.get(), 1);
    lib_.set_json_callback(test_.get(), take_event);
  }

  // libiperf does not report its copies.
  void set_copies(Measurement& m) const {
    const Iperf3Copies copies = iperf3_copies(config_.options);
    if (m.bytes_sent) m.sending_copies = copies.sending;
    if (m.bytes_received) m.receiving_copies = copies.receiving;
  }
};

// Binds without listening, which reserves the port for the test: libiperf can bind it as well, and
// another listener cannot.
Fd hold_port(const Address& address, int type) {
  Fd fd(check(::socket(address.family(), type | SOCK_CLOEXEC, 0), "socket"));
  set_option(fd.get(), SOL_SOCKET, SO_REUSEADDR, type == SOCK_STREAM, "SO_REUSEADDR");
  if (::bind(fd.get(), address.data(), address.size()) != 0)
    check(-1, (errno == EADDRINUSE ? "port busy: " : "bind ") + address.to_string());
  return fd;
}

class Iperf3Server final : public Iperf3Endpoint {
 public:
  explicit Iperf3Server(const EndpointConfig& config) : Iperf3Server(config, hold(config)) {}

  Address address() const override { return address_; }

  Measurement run_test(const IntervalSink& progress) override {
    if (!config_.external) guard_server(config_, connections());
    Measurement m = measure(lib_.run_server, progress);
    m.rejected_peers = end_guard();
    return m;
  }

 private:
  Iperf3Server(const EndpointConfig& config, Fd held)
      : Iperf3Endpoint(config, Address::local_of(held.get())),
        held_(std::move(held)),
        address_(Address::local_of(held_.get())) {
    lib_.set_role(test_.get(), 's');
    lib_.set_json_output(test_.get(), 1);
    lib_.set_bind_address(test_.get(), address_.host().c_str());
    lib_.set_one_off(test_.get(), 1);
  }

  // Returns the number of TCP connections of a test: the control connection and the streams.
  std::size_t connections() const {
    return config_.options.transport == Transport::udp ? 1 : 1 + streams();
  }

  // A UDP test uses the same port number for TCP and UDP. Binds the UDP port and releases it again.
  // If it is busy, and the address allows any port, tries other ports.
  static Fd hold(const EndpointConfig& config, int attempts = 8) {
    Fd tcp = hold_port(config.address, SOCK_STREAM);
    if (config.options.transport != Transport::udp) return tcp;
    try {
      hold_port(Address::local_of(tcp.get()), SOCK_DGRAM);
    } catch (const std::system_error&) {
      if (config.address.port() != 0 || attempts == 1) throw;
      return hold(config, attempts - 1);
    }
    return tcp;
  }

  Fd held_;
  const Address address_;
};

class Iperf3Client final : public Iperf3Endpoint {
 public:
  explicit Iperf3Client(const EndpointConfig& config)
      : Iperf3Endpoint(config, config.address), command_line_(config.options) {
    const Options& o = config.options;
    if (const auto error = validate_for(lib_, o)) throw std::runtime_error(*error);
    if (o.bind_device && ::if_nametoindex(o.bind_device->c_str()) == 0)
      throw std::runtime_error("bind_device: there is no interface '" + *o.bind_device + "' here");
    command_line_.parse(lib_,
                        test_.get());  // before the setters, because it overwrites their values
    lib_.set_server_hostname(test_.get(), config.address.host().c_str());
    lib_.set_omit(test_.get(), schedule_.omit_s);
    lib_.set_duration(test_.get(), schedule_.run_s);
    lib_.set_get_server_output(test_.get(), config.external);
    apply(o);
  }

  Measurement run_test(const IntervalSink& progress) override {
    if (!config_.external) guard_client(config_);
    Fd control = dial();
    if (!control) {
      Measurement m;
      m.error = explained(std::system_error(errno, std::generic_category(),
                                            "connect to " + config_.address.to_string()));
      return m;
    }
    lib_.set_control_socket(test_.get(), control.release());  // libiperf closes it
    Measurement m = measure(lib_.run_client, progress);
    if (config_.options.transport == Transport::udp && !config_.options.reverse.value_or(false))
      m.path_mtu_bytes = mtu_to_server();
    return m;
  }

 private:
  // Returns the MTU of the path, which the kernel keeps for each destination. libiperf has closed
  // its sockets. The connect(2) of a datagram socket sends nothing, and the guard is about another
  // port.
  std::optional<std::uint64_t> mtu_to_server() const noexcept try {
    constexpr std::uint16_t kDiscard = 9;  // RFC 863
    const Address address = Address::resolve(config_.address.host(), kDiscard);
    const Fd fd(::socket(address.family(), SOCK_DGRAM | SOCK_CLOEXEC, 0));
    if (!fd || ::connect(fd.get(), address.data(), address.size()) != 0) return std::nullopt;
    return path_mtu(fd.get());
  } catch (const std::exception&) {
    return std::nullopt;
  }

  // Opens the control connection. Retries, because the server listens a moment after its port is
  // known. A separate probe would end the server's only test. Fails with errno after the deadline,
  // or if an external server does not listen again after its last test.
  Fd dial() const noexcept {
    const Nanoseconds limit =
        config_.external ? std::min(config_.deadline, now_ns() + kRestart) : config_.deadline;
    for (;;) {
      Fd fd(::socket(config_.address.family(), SOCK_STREAM | SOCK_CLOEXEC, 0));
      if (fd && bind_to_device(fd.get()) &&
          ::connect(fd.get(), config_.address.data(), config_.address.size()) == 0)
        return fd;
      if (errno != ECONNREFUSED || now_ns() > limit) return Fd();
      std::this_thread::sleep_for(std::chrono::nanoseconds(kRetryInterval));
    }
  }

  // Binds the control connection as libiperf binds the streams. Returns false and sets errno on
  // error.
  bool bind_to_device(int fd) const noexcept {
    const auto& device = config_.options.bind_device;
    return !device || ::setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, device->data(),
                                   static_cast<socklen_t>(device->size())) == 0;
  }

  void apply(const Options& o) {
    iperf_test* const t = test_.get();
    const auto number = [](const auto& value) { return static_cast<int>(value.value_or(0)); };
    lib_.set_blksize(t, number(o.message_size));
    lib_.set_num_streams(t, number(o.streams));
    // Our rate is that of all streams together, iperf3's is per stream. 0 is unlimited, also for
    // UDP.
    lib_.set_rate(t, o.rate_bps.value_or(0) / o.streams.value_or(1));
    if (o.bytes) lib_.set_bytes(t, *o.bytes);
    if (o.messages) lib_.set_blocks(t, *o.messages);
    lib_.set_burst(t, number(o.burst));
    if (o.pacing_timer) lib_.set_pacing_timer(t, static_cast<int>(*o.pacing_timer / kMicrosecond));
    lib_.set_repeating_payload(t, o.repeating_payload.value_or(false));
    lib_.set_dont_fragment(t, o.dont_fragment.value_or(false));
    lib_.set_socket_bufsize(t, number(o.send_buffer ? o.send_buffer : o.receive_buffer));
    lib_.set_tos(t, number(o.tos));
    lib_.set_zerocopy(t, o.zero_copy.value_or(false));
    lib_.set_no_delay(t, o.nodelay.value_or(false));
    if (o.mss) lib_.set_mss(t, number(o.mss));
    // The library copies the name, although its parameter is char*.
    if (o.congestion_control)
      lib_.set_congestion_control(t, const_cast<char*>(o.congestion_control->c_str()));
  }

  CommandLine command_line_;
};

std::optional<std::string> mptcp_unavailable_here() {
  if (auto reason = libiperf_unavailable()) return reason;
  const Options mptcp{.transport = Transport::mptcp};
  if (auto error = validate_iperf3_version(mptcp, libiperf().version())) return error;
  return mptcp_unavailable();
}

// Returns the parameters of a transport: those of all transports and `more`.
std::vector<std::string_view> parameters_with(std::initializer_list<std::string_view> more) {
  std::vector<std::string_view> all = {
      "message_size", "streams",           "duration",       "warmup",       "bytes",
      "rate",         "reverse",           "bidirectional",  "send_buffer",  "receive_buffer",
      "tos",          "receive",           "pin.client",     "pin.server",   "ip",
      "port",         "messages",          "burst",          "pacing_timer", "fq_rate",
      "bind_device",  "repeating_payload", "iperf3_options", "libiperf"};
  all.insert(all.end(), more);
  return all;
}

Engine make_engine(Transport transport, std::vector<std::string_view> parameters) {
  return {
      .name = "iperf3",
      .summary = "libiperf, the library of iperf3, one process an end",
      .kind = Kind::throughput,
      .transport = transport,
      .parameters = std::move(parameters),
      .unavailable = transport == Transport::mptcp ? mptcp_unavailable_here : libiperf_unavailable,
      .listen = [](const EndpointConfig& s) -> std::unique_ptr<Endpoint> {
        return std::make_unique<Iperf3Server>(s);
      },
      .connect = [](const EndpointConfig& s) -> std::unique_ptr<Endpoint> {
        return std::make_unique<Iperf3Client>(s);
      },
      .validate = validate,
      .serves_external = true,
  };
}

}  // namespace

const Engine& iperf3_tcp() {
  static const Engine engine = make_engine(
      Transport::tcp,
      parameters_with({"congestion_control", "nodelay", "mss", "zero_copy", "flow_label"}));
  return engine;
}

const Engine& iperf3_udp() {
  static const Engine engine =
      make_engine(Transport::udp, parameters_with({"dont_fragment", "gso", "gro"}));
  return engine;
}

// Without zero_copy, because the kernel copies what an MPTCP socket sends.
const Engine& iperf3_mptcp() {
  static const Engine engine =
      make_engine(Transport::mptcp, parameters_with({"congestion_control", "nodelay", "mss"}));
  return engine;
}

}  // namespace pingperf
