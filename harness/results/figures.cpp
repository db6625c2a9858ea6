#include "harness/results/figures.h"

#include <algorithm>
#include <vector>

#include "sockets/core/size_mix.h"

namespace pingperf::figures {
namespace {

const Options& options(const TrialRecord& r) {
  return *r.trial_case->options;
}

bool is_transfer(const TrialRecord& r) {
  return options(r).kind == Kind::throughput;
}

Value rate(const std::optional<std::uint64_t>& bytes, const Value& seconds) {
  if (!bytes || !seconds || *seconds <= 0) return std::nullopt;
  return 8 * static_cast<double>(*bytes) / *seconds;
}

// Returns the payload bits a second of the pings, or pongs, of `size` bytes of answered exchanges.
Value ping_goodput(const TrialRecord& r, const std::optional<std::uint64_t>& size) {
  const Value pings = ping_rate(r);
  return pings && size ? Value(8 * *pings * static_cast<double>(*size)) : std::nullopt;
}

// Returns the payload bits a second of the answered pings of a mix of sizes.
Value mixed_goodput(const TrialRecord& r) {
  const std::vector<SizeShare> mix = parse_size_mix(*options(r).size_mix).value();
  std::uint64_t bytes = 0;
  for (std::size_t i = 0; i < std::min(mix.size(), r.client.rtt_of_sizes.size()); ++i)
    bytes += mix[i].size * r.client.rtt_of_sizes[i].count();
  return r.client.exchanges ? rate(bytes, r.client.window_s) : std::nullopt;
}

Value quantile(const Histogram& h, double q) {
  if (!h.has_quantile(q)) return std::nullopt;
  return static_cast<double>(h.quantile(q));
}

// Returns the CPU time of one end in the window, including its background.
Value own_cpu(const TrialRecord& r, Measurement TrialRecord::*end) {
  const Value own = cpu(r.*end);
  if (!own || !r.background) return own;
  const Measurement& background = (*r.background).*end;
  const Value loaded = cpu(background);
  if (!loaded || !background.window_s || !(r.*end).window_s) return std::nullopt;
  return *own + *loaded * *(r.*end).window_s / *background.window_s;
}

}  // namespace

bool both(const TrialRecord& r) {
  return options(r).bidirectional.value_or(false);
}

const Measurement& sender(const TrialRecord& r) {
  return !both(r) && options(r).reverse.value_or(false) ? r.server : r.client;
}
const Measurement& receiver(const TrialRecord& r) {
  if (options(r).kind != Kind::throughput) return r.client;
  return !both(r) && options(r).reverse.value_or(false) ? r.client : r.server;
}

Value sum(const Value& a, const Value& b) {
  return a && b ? Value(*a + *b) : std::nullopt;
}

Value throughput(const TrialRecord& r) {
  if (!is_transfer(r)) return std::nullopt;
  if (both(r))
    return sum(rate(r.client.bytes_received, r.client.window_s),
               rate(r.server.bytes_received, r.server.window_s));
  return rate(receiver(r).bytes_received, receiver(r).window_s);
}

Value sent_rate(const TrialRecord& r) {
  if (!is_transfer(r)) return std::nullopt;
  if (both(r))
    return sum(rate(r.client.bytes_sent, r.client.window_s),
               rate(r.server.bytes_sent, r.server.window_s));
  return rate(sender(r).bytes_sent, sender(r).window_s);
}

Value datagrams_lost(const TrialRecord& r) {
  const Value lost = received(&Measurement::datagrams_lost)(r);
  const Value all = sent(&Measurement::total_datagrams_sent)(r);
  const Value expected = received(&Measurement::total_datagrams_expected)(r);
  return lost && all && expected ? *lost + std::max(0.0, *all - *expected) : lost;
}

Value loss_ratio(const TrialRecord& r) {
  const Value lost = datagrams_lost(r);
  const Value here = received(&Measurement::datagrams_received)(r);
  const Value all = sum(lost, here);
  return all && *all > 0 ? Value(*lost / *all) : std::nullopt;
}

Value cpu(const Measurement& m) {
  return sum(m.cpu_user_s, m.cpu_system_s);
}

Value reported(const TrialRecord& r, const std::string& column) {
  for (const Measurement* const end : {&r.client, &r.server})
    if (const auto found = end->figures.find(column); found != end->figures.end())
      return found->second;
  return std::nullopt;
}

Value loss_of(const ReceiverFigures& receiver) {
  const auto all = static_cast<double>(receiver.received + receiver.lost);
  return all > 0 ? Value(static_cast<double>(receiver.lost) / all) : std::nullopt;
}

Value bytes_sent(const TrialRecord& r) {
  return is_transfer(r) ? sent(&Measurement::bytes_sent)(r) : std::nullopt;
}

Value bytes_received(const TrialRecord& r) {
  return is_transfer(r) ? received(&Measurement::bytes_received)(r) : std::nullopt;
}

Value payload(const TrialRecord& r) {
  const Value figure = reported(r, "bytes_received");
  return figure ? figure : bytes_received(r);
}

Value cpu_per_gb(const TrialRecord& r) {
  const Value both_ends = sum(cpu(r.client), cpu(r.server));
  const Value bytes = payload(r);
  return both_ends && bytes && *bytes > 0 ? Value(*both_ends / (*bytes * 1e-9)) : std::nullopt;
}

Value copies(const TrialRecord& r) {
  return sum(number(sender(r).sending_copies), number(receiver(r).receiving_copies));
}

Value switches(const TrialRecord& r) {
  return sum(number(r.client.context_switches), number(r.server.context_switches));
}

Value steal(const TrialRecord& r) {
  const Value &a = r.client.steal_ratio, &b = r.server.steal_ratio;
  return a && b ? Value(std::max(*a, *b)) : a ? a : b;
}

Value ping_rate(const TrialRecord& r) {
  if (!r.client.exchanges || !r.client.window_s || *r.client.window_s <= 0) return std::nullopt;
  return static_cast<double>(*r.client.exchanges) / *r.client.window_s;
}

Value request_rate(const TrialRecord& r) {
  if (options(r).size_mix && !is_transfer(r)) return mixed_goodput(r);
  return ping_goodput(r, options(r).message_size);
}

Value response_rate(const TrialRecord& r) {
  const Options& o = options(r);
  if (o.size_mix && !o.response_size && !is_transfer(r)) return mixed_goodput(r);
  return ping_goodput(r, o.response_size ? o.response_size : o.message_size);
}

Getter rtt_quantile(double q) {
  return [q](const TrialRecord& r) {
    return r.client.rtt ? quantile(*r.client.rtt, q) : std::nullopt;
  };
}

Value span_quantile(const Measurement& m, Span span, double q) {
  const auto found = m.spans.find(span);
  return found == m.spans.end() ? std::nullopt : quantile(found->second, q);
}

Getter span_quantile(Span span, double q) {
  return [=](const TrialRecord& r) { return span_quantile(r.client, span, q); };
}

Getter oneway_quantile(Span span, double q) {
  return
      [=](const TrialRecord& r) { return r.same_clock ? span_quantile(span, q)(r) : std::nullopt; };
}

Getter frame_quantile(double q) {
  return [=](const TrialRecord& r) {
    return r.same_clock ? span_quantile(receiver(r), Span::frame, q) : std::nullopt;
  };
}

Value frames_late(const TrialRecord& r) {
  return r.same_clock ? number(receiver(r).frames_late) : std::nullopt;
}

Value frames_dropped(const TrialRecord& r) {
  return sum(number(sender(r).frames_dropped), number(receiver(r).frames_dropped));
}

Value other_load(const TrialRecord& r) {
  const auto of_host = [](const Measurement& m, const Value& own) -> Value {
    if (!m.host_busy_s || !m.host_total_s || !own || *m.host_total_s <= 0) return std::nullopt;
    return std::max(0.0, (*m.host_busy_s - *own) / *m.host_total_s);
  };
  const Value client = own_cpu(r, &TrialRecord::client), server = own_cpu(r, &TrialRecord::server);
  if (r.client_host == r.server_host) return of_host(r.client, sum(client, server));
  const Value a = of_host(r.client, client), b = of_host(r.server, server);
  return a && b ? Value(std::max(*a, *b)) : a ? a : b;
}

Value responsiveness(const TrialRecord& r) {
  if (!r.background || !r.client.rtt) return std::nullopt;
  return 60e9 / r.client.rtt->mean();
}

Value cycles_per_byte(const TrialRecord& r) {
  const Value cycles = sum(number(r.client.cycles), number(r.server.cycles));
  const Value bytes = payload(r);
  return cycles && bytes && *bytes > 0 ? Value(*cycles / *bytes) : std::nullopt;
}

}  // namespace pingperf::figures
