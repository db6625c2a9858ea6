// pingperf ping: a client for use by hand, which goes on until Ctrl-C.
#include <fmt/format.h>
#include <poll.h>

#include <algorithm>
#include <cstdio>

#include "harness/base/counted.h"
#include "harness/base/interrupt.h"
#include "harness/base/json.h"
#include "harness/base/print_message.h"
#include "harness/base/units.h"
#include "harness/base/usage_error.h"
#include "harness/report/results_table.h"
#include "sockets/commands/ping_client.h"
#include "sockets/commands/ping_statistics.h"
#include "tools/addresses.h"
#include "tools/commands.h"

namespace pingperf {
namespace {

constexpr double kMaxPrintedHz = 20;                    // pings per second that a person can follow
constexpr Nanoseconds kRetry = 100 * kMillisecond;      // after a ping that failed at once
constexpr Nanoseconds kMaxCatchUp = 20 * kMillisecond;  // such as a scheduler slice of others

constexpr std::pair<const char*, double> kQuantiles[] = {
    {"p50", 0.5}, {"p90", 0.9}, {"p99", 0.99}, {"p99.9", 0.999}};

// Returns the address as text, without the port 0 of raw and ICMP.
std::string text_of(const Address& server) {
  const bool has_no_port = server.family() != AF_UNIX && server.port() == 0;
  return has_no_port ? server.host() : server.to_string();
}

double percent_lost(const PingStatistics& figures) {
  return figures.sent() == 0
             ? 0
             : 100.0 * static_cast<double>(figures.lost()) / static_cast<double>(figures.sent());
}

std::string duration_text(Nanoseconds time) {
  return human_duration(static_cast<double>(time));
}

std::string rate_text(double hz) {
  return hz < 100 ? fmt::format("{:.3g}", hz) : fmt::format("{:.0f}", hz);
}

// Prints minimum, quantiles and maximum in one unit, which suits the maximum.
void print_rtt(const Histogram& h) {
  const bool in_ms = h.max() > 10 * kMillisecond;
  const auto text = [&](Nanoseconds time) {
    const auto ns = static_cast<double>(time);
    return in_ms ? fmt::format("{:.3f}", ns / 1e6) : fmt::format("{:.1f}", ns / 1e3);
  };
  std::string names = "min", values = text(h.min());
  for (const auto& [name, q] : kQuantiles) {
    if (!h.has_quantile(q)) continue;
    names += fmt::format("/{}", name);
    values += fmt::format("/{}", text(h.quantile(q)));
  }
  fmt::print("rtt {}/max = {}/{} {}\n", names, values, text(h.max()), in_ms ? "ms" : "µs");
}

void print_summary(const PingCommand& command, const Address& server,
                   const PingStatistics& figures) {
  fmt::print("{}--- {} {} ping statistics ---\n", command.quiet ? "" : "\n", text_of(server),
             command.transport);
  fmt::print("{} sent, {} received, {} lost ({:.3g}%), {}", figures.sent(), figures.received(),
             figures.lost(), percent_lost(figures), duration_text(figures.elapsed()));
  if (figures.rate_hz() > 0)
    fmt::print(", {} pings/s, longest time between two pongs {}", rate_text(figures.rate_hz()),
               duration_text(figures.longest_gap()));
  fmt::print("\n");
  if (figures.outages() > 0)
    fmt::print("{}, {} in all\n", counted(figures.outages(), "outage"),
               duration_text(figures.outage_time()));
  for (const auto& [reason, count] : figures.reasons()) fmt::print("{} lost: {}\n", count, reason);
  if (figures.waited() > 0)
    fmt::print("waited {} for the server's turn, which is in no round trip\n",
               duration_text(figures.waited()));
  if (figures.rtt().count() > 0) print_rtt(figures.rtt());
}

Json summary_json(const PingCommand& command, const Address& server,
                  const PingStatistics& figures) {
  const Histogram& h = figures.rtt();
  Json json = {{"server", text_of(server)},
               {"transport", command.transport},
               {"message_size_bytes", command.message_size},
               {"sent", figures.sent()},
               {"received", figures.received()},
               {"lost", figures.lost()},
               {"lost_because", Json::object()},
               {"elapsed_s", to_seconds(figures.elapsed())},
               {"rate_hz", nullptr},
               {"longest_gap_s", nullptr},
               {"outages", figures.outages()},
               {"outage_s", to_seconds(figures.outage_time())},
               {"waited_s", to_seconds(figures.waited())},
               {"rtt_ns", nullptr}};
  for (const auto& [reason, count] : figures.reasons()) json["lost_because"][reason] = count;
  if (figures.rate_hz() > 0) {
    json["rate_hz"] = figures.rate_hz();
    json["longest_gap_s"] = to_seconds(figures.longest_gap());
  }
  if (h.count() == 0) return json;
  Json& rtt = json["rtt_ns"] = {{"min", h.min()}, {"max", h.max()}};
  for (const auto& [name, q] : kQuantiles)
    rtt[name] = h.has_quantile(q) ? Json(h.quantile(q)) : Json(nullptr);
  return json;
}

// Waits until it is time for the next ping. Returns false if the user interrupts.
bool wait_until(Nanoseconds when, const Interrupt& interrupt) {
  do {
    const Nanoseconds left = std::max<Nanoseconds>(0, when - now_ns());
    const timespec limit{left / kSecond, left % kSecond};
    pollfd p{interrupt.fd(), POLLIN, 0};
    if (::ppoll(&p, 1, &limit, nullptr) > 0) return false;
  } while (now_ns() < when);
  return true;
}

// The pings of one command, their lines on the terminal and their figures.
class PingRun {
 public:
  PingRun(const PingCommand& command, PingClient& client, const Interrupt& interrupt)
      : command_(command),
        client_(client),
        interrupt_(interrupt),
        prints_each_(!command.quiet && command.frequency_hz > 0 &&
                     command.frequency_hz <= kMaxPrintedHz),
        figures_(now_ns()) {}

  // Sends the pings, one after the other. If a ping is late by no more than kMaxCatchUp, the next
  // ones follow at once until the schedule is met, which keeps the rate. After a longer delay,
  // skips the missed pings. While the server serves another client, retries at most `count` times.
  PingStatistics run() {
    const std::uint64_t count = command_.count ? command_.count : command_.once ? 1 : UINT64_MAX;
    const Nanoseconds gap =
        command_.frequency_hz > 0 ? static_cast<Nanoseconds>(1e9 / command_.frequency_hz) : 0;
    Nanoseconds next = now_ns();
    while (number_ < count && waits_ < count && !interrupt_.raised()) {
      const Nanoseconds sent = now_ns();
      if (!send(sent)) break;
      next += gap;
      if (now_ns() - next > kMaxCatchUp) next = now_ns();
      if (figures_.in_outage()) next = std::max(next, sent + kRetry);
      const bool is_last = number_ == count || waits_ == count;
      if (!is_last && next > now_ns() && !wait_until(next, interrupt_)) break;
    }
    const Nanoseconds now = now_ns();
    if (waiting_since_ != 0)
      figures_.lost(waiting_since_, now,
                    "connected, but not answered: the server may serve another client");
    figures_.finish(now);
    return figures_;
  }

 private:
  // Sends the next ping, or goes on with the wait for the server's turn. Returns false if the user
  // interrupts.
  bool send(Nanoseconds sent) {
    const PingResult result = client_.ping(number_);
    switch (result.outcome) {
      case PingOutcome::interrupted:
        return false;
      case PingOutcome::waiting:
        wait(sent);
        return true;
      case PingOutcome::lost:
        lose(sent, result.reason);
        break;
      case PingOutcome::served:
        figures_.served(now_ns(), result.rtt);
        if (!command_.quiet)
          print_line("seq={}: answered after waiting {}", number_, duration_text(result.rtt));
        break;
      case PingOutcome::pong:
        record_pong(result.rtt);
        break;
    }
    waiting_since_ = 0;
    ++number_;
    return true;
  }

  void wait(Nanoseconds sent) {
    ++waits_;
    if (waiting_since_ != 0) return;
    waiting_since_ = sent;
    if (!command_.quiet)
      print_line("seq={}: connected, and waiting for the server, which may serve another client",
                 number_);
  }

  void lose(Nanoseconds sent, const std::string& reason) {
    const bool is_first = !figures_.in_outage();
    figures_.lost(waiting_since_ != 0 ? waiting_since_ : sent, now_ns(), reason);
    if (prints_each_ || (is_first && !command_.quiet))
      print_line("no pong from {}: seq={}: {}", text_of(client_.server()), number_, reason);
  }

  void record_pong(Nanoseconds rtt) {
    const bool is_back = figures_.in_outage();
    figures_.pong(now_ns(), rtt);
    if (is_back && !command_.quiet)
      print_line("the pongs are back after {}: {} lost", duration_text(figures_.last_outage()),
                 figures_.lost_in_outage());
    if (prints_each_)
      print_line("{} from {}: seq={} time={}", counted(command_.message_size, "byte"),
                 text_of(client_.server()), number_, duration_text(rtt));
  }

  template <typename... Arguments>
  static void print_line(fmt::format_string<Arguments...> format, Arguments&&... arguments) {
    fmt::print("{}\n", fmt::format(format, std::forward<Arguments>(arguments)...));
    std::fflush(stdout);
  }

  const PingCommand& command_;
  PingClient& client_;
  const Interrupt& interrupt_;
  const bool prints_each_;
  PingStatistics figures_;
  std::uint64_t number_ = 0;
  std::uint64_t waits_ = 0;        // turns in which a ping waited for the server
  Nanoseconds waiting_since_ = 0;  // send time of the ping that waits
};

void print_header(const PingCommand& command, const std::vector<Address>& servers) {
  std::string names;
  for (const Address& server : servers) names += (names.empty() ? "" : ", ") + text_of(server);
  fmt::print("PING {} over {}: {}{}\n", names, command.transport,
             counted(command.message_size, "byte"),
             command.once ? ", one connection per ping" : "");
  std::fflush(stdout);
}

}  // namespace

int ping_command(PingCommand command) {
  const bool as_json = command.format == "json";
  command.quiet |= as_json;
  const Transport transport = *transport_from(command.transport);
  if ((transport == Transport::raw || transport == Transport::icmp) && command.message_size < 16)
    throw UsageError("--size: a raw or ICMP ping requires at least 16 bytes");
  if (command.once && !is_stream(transport))
    throw UsageError("--once: requires a transport with connections: tcp or unix");
  std::vector<Address> servers = read_addresses("ping", command.server, transport, command.port);
  const Interrupt interrupt;
  const PingClientConfig config{.transport = transport,
                                .servers = std::move(servers),
                                .message_size = command.message_size,
                                .once = command.once,
                                .interrupt = interrupt.fd()};
  PingClient client(config);
  if (!command.quiet) print_header(command, config.servers);
  const PingStatistics figures = PingRun(command, client, interrupt).run();
  if (as_json)
    print_json(summary_json(command, client.server(), figures));
  else
    print_summary(command, client.server(), figures);
  if (figures.rtt().count() > 0) return 0;
  for (const auto& [reason, count] : figures.reasons())
    print_message("pingperf ping: {}\n", reason);
  return 3;
}

}  // namespace pingperf
