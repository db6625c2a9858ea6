// libiperf runs one whole test per call, keeps its state in globals and may call exit(): each end
// is the only test its worker process ever runs (docs/architecture.md).
#include "harness/iperf3.h"

// Before iperf_api.h, which needs it and does not include it.
#include <cstdint>
//
#include <fcntl.h>
#include <iperf_api.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <condition_variable>
#include <csignal>
#include <cstring>
#include <mutex>
#include <thread>

#include "harness/iperf3_result.h"
#include "sockets/datagram.h"
#include "sockets/engines.h"
#include "sockets/error.h"
#include "sockets/fd.h"
#include "sockets/socket_options.h"
#include "sockets/usage.h"

namespace pingperf {
namespace {

constexpr Nanoseconds kRetry = kMillisecond;

// CPU time and context switches of this process in the measured window, by a thread that sleeps.
// libiperf does not tell when its test begins: the window is early by the few milliseconds of its
// handshake.
class UsageWindow {
 public:
  explicit UsageWindow(const Options& options)
      : begin_(now_ns() + options.warmup.value_or(0)),
        end_(options.duration ? begin_ + *options.duration : 0),
        thread_([this] { watch(); }) {}
  ~UsageWindow() { finish(); }

  // Ends the window, unless it is over, and writes what was used in it.
  void write_to(Measurement& measurement) {
    finish();
    if (opened_) set_usage(measurement, before_, after_);
  }

 private:
  void watch() {
    if (sleep_until(begin_)) return;
    before_ = Usage::now();
    opened_ = true;
    sleep_until(end_);
    after_ = Usage::now();
  }

  // Returns true when the test was over before `when`; 0 is never.
  bool sleep_until(Nanoseconds when) {
    std::unique_lock lock(mutex_);
    const auto over = [this] { return over_; };
    if (when == 0) {
      changed_.wait(lock, over);
      return true;
    }
    return changed_.wait_until(
        lock, std::chrono::steady_clock::time_point(std::chrono::nanoseconds(when)), over);
  }

  void finish() {
    {
      const std::lock_guard lock(mutex_);
      over_ = true;
    }
    changed_.notify_all();
    if (thread_.joinable()) thread_.join();
  }

  const Nanoseconds begin_, end_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool over_ = false;  // guarded by mutex_
  bool opened_ = false;
  Usage before_, after_;
  std::thread thread_;  // last: it uses what is above
};

using Test = std::unique_ptr<iperf_test, decltype(&iperf_free_test)>;

Test new_test(char role, const Address& address) {
  Test test(iperf_new_test(), &iperf_free_test);
  if (!test || iperf_defaults(test.get()) != 0) throw std::runtime_error("iperf_new_test failed");
  iperf_set_test_role(test.get(), role);
  iperf_set_test_server_port(test.get(), address.port());
  iperf_set_test_json_output(test.get(), 1);
  const double interval_s = to_seconds(kIperf3Interval);
  iperf_set_test_stats_interval(test.get(), interval_s);
  iperf_set_test_reporter_interval(test.get(), interval_s);
  return test;
}

// JSON output goes to stdout as well as into the string that we want. A logfile would silence it,
// but 3.12 crashes after a failed server run that has one.
void silence_stdout() {
  const Fd null(check(::open("/dev/null", O_WRONLY | O_CLOEXEC), "/dev/null"));
  check(::dup2(null.get(), STDOUT_FILENO), "dup2");
}

class Iperf3Endpoint : public Endpoint {
 public:
  // Nothing in libiperf ends a test from outside but its end: the worker goes, and the agent says
  // so. Reached only when the trial has failed already.
  void stop() noexcept override { ::_exit(1); }

 protected:
  Iperf3Endpoint(char role, const Session& session, const Address& address)
      : session_(session), schedule_(session.options), test_(new_test(role, address)) {}

  // Runs `call` (the client or the server) to its end. Success is rc 0 and JSON without an error:
  // 3.12 returns 0 with an error in it.
  Measurement measure(int (*call)(iperf_test*)) {
    ::signal(SIGPIPE, SIG_IGN);  // iperf3 does that in its main()
    silence_stdout();
    UsageWindow usage(session_.options);
    i_errno = 0;
    const int rc = call(test_.get());
    const char* const json = iperf_get_test_json_output_string(test_.get());
    Measurement m;
    if (json != nullptr) m = read_iperf3_result(json, schedule_);
    if (m.error.empty() && rc < 0) m.error = iperf3_error(iperf_strerror(i_errno));
    if (m.error.empty() && json == nullptr) m.error = "iperf3 gave no result";
    usage.write_to(m);
    return m;
  }

  const Session session_;
  const Iperf3Schedule schedule_;
  Test test_;
};

// Binds without listening, which holds the port for the test: libiperf can bind it beside us, and
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
  explicit Iperf3Server(const Session& session) : Iperf3Server(session, hold(session)) {}

  Address address() const override { return address_; }

  Measurement run(const IntervalSink&) noexcept override { return measure(&iperf_run_server); }

 private:
  Iperf3Server(const Session& session, Fd held)
      : Iperf3Endpoint('s', session, Address::local_of(held.get())),
        held_(std::move(held)),
        address_(Address::local_of(held_.get())) {
    iperf_set_test_bind_address(test_.get(), address_.host().c_str());
    iperf_set_test_one_off(test_.get(), 1);
  }

  // A UDP test uses the same number for both: the UDP one is looked at and let go again. When any
  // free port will do, and UDP's is taken, it looks at some more.
  static Fd hold(const Session& session, int attempts = 8) {
    Fd tcp = hold_port(session.address, SOCK_STREAM);
    if (session.options.transport != Transport::udp) return tcp;
    try {
      hold_port(Address::local_of(tcp.get()), SOCK_DGRAM);
    } catch (const std::system_error&) {
      if (session.address.port() != 0 || attempts == 1) throw;
      return hold(session, attempts - 1);
    }
    return tcp;
  }

  Fd held_;
  const Address address_;
};

class Iperf3Client final : public Iperf3Endpoint {
 public:
  explicit Iperf3Client(const Session& session) : Iperf3Endpoint('c', session, session.address) {
    iperf_set_test_server_hostname(test_.get(), session.address.host().c_str());
    iperf_set_test_omit(test_.get(), schedule_.omit_s);
    iperf_set_test_duration(test_.get(), schedule_.run_s);
    apply(session.options);
  }

  Measurement run(const IntervalSink&) noexcept override {
    Fd control = dial();
    if (!control) {
      Measurement m;
      m.error = "connect to " + session_.address.to_string() + ": " + std::strerror(errno);
      return m;
    }
    iperf_set_control_socket(test_.get(), control.release());  // libiperf closes it
    return measure(&iperf_run_client);
  }

 private:
  // The server listens a moment after its port is known; a probe would end its only test, so the
  // control connection itself is dialled until it stands. Fails with errno past the deadline.
  Fd dial() const noexcept {
    for (;;) {
      Fd fd(::socket(session_.address.family(), SOCK_STREAM | SOCK_CLOEXEC, 0));
      if (fd && ::connect(fd.get(), session_.address.data(), session_.address.size()) == 0)
        return fd;
      if (errno != ECONNREFUSED || now_ns() > session_.deadline) return Fd();
      std::this_thread::sleep_for(std::chrono::nanoseconds(kRetry));
    }
  }

  void apply(const Options& o) {
    iperf_test* const t = test_.get();
    const auto number = [](const auto& value) { return static_cast<int>(value.value_or(0)); };
    if (o.transport == Transport::udp) set_protocol(t, Pudp);
    iperf_set_test_blksize(t, number(o.message_size));
    iperf_set_test_num_streams(t, number(o.streams));
    // Ours is of all streams together, iperf3's of each; 0 is unlimited, also for UDP.
    iperf_set_test_rate(t, o.rate_bps.value_or(0) / o.streams.value_or(1));
    if (o.bytes) iperf_set_test_bytes(t, *o.bytes);
    iperf_set_test_reverse(t, o.reverse.value_or(false));
    iperf_set_test_bidirectional(t, o.bidirectional.value_or(false));
    iperf_set_test_socket_bufsize(t, number(o.send_buffer ? o.send_buffer : o.receive_buffer));
    iperf_set_test_tos(t, number(o.tos));
    iperf_set_test_zerocopy(t, o.zero_copy.value_or(false));
    iperf_set_test_no_delay(t, o.nodelay.value_or(false));
    if (o.mss) iperf_set_test_mss(t, number(o.mss));
    // The library copies the name, and takes it as char* all the same.
    if (o.congestion_control)
      iperf_set_test_congestion_control(t, const_cast<char*>(o.congestion_control->c_str()));
  }
};

std::optional<std::string> object_to(const Options& o) {
  // libiperf counts nonsense, without an error, when its header does not fit.
  if (o.transport == Transport::udp)
    if (auto objection = datagram_objection(o)) return objection;
  if (o.send_buffer && o.receive_buffer && o.send_buffer != o.receive_buffer)
    return "iperf3 has one buffer size (-w): give send_buffer and receive_buffer the same "
           "value, or one of them alone";
  if (o.duration && *o.duration < kIperf3Interval)
    return "iperf3 reports intervals of 100ms: duration must be that at least";
  if (o.streams.value_or(1) > 128) return "iperf3 has at most 128 streams";
  if (o.rate_bps && *o.rate_bps < o.streams.value_or(1))
    return "rate is that of all streams together: it must be 1 bit/s a stream at least";
  if (o.bytes && o.warmup.value_or(0) % kSecond != 0)
    return "iperf3 with a limit of bytes can leave out whole seconds only: set warmup to 0s or 1s";
  return std::nullopt;
}

Engine make_engine(Transport transport, std::vector<std::string_view> parameters) {
  return {
      .name = "iperf3",
      .summary = "libiperf, the library of iperf3, one process an end",
      .kind = Kind::throughput,
      .transport = transport,
      .parameters = std::move(parameters),
      .unavailable = always_available,
      .listen = [](const Session& s) -> std::unique_ptr<Endpoint> {
        return std::make_unique<Iperf3Server>(s);
      },
      .connect = [](const Session& s) -> std::unique_ptr<Endpoint> {
        return std::make_unique<Iperf3Client>(s);
      },
      .objection = object_to,
  };
}

}  // namespace

const Engine& iperf3_tcp() {
  static const Engine engine =
      make_engine(Transport::tcp, {"message_size", "streams", "duration", "warmup", "bytes", "rate",
                                   "reverse", "bidirectional", "congestion_control", "nodelay",
                                   "send_buffer", "receive_buffer", "mss", "tos", "zero_copy",
                                   "pin.client", "pin.server", "ip", "port"});
  return engine;
}

const Engine& iperf3_udp() {
  static const Engine engine =
      make_engine(Transport::udp, {"message_size", "streams", "duration", "warmup", "bytes", "rate",
                                   "reverse", "bidirectional", "send_buffer", "receive_buffer",
                                   "tos", "pin.client", "pin.server", "ip", "port"});
  return engine;
}

std::string libiperf_version() {
  return iperf_get_iperf_version();
}

}  // namespace pingperf
