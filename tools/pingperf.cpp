// pingperf: the command line. Reads arguments, calls a command, turns errors into exit codes.
#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cerrno>
#include <cstdio>
#include <cstring>

#include "harness/agent.h"
#include "harness/channel.h"
#include "harness/iperf3.h"
#include "harness/version.h"
#include "harness/worker.h"
#include "tools/commands.h"

namespace pingperf {
namespace {

constexpr int kWrongUsage = 2, kBroken = 3;

void add_overrides(CLI::App& command, Overrides& overrides) {
  command.add_option("--set", overrides.set, "change one value, e.g. workloads.bulk.duration=5s")
      ->type_name("PATH=VALUE")
      ->allow_extra_args(false);  // each --set takes one word
  command.add_option("--only", overrides.only, "only cases or workloads that match, e.g. 'bulk/*'")
      ->type_name("GLOB");
}

std::string version_text() {
  return fmt::format("pingperf {} ({}, {} {})\nlibiperf {}", version(), git_commit(), compiler(),
                     build_type(), libiperf_version());
}

int run_cli(int argc, char** argv) {
  CLI::App app{"pingperf: one YAML experiment in, trustworthy CSV out", "pingperf"};
  app.require_subcommand(1);
  app.set_version_flag("--version", version_text());
  int result = 0;

  RunCommand run;
  run.command_line.assign(argv, argv + argc);
  CLI::App* const run_app = app.add_subcommand("run", "run experiments");
  auto* const files = run_app->add_option("FILE", run.files, "experiment files");
  run_app->add_option("-o,--output", run.results, "where runs are kept")
      ->type_name("DIR")
      ->capture_default_str();
  run_app->add_option("--resume", run.resume, "go on with an interrupted run")
      ->type_name("DIR")
      ->excludes(files);
  run_app->add_flag("-q,--quiet", run.quiet, "no progress, only failures and results");
  add_overrides(*run_app, run.overrides);
  run_app->callback([&] {
    if (run.files.empty() && run.resume.empty())
      throw UsageError(
          "pingperf run: name an experiment file, e.g. configs/quickstart.yaml, or "
          "--resume DIR");
    if (!run.resume.empty() && (!run.overrides.set.empty() || !run.overrides.only.empty()))
      throw UsageError(
          "pingperf run: --resume keeps the plan of the run: it goes without --set "
          "and --only");
    result = run_command(run);
  });

  std::vector<std::string> checked;
  Overrides overrides;
  CLI::App* const check_app = app.add_subcommand("check", "validate experiments, run nothing");
  check_app->add_option("FILE", checked, "experiment files")->required();
  add_overrides(*check_app, overrides);
  check_app->callback([&] { result = check_command(checked, overrides); });

  std::string planned;
  CLI::App* const plan_app = app.add_subcommand("plan", "print the trials in order, run nothing");
  plan_app->add_option("FILE", planned, "an experiment file")->required();
  add_overrides(*plan_app, overrides);
  plan_app->callback([&] { result = plan_command(planned, overrides); });

  PingCommand ping;
  CLI::App* const ping_app = app.add_subcommand("ping", "ping a pong, until Ctrl-C");
  ping_app->add_option("HOST[:PORT]", ping.server, "where a pong runs; a path for unix")
      ->required();
  ping_app->add_option("--transport", ping.transport, "tcp, udp, unix, raw or icmp")
      ->capture_default_str();
  ping_app->add_flag("--once", ping.once,
                     "TCP v1: connect, one ping, one pong, disconnect; one ping unless --count");
  ping_app->add_option("--count", ping.count, "how many pings")
      ->check(CLI::Range(1, 1'000'000'000));
  ping_app->add_option("--frequency", ping.frequency_hz, "pings a second; 0: as fast as it goes")
      ->capture_default_str()
      ->check(CLI::Range(0.0, 1e6));
  ping_app->add_option("--size", ping.message_size, "bytes of a ping")
      ->capture_default_str()
      ->check(CLI::Range(1, 65507));
  ping_app->callback([&] { result = ping_command(ping); });

  PongCommand pong;
  CLI::App* const pong_app = app.add_subcommand("pong", "answer pings, until Ctrl-C");
  pong_app->add_option("--bind", pong.bind, "the address to serve on; a path for unix")
      ->capture_default_str();
  pong_app->add_option("--port", pong.port, "the port")->capture_default_str();
  pong_app->add_option("--transport", pong.transport, "tcp, udp, unix or raw")
      ->capture_default_str();
  pong_app->add_flag("--concurrent", pong.concurrent, "serve all clients at once");
  pong_app->callback([&] { result = pong_command(pong); });

  SinkCommand sink;
  CLI::App* const sink_app =
      app.add_subcommand("sink", "receive what bulk senders send, until Ctrl-C");
  sink_app->add_option("--bind", sink.bind, "the address to serve on")->capture_default_str();
  sink_app->add_option("--port", sink.port, "the port")->capture_default_str();
  sink_app->add_option("--transport", sink.transport, "tcp or udp")->capture_default_str();
  sink_app->callback([&] { result = sink_command(sink); });

  app.add_subcommand("engines", "what can run on this host, and why not")->callback([&] {
    result = engines_command();
  });
  app.add_subcommand("agent", "serve a controller over stdin and stdout")->callback([&] {
    result = run_agent(STDIN_FILENO, STDOUT_FILENO);
  });
  app.add_subcommand("worker", "one end of one trial; started by the agent")
      ->group("")
      ->callback([&] { result = run_worker(); });

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    const int code = app.exit(e);
    return code == 0 ? 0 : kWrongUsage;
  }
  return result;
}

}  // namespace
}  // namespace pingperf

int main(int argc, char** argv) {
  try {
    const int code = pingperf::run_cli(argc, argv);
    if (std::fflush(stdout) == 0 && std::ferror(stdout) == 0) return code;
    fmt::print(stderr, "pingperf: cannot write to stdout: {}\n", std::strerror(errno));
    return pingperf::kBroken;
  } catch (const pingperf::UsageError& e) {
    fmt::print(stderr, "{}\n", e.what());
    return pingperf::kWrongUsage;
  } catch (const std::exception& e) {
    fmt::print(stderr, "pingperf: {}\n", e.what());
    return pingperf::kBroken;
  }
}
