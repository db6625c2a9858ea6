#include "tools/ping_cli.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>

#include "harness/base/units.h"
#include "harness/base/usage_error.h"
#include "tools/commands.h"
#include "tools/format_cli.h"

namespace pingperf {
namespace {

std::size_t ping_size_from(const std::string& text) {
  const auto size = parse_size(text);
  if (size && *size >= 1 && *size <= 65507) return *size;
  throw UsageError(fmt::format("--size: '{}' is not a size of 1 to 65507 bytes{}", text,
                               suggest_size(text, "64, 1400B or 1KiB")));
}

double ping_frequency_from(const std::string& text) {
  const auto hz = parse_frequency(text);
  if (hz && *hz >= 0 && *hz <= 1e6) return *hz;
  throw UsageError(fmt::format("--frequency: '{}' is not a frequency of 0 to 1MHz{}", text,
                               suggest_frequency(text, "5, 10Hz or 5kHz")));
}

// Returns the frequency of an interval. A plain number is in seconds, as that of ping(8).
double frequency_of_interval(const std::string& text) {
  const bool is_plain = text.find_first_not_of("0123456789.") == std::string::npos;
  const auto interval = parse_duration(is_plain ? text + "s" : text);
  if (interval == 0) return 0;
  if (interval && *interval >= kMicrosecond && *interval <= 86400 * kSecond)
    return 1 / to_seconds(*interval);
  throw UsageError(fmt::format("--interval: '{}' is neither 0 nor a time of 1us to 24h{}", text,
                               suggest_duration(text, "1, 0.2 or 10ms")));
}

// The short names are those of ping(8).
void add_ping(CLI::App& app, int& result) {
  const auto ping = std::make_shared<PingCommand>();
  const auto frequency = std::make_shared<std::string>(fmt::format("{}", ping->frequency_hz));
  const auto interval_text = std::make_shared<std::string>();
  const auto size = std::make_shared<std::string>(std::to_string(ping->message_size));
  CLI::App* const command =
      app.add_subcommand("ping", "measure round trips to a pong server until Ctrl-C");
  command->add_option("HOST[:PORT]", ping->server, "where the pong server listens; a path for unix")
      ->required();
  command->add_option("--transport", ping->transport, "the transport of the pings")
      ->capture_default_str()
      ->check(CLI::IsMember({"tcp", "udp", "unix", "raw", "icmp"}));
  command->add_flag("--once", ping->once,
                    "open a connection per ping (TCP v1); sends one ping unless --count is given");
  command
      ->add_option("-c,--count", ping->count,
                   "stop after this many pings, or this many turns of waiting for the server")
      ->type_name("COUNT")
      ->check(CLI::Range(1, 1'000'000'000));
  auto* const hz = command
                       ->add_option("--frequency", *frequency,
                                    "pings per second; 0: as fast as the replies arrive")
                       ->type_name("HZ")
                       ->capture_default_str();
  auto* const interval =
      command
          ->add_option("-i,--interval", *interval_text,
                       "time between two pings, such as 0.2 (seconds) or 10ms, instead of HZ")
          ->type_name("TIME")
          ->excludes(hz);
  command->add_option("-s,--size", *size, "bytes per ping: 1 to 65507")
      ->type_name("BYTES")
      ->capture_default_str();
  command->add_flag("-q,--quiet", ping->quiet, "print only the summary");
  add_format(*command, ping->format);
  command->callback([=, &result] {
    ping->frequency_hz = interval->count() == 0 ? ping_frequency_from(*frequency)
                                                : frequency_of_interval(*interval_text);
    ping->message_size = ping_size_from(*size);
    result = ping_command(*ping);
  });
}

// Adds the options for the address that the server listens on.
template <typename Command>
void add_address(CLI::App& app, Command& command, const char* bind_help) {
  app.add_option("--bind", command.bind, bind_help)->type_name("ADDRESS")->capture_default_str();
  app.add_option("--port", command.port, "the port to listen on")
      ->type_name("PORT")
      ->capture_default_str();
}

void add_servers(CLI::App& app, int& result) {
  const auto pong = std::make_shared<PongCommand>();
  CLI::App* const pong_app = app.add_subcommand("pong", "answer pings until Ctrl-C");
  add_address(*pong_app, *pong, "the address to listen on, 0.0.0.0 for all; a path for unix");
  pong_app->add_option("--transport", pong->transport, "the transport of the pings")
      ->capture_default_str()
      ->check(CLI::IsMember({"tcp", "udp", "unix", "raw"}));
  pong_app->add_flag("--concurrent", pong->concurrent,
                     "serve all clients at the same time, instead of one after another");
  pong_app->callback([=, &result] { result = pong_command(*pong); });

  const auto sink = std::make_shared<SinkCommand>();
  CLI::App* const sink_app =
      app.add_subcommand("sink", "receive and discard bulk data until Ctrl-C");
  add_address(*sink_app, *sink, "the address to listen on, 0.0.0.0 for all");
  sink_app->add_option("--transport", sink->transport, "the transport of the bytes")
      ->capture_default_str()
      ->check(CLI::IsMember({"tcp", "udp"}));
  sink_app->callback([=, &result] { result = sink_command(*sink); });
}

}  // namespace

void add_ping_commands(CLI::App& app, int& result) {
  add_ping(app, result);
  add_servers(app, result);
}

}  // namespace pingperf
