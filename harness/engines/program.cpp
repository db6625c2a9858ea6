#include "harness/engines/program.h"

#include <fmt/core.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <regex>
#include <sstream>

#include "harness/base/io.h"
#include "harness/engines/ports.h"
#include "harness/engines/program_arguments.h"
#include "harness/engines/program_output.h"
#include "harness/engines/program_process.h"
#include "sockets/core/error.h"
#include "sockets/measure/usage.h"

namespace pingperf {
namespace {

constexpr Nanoseconds kReadyLimit = 10 * kSecond;
constexpr Nanoseconds kReadyMargin = 200 * kMillisecond;  // of a trial shorter than that
constexpr Nanoseconds kStopGrace = 700 * kMillisecond;    // the agent waits for a second

// Returns true if a listener at the address can be looked up: raw and icmp addresses have no port.
bool is_visible(const Address& address) {
  return address.family() == AF_UNIX || address.port() != 0;
}

// One end of a program.
class ProgramEndpoint final : public Endpoint {
 public:
  ProgramEndpoint(const ProgramEnd& end, const EndpointConfig& config, bool is_server)
      : end_(end),
        config_(config),
        is_server_(is_server),
        wake_(check(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), "eventfd")),
        output_(end_) {
    if (!is_server_) return;
    if (has_port(config.options.transport) && config.address.port() == 0)
      take_free_port();
    else
      refuse_a_busy_port();
    start();
    await_readiness();
  }

  Address address() const override { return is_server_ ? config_.address : Address(); }

  Measurement run(const IntervalSink& progress) noexcept override {
    try {
      output_.report_to(progress);
      if (!process_) start();
      return await_end();
    } catch (const std::exception& e) {
      Measurement failed;
      failed.error = e.what();
      return failed;
    }
  }

  void stop() noexcept override { ::eventfd_write(wake_.get(), 1); }

 private:
  void take_free_port() {
    FreePort port = find_free_port(config_.address);
    config_.address = port.address;
    port_claim_ = std::move(port.claim);
  }

  // The client would measure the process that has the port.
  void refuse_a_busy_port() const {
    const Address& address = config_.address;
    if (has_listener(address))
      throw std::system_error(EADDRINUSE, std::generic_category(),
                              fmt::format("program '{}': {} has a listener already", end_.program,
                                          address.to_string()));
  }

  void start() {
    const ProgramValues values{config_.options, config_.address.host(), config_.address.port(),
                               end_.seed};
    std::vector<std::pair<std::string, std::string>> environment = end_.environment;
    for (auto& [name, value] : environment) value = expand(value, values);
    before_ = Usage::of({});
    process_.emplace(
        end_, expand(end_, values), std::move(environment),
        [this](std::string_view bytes) {
          output_.add(bytes);
          look_for_line(bytes, partial_output_);
        },
        [this](std::string_view bytes) { look_for_line(bytes, partial_error_); });
  }

  // Notes if a line matches the regular expression of `ready`.
  void look_for_line(std::string_view bytes, std::string& partial) {
    constexpr std::size_t kMaxMatched = 4096;  // std::regex recurses for each byte of a match
    if (!ready_line_ || has_line_) return;
    partial += bytes;
    std::size_t begin = 0;
    for (std::size_t end = 0; (end = partial.find('\n', begin)) != std::string::npos;
         begin = end + 1)
      has_line_ |= std::regex_search(partial.substr(begin, std::min(end - begin, kMaxMatched)),
                                     *ready_line_);
    partial.erase(0, begin);
    if (partial.size() > kMaxMatched) partial.clear();
  }

  bool is_ready(Nanoseconds started) const {
    switch (end_.ready.when) {
      case ProgramReady::When::line:
        return has_line_;
      case ProgramReady::When::after:
        return now_ns() >= started + end_.ready.after;
      case ProgramReady::When::listens:
        break;
    }
    return !is_visible(config_.address) || has_listener(config_.address);
  }

  std::string ready_text() const {
    switch (end_.ready.when) {
      case ProgramReady::When::line:
        return fmt::format("no line matches '{}'", end_.ready.regex);
      case ProgramReady::When::after:
        return "the trial's time is over";
      case ProgramReady::When::listens:
        break;
    }
    return fmt::format("nothing listens on {}", config_.address.to_string());
  }

  void await_readiness() {
    constexpr Nanoseconds kStep = 5 * kMillisecond;
    if (end_.ready.when == ProgramReady::When::line) ready_line_.emplace(end_.ready.regex);
    const Nanoseconds started = now_ns();
    const Nanoseconds limit = std::min(started + kReadyLimit, config_.deadline - kReadyMargin);
    while (!is_ready(started)) {
      if (const auto status = process_->pump(now_ns() + kStep, -1))
        fail(fmt::format("{} before it was ready{}", ending_of(*status),
                         *status == 0 ? " (a server has to stay in the foreground)" : ""));
      if (now_ns() >= limit)
        fail(fmt::format("was not ready within {:.1f} s: {}", to_seconds(limit - started),
                         ready_text()));
    }
    ready_line_.reset();
  }

  // Waits until the command ends. A stop() sends it the signal, and a moment later kills it.
  Measurement await_end() {
    std::optional<int> status;
    bool is_stopped = false;
    while (!status && !is_stopped) {
      status = process_->pump(now_ns() + kSecond, wake_.get());
      eventfd_t count = 0;
      is_stopped = !status && ::eventfd_read(wake_.get(), &count) == 0;
    }
    if (is_stopped) {
      if (end_.stop_signal == ProgramEnd::kEndsItself)
        fail("did not end after its client (stop: self)");
      process_->signal(end_.stop_signal);
      status = process_->pump(now_ns() + kStopGrace, -1);
      if (!status) status = process_->end();
    }
    if (!is_stopped && !is_success(*status)) fail(ending_of(*status));
    return measurement();
  }

  bool is_success(int status) const {
    return WIFEXITED(status) &&
           std::ranges::find(end_.exit_codes, WEXITSTATUS(status)) != end_.exit_codes.end();
  }

  Measurement measurement() try {
    Measurement m = output_.finish();
    set_usage(m, before_, Usage::of(process_->usage()));
    return m;
  } catch (const std::runtime_error& e) {
    fail(fmt::format("printed no valid figure: {}", e.what()));
  }

  // Throws an error with the last line of the output.
  [[noreturn]] void fail(const std::string& what) {
    process_->end();
    std::string last = process_->last_error();
    if (last.empty()) last = output_.last_line();
    throw std::runtime_error(fmt::format("program '{}' {}{}{}", end_.program, what,
                                         last.empty() ? "" : "; its last line: ", last));
  }

  const ProgramEnd end_;
  EndpointConfig config_;
  const bool is_server_;
  Fd port_claim_;  // of a port that was chosen here
  const Fd wake_;  // stop() was called
  ProgramOutput output_;
  std::optional<std::regex> ready_line_;  // while it is awaited
  std::string partial_output_, partial_error_;
  bool has_line_ = false;
  Usage before_;
  std::optional<ProgramProcess> process_;
};

}  // namespace

std::optional<std::string> unavailable(const std::string& executable,
                                       const std::string& directory) {
  const auto missing = [&](const std::string& where) {
    return fmt::format("there is no executable {}{}{}", executable, where,
                       executable.find(' ') == std::string::npos
                           ? ""
                           : " (no shell reads a command: each word is an item of the list)");
  };
  const auto is_executable = [](const std::string& path) {
    return ::access(path.c_str(), X_OK) == 0;
  };
  if (executable.find('/') != std::string::npos) {
    const bool is_relative = !executable.starts_with('/') && !directory.empty();
    const std::string path = is_relative ? directory + "/" + executable : executable;
    if (is_executable(path)) return std::nullopt;
    if (::access(path.c_str(), F_OK) == 0)
      return fmt::format("{} is not executable: chmod +x, or name its interpreter", executable);
    std::error_code ignored;
    const std::string here =
        directory.empty() ? std::filesystem::current_path(ignored).string() : directory;
    return missing(executable.starts_with('/') ? "" : " in " + here);
  }
  const char* const path = ::getenv("PATH");
  std::istringstream folders(path ? path : "/usr/bin:/bin");
  for (std::string folder; std::getline(folders, folder, ':');)
    if (is_executable(folder + "/" + executable)) return std::nullopt;
  return missing(" in PATH");
}

std::optional<std::string> unavailable(const ProgramEnd& end) {
  if (end.arguments.empty()) return std::nullopt;
  const auto why = unavailable(end.arguments.front().text, end.directory);
  return why ? std::optional(fmt::format("program '{}': {}", end.program, *why)) : std::nullopt;
}

std::string directory_here(const Program& program) {
  std::filesystem::path folder = program.folder;
  if (!program.client.directory.empty()) folder /= program.client.directory;
  return folder.lexically_normal().string();
}

std::unique_ptr<Endpoint> make_program_endpoint(const ProgramEnd& end, const EndpointConfig& config,
                                                bool is_server) {
  return std::make_unique<ProgramEndpoint>(end, config, is_server);
}

void make_engine(Program& program, Kind kind, Transport transport,
                 std::vector<std::string_view> parameters) {
  // Pinning, the address family and the port are the harness's work, whatever the program is.
  for (const std::string_view name : {"pin.client", "pin.server", "cpu_wakeful", "ip", "port"})
    parameters.push_back(name);
  Engine& engine = program.engine;
  engine.name = program.name;
  engine.summary = "a program of the experiment";
  engine.kind = kind;
  engine.transport = transport;
  engine.parameters = std::move(parameters);
  engine.unavailable = [&program]() {
    const auto why = unavailable(program.client);
    return why ? why : unavailable(program.server);
  };
  engine.connect = [&program](const EndpointConfig& config) {
    return make_program_endpoint(program.client, config, false);
  };
  if (!program.server.arguments.empty())
    engine.listen = [&program](const EndpointConfig& config) {
      return make_program_endpoint(program.server, config, true);
    };
  engine.validate = [&program](const Options& options) -> std::optional<std::string> {
    for (const ProgramEnd* const end : {&program.client, &program.server})
      if (const auto missing = missing_value(*end, options))
        return fmt::format("program '{}' names {{{}}}, which has no value in this case",
                           program.name, *missing);
    return std::nullopt;
  };
  engine.serves_external = true;
}

}  // namespace pingperf
