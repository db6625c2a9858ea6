// libiperf runs one whole test per call, keeps its state in globals and may call exit(): each end
// is the only test its worker process ever runs (docs/architecture.md).
#include "harness/iperf3.h"

// Before iperf_api.h, which needs it and does not include it.
#include <cstdint>
//
#include <fcntl.h>
#include <fmt/format.h>
#include <getopt.h>
#include <iperf_api.h>
#include <net/if.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <condition_variable>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <sstream>
#include <thread>

#include "harness/iperf3_result.h"
#include "harness/process.h"
#include "sockets/datagram.h"
#include "sockets/engines.h"
#include "sockets/error.h"
#include "sockets/fd.h"
#include "sockets/socket_options.h"
#include "sockets/usage.h"

namespace pingperf {
namespace {

constexpr Nanoseconds kRetry = kMillisecond;
constexpr Nanoseconds kRestart = 2 * kSecond;  // of an external server, between two tests
constexpr unsigned kParser_s = 5;              // that libiperf's parser may take

// CPU time and context switches of this process in the measured window, by a thread that sleeps.
// libiperf does not tell when its test begins: the window is early by the few milliseconds of its
// handshake.
class UsageWindow {
 public:
  explicit UsageWindow(const Iperf3Schedule& schedule)
      : begin_(now_ns() + schedule.omit_s * kSecond + schedule.rest),
        end_(schedule.duration ? begin_ + *schedule.duration : 0),
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

Test new_test() {
  Test test(iperf_new_test(), &iperf_free_test);
  if (!test || iperf_defaults(test.get()) != 0) throw std::runtime_error("iperf_new_test failed");
  return test;
}

Test new_test(const Address& address) {
  Test test = new_test();
  iperf_set_test_server_port(test.get(), address.port());
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

// What libiperf's client is told as a command line: what it has no setter for, or checks against
// the words that the experiment adds. Its parser keeps the words, and puts them in another order.
class CommandLine {
 public:
  explicit CommandLine(const Options& o) : words_{"iperf3", "-c", "set-later"} {
    add_when(o.transport == Transport::udp, {"-u"});
    add_when(o.reverse.value_or(false), {"-R"});
    add_when(o.bidirectional.value_or(false), {"--bidir"});
    add_when(o.fq_rate_bps.has_value(), {"--fq-rate", std::to_string(o.fq_rate_bps.value_or(0))});
    add_when(o.flow_label.has_value(), {"-L", std::to_string(o.flow_label.value_or(0))});
    add_when(o.bind_device.has_value(), {"--bind-dev", o.bind_device.value_or("")});
    std::istringstream own(o.iperf3_options.value_or(""));
    for (std::string word; own >> word;) words_.push_back(word);
    words_.emplace_back("-J");  // last: it tells whether the others were taken
    for (std::string& word : words_) argv_.push_back(word.data());
    argv_.push_back(nullptr);
  }

  // Throws what libiperf objects to. A word that it does not know ends the process instead, after
  // a complaint on stderr.
  void parse(iperf_test* test) {
    optind = 0;
    i_errno = 0;
    if (iperf_parse_arguments(test, static_cast<int>(words_.size()), argv_.data()) < 0)
      throw std::runtime_error(iperf_strerror(i_errno));
    if (iperf_get_test_json_output(test) == 0)
      throw std::runtime_error(fmt::format("'{}' needs a value", words_[words_.size() - 2]));
    // What is no option stands behind all options now (getopt(3)).
    if (const std::string_view last = argv_[words_.size() - 1]; last != "-J")
      throw std::runtime_error(fmt::format("'{}' is no option, nor the value of one", last));
  }

 private:
  void add_when(bool wanted, std::initializer_list<std::string> words) {
    if (wanted) words_.insert(words_.end(), words);
  }

  std::vector<std::string> words_;
  std::vector<char*> argv_;
};

// The child of object_to_words(): parses, with `out` as its stderr, and ends with 0 when all is
// well.
[[noreturn]] void try_to_parse(const Options& options, int out) {
  std::atexit([] { ::_exit(1); });  // the parser's exit(): the other handlers are the parent's
  ::signal(SIGALRM, SIG_DFL);
  ::alarm(kParser_s);
  const Fd null(::open("/dev/null", O_RDWR | O_CLOEXEC));
  ::dup2(null.get(), STDIN_FILENO);
  ::dup2(null.get(), STDOUT_FILENO);
  ::dup2(out, STDERR_FILENO);
  try {
    const Test test = new_test();
    CommandLine(options).parse(test.get());
  } catch (const std::exception& e) {
    std::fprintf(stderr, "%s\n", e.what());
    ::_exit(1);
  }
  ::_exit(0);
}

// All that comes from `fd` until its other end is closed.
std::string read_all(int fd) {
  std::string text;
  char buffer[4096];
  for (ssize_t n; (n = ::read(fd, buffer, sizeof buffer)) != 0;) {
    if (n > 0) text.append(buffer, static_cast<std::size_t>(n));
    if (n < 0 && errno != EINTR) break;
  }
  return text;
}

// The first line of a complaint, without the program's name and a trailing colon.
std::string complaint_in(std::string text) {
  constexpr std::string_view kProgram = "iperf3: ";
  text.resize(std::min(text.find('\n'), text.size()));
  if (text.starts_with(kProgram)) text.erase(0, kProgram.size());
  text.resize(text.find_last_not_of(": ") + 1);
  return text.empty() ? "libiperf's parser did not come to an end" : text;
}

// What libiperf's parser objects to in iperf3_options. It may call exit(), so a process of its own
// asks it.
std::optional<std::string> object_to_words(const Options& options) {
  if (options.iperf3_options.value_or("").empty()) return std::nullopt;
  Pipe pipe = make_pipe();
  std::fflush(nullptr);
  const pid_t child = check(::fork(), "fork");
  if (child == 0) try_to_parse(options, pipe.write.get());
  pipe.write = Fd();
  const std::string said = read_all(pipe.read.get());
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) continue;
  if (status == 0) return std::nullopt;
  return fmt::format("iperf3_options: {} (`iperf3 --help` lists the options of a version)",
                     complaint_in(said));
}

class Iperf3Endpoint : public Endpoint {
 public:
  // Nothing in libiperf ends a test from outside but its end: the worker goes, and the agent says
  // so. Reached only when the trial has failed already.
  void stop() noexcept override { ::_exit(1); }

 protected:
  Iperf3Endpoint(const Session& session, const Address& address)
      : session_(session), schedule_(session.options, session.external), test_(new_test(address)) {}

  // Runs `call` (the client or the server) to its end. Success is rc 0 and JSON without an error:
  // 3.12 returns 0 with an error in it.
  Measurement measure(int (*call)(iperf_test*)) {
    ::signal(SIGPIPE, SIG_IGN);  // iperf3 does that in its main()
    silence_stdout();
    UsageWindow usage(schedule_);
    i_errno = 0;
    const int rc = call(test_.get());
    const char* const json = iperf_get_test_json_output_string(test_.get());
    Measurement m;
    if (json != nullptr) m = read_iperf3_result(json, schedule_);
    if (session_.external && json != nullptr && m.error.empty())
      m.peer = std::make_shared<Measurement>(read_iperf3_server(json, schedule_, session_.options));
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
      : Iperf3Endpoint(session, Address::local_of(held.get())),
        held_(std::move(held)),
        address_(Address::local_of(held_.get())) {
    iperf_set_test_role(test_.get(), 's');
    iperf_set_test_json_output(test_.get(), 1);
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
  explicit Iperf3Client(const Session& session)
      : Iperf3Endpoint(session, session.address), command_line_(session.options) {
    const Options& o = session.options;
    if (const auto objection = object_to_words(o)) throw std::runtime_error(*objection);
    if (o.bind_device && ::if_nametoindex(o.bind_device->c_str()) == 0)
      throw std::runtime_error("bind_device: there is no interface '" + *o.bind_device + "' here");
    command_line_.parse(test_.get());  // before the setters: it overwrites what they set
    iperf_set_test_server_hostname(test_.get(), session.address.host().c_str());
    iperf_set_test_omit(test_.get(), schedule_.omit_s);
    iperf_set_test_duration(test_.get(), schedule_.run_s);
    iperf_set_test_get_server_output(test_.get(), session.external);
    apply(o);
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
  // control connection itself is dialled until it stands. Fails with errno past the deadline, or
  // when an external server does not come back after the test before.
  Fd dial() const noexcept {
    const Nanoseconds limit =
        session_.external ? std::min(session_.deadline, now_ns() + kRestart) : session_.deadline;
    for (;;) {
      Fd fd(::socket(session_.address.family(), SOCK_STREAM | SOCK_CLOEXEC, 0));
      if (fd && bind_to_device(fd.get()) &&
          ::connect(fd.get(), session_.address.data(), session_.address.size()) == 0)
        return fd;
      if (errno != ECONNREFUSED || now_ns() > limit) return Fd();
      std::this_thread::sleep_for(std::chrono::nanoseconds(kRetry));
    }
  }

  // As libiperf does with the streams. False, with errno, when the kernel would not.
  bool bind_to_device(int fd) const noexcept {
    const auto& device = session_.options.bind_device;
    return !device || ::setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, device->data(),
                                   static_cast<socklen_t>(device->size())) == 0;
  }

  void apply(const Options& o) {
    iperf_test* const t = test_.get();
    const auto number = [](const auto& value) { return static_cast<int>(value.value_or(0)); };
    iperf_set_test_blksize(t, number(o.message_size));
    iperf_set_test_num_streams(t, number(o.streams));
    // Ours is of all streams together, iperf3's of each; 0 is unlimited, also for UDP.
    iperf_set_test_rate(t, o.rate_bps.value_or(0) / o.streams.value_or(1));
    if (o.bytes) iperf_set_test_bytes(t, *o.bytes);
    if (o.messages) iperf_set_test_blocks(t, *o.messages);
    iperf_set_test_burst(t, number(o.burst));
    if (o.pacing_timer)
      iperf_set_test_pacing_timer(t, static_cast<int>(*o.pacing_timer / kMicrosecond));
    iperf_set_test_repeating_payload(t, o.repeating_payload.value_or(false));
    iperf_set_dont_fragment(t, o.dont_fragment.value_or(false));
    iperf_set_test_socket_bufsize(t, number(o.send_buffer ? o.send_buffer : o.receive_buffer));
    iperf_set_test_tos(t, number(o.tos));
    iperf_set_test_zerocopy(t, o.zero_copy.value_or(false));
    iperf_set_test_no_delay(t, o.nodelay.value_or(false));
    if (o.mss) iperf_set_test_mss(t, number(o.mss));
    // The library copies the name, and takes it as char* all the same.
    if (o.congestion_control)
      iperf_set_test_congestion_control(t, const_cast<char*>(o.congestion_control->c_str()));
  }

  CommandLine command_line_;
};

// What libiperf cannot count to, or not without losing its way.
std::optional<std::string> object_to_limit(const Options& o) {
  const bool reverse = o.reverse.value_or(false);
  if (o.warmup.value_or(0) % kSecond != 0)
    return "iperf3 with a limit of bytes or messages can leave out whole seconds only: set warmup "
           "to 0s or 1s";
  if (o.messages && (reverse || o.bidirectional.value_or(false)))
    return "iperf3 counts the messages that the client sends: with reverse or bidirectional set "
           "bytes or duration";
  if (reverse && o.transport == Transport::udp)
    return "iperf3's client waits for all bytes, and a lost datagram never comes: with reverse set "
           "duration";
  return std::nullopt;
}

std::optional<std::string> object_to_pacing_and_headers(const Options& o) {
  if ((o.burst || o.pacing_timer) && !o.rate_bps)
    return "burst and pacing_timer are of a paced rate: set rate";
  if (o.flow_label && o.ip != 6) return "flow_label: only IPv6 has one: set ip: 6";
  if (o.dont_fragment.value_or(false) && (o.ip == 6 || o.reverse.value_or(false)))
    return "dont_fragment: it is for IPv4 datagrams that the client sends: leave ip: 6 and reverse "
           "out";
  return std::nullopt;
}

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
  if (is_limited(o))
    if (auto objection = object_to_limit(o)) return objection;
  if (auto objection = object_to_pacing_and_headers(o)) return objection;
  return object_to_words(o);
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
      .serves_external = true,
  };
}

// An option of iperf3 that would get in the harness's way, or that a parameter stands for.
struct RefusedOption {
  std::string_view name;
  char letter;  // 0: none
  std::string_view instead;
};

constexpr std::string_view kOutput = "the harness reads libiperf's output itself";
constexpr std::string_view kServer = "the harness says which server, and runs its own";
constexpr std::string_view kLogin = "authentication is not available";
constexpr std::string_view kSctp = "this engine serves tcp and udp";

constexpr RefusedOption kRefused[] = {
    {"server", 's', kServer},
    {"client", 'c', kServer},
    {"daemon", 'D', kServer},
    {"one-off", '1', kServer},
    {"pidfile", 'I', kServer},
    {"json", 'J', kOutput},
    {"json-stream", 0, kOutput},
    {"json-stream-full-output", 0, kOutput},
    {"logfile", 0, kOutput},
    {"forceflush", 0, kOutput},
    {"get-server-output", 0, kOutput},
    {"interval", 'i', kOutput},
    {"format", 'f', kOutput},
    {"title", 'T', kOutput},
    {"verbose", 'V', kOutput},
    {"debug", 'd', kOutput},
    {"version", 'v', kOutput},
    {"help", 'h', kOutput},
    {"username", 0, kLogin},
    {"rsa-public-key-path", 0, kLogin},
    {"use-pkcs1-padding", 0, kLogin},
    {"sctp", 0, kSctp},
    {"nstreams", 0, kSctp},
    {"xbind", 'X', kSctp},
    {"port", 'p', "set port"},
    {"udp", 'u', "set transport: udp"},
    {"version4", '4', "set ip: 4"},
    {"version6", '6', "set ip: 6"},
    {"affinity", 'A', "set pin"},
    {"bind-dev", 0, "set bind_device"},
    {"time", 't', "set duration"},
    {"timestamps", 0, kOutput},  // behind time, which begins it
    {"omit", 'O', "set warmup"},
    {"bytes", 'n', "set bytes"},
    {"blockcount", 'k', "set messages"},
    {"length", 'l', "set message_size"},
    {"parallel", 'P', "set streams"},
    {"bitrate", 'b', "set rate, and burst"},
    {"bandwidth", 0, "set rate, and burst"},
    {"pacing-timer", 0, "set pacing_timer"},
    {"fq-rate", 0, "set fq_rate"},
    {"reverse", 'R', "set reverse"},
    {"bidir", 0, "set bidirectional"},
    {"window", 'w', "set send_buffer or receive_buffer"},
    {"set-mss", 'M', "set mss"},
    {"no-delay", 'N', "set nodelay"},
    {"congestion", 'C', "set congestion_control"},
    {"linux-congestion", 0, "set congestion_control"},
    {"tos", 'S', "set tos"},
    {"dscp", 0, "set dscp"},
    {"flowlabel", 'L', "set flow_label"},
    {"zerocopy", 'Z', "set zero_copy"},
    {"repeating-payload", 0, "set repeating_payload"},
    {"dont-fragment", 0, "set dont_fragment"},
};

// getopt_long(3) takes the beginning of a name for the name: so does this.
const RefusedOption* find_refused(std::string_view name) {
  if (name == "bind") return nullptr;  // a whole name, though bind-dev begins with it
  for (const RefusedOption& option : kRefused)
    if (option.name.starts_with(name)) return &option;
  return nullptr;
}

// Letters stand together up to one that takes a value: "-Ri1".
const RefusedOption* find_refused_letter(std::string_view letters) {
  constexpr std::string_view kTakeValues = "BF";  // of those that are not refused
  for (const char letter : letters) {
    for (const RefusedOption& option : kRefused)
      if (option.letter == letter) return &option;
    if (kTakeValues.find(letter) != std::string_view::npos) break;
  }
  return nullptr;
}

}  // namespace

const Engine& iperf3_tcp() {
  static const Engine engine = make_engine(Transport::tcp, {"message_size",
                                                            "streams",
                                                            "duration",
                                                            "warmup",
                                                            "bytes",
                                                            "rate",
                                                            "reverse",
                                                            "bidirectional",
                                                            "congestion_control",
                                                            "nodelay",
                                                            "send_buffer",
                                                            "receive_buffer",
                                                            "mss",
                                                            "tos",
                                                            "zero_copy",
                                                            "pin.client",
                                                            "pin.server",
                                                            "ip",
                                                            "port",
                                                            "messages",
                                                            "burst",
                                                            "pacing_timer",
                                                            "fq_rate",
                                                            "flow_label",
                                                            "bind_device",
                                                            "repeating_payload",
                                                            "iperf3_options"});
  return engine;
}

const Engine& iperf3_udp() {
  static const Engine engine = make_engine(Transport::udp, {"message_size",  "streams",
                                                            "duration",      "warmup",
                                                            "bytes",         "rate",
                                                            "reverse",       "bidirectional",
                                                            "send_buffer",   "receive_buffer",
                                                            "tos",           "pin.client",
                                                            "pin.server",    "ip",
                                                            "port",          "messages",
                                                            "burst",         "pacing_timer",
                                                            "fq_rate",       "bind_device",
                                                            "dont_fragment", "repeating_payload",
                                                            "iperf3_options"});
  return engine;
}

std::optional<std::string> object_to_iperf3_word(std::string_view word) {
  if (word == "--") return "'--' is no option";
  if (word.size() < 2 || word.front() != '-') return std::nullopt;  // a value
  const RefusedOption* const refused = word[1] == '-'
                                           ? find_refused(word.substr(2, word.find('=') - 2))
                                           : find_refused_letter(word.substr(1));
  if (refused == nullptr) return std::nullopt;
  return fmt::format("'{}' cannot stand here: {}", word, refused->instead);
}

std::string libiperf_version() {
  return iperf_get_iperf_version();
}

}  // namespace pingperf
