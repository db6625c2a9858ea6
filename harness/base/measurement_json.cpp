#include "harness/base/measurement_json.h"

#include <cmath>
#include <memory>
#include <span>
#include <variant>

#include "harness/base/json_fields.h"

namespace pingperf {
namespace {

// ---- Figures are read and written by table. Figures that were not measured have no key.

template <typename T>
struct Field {
  std::string_view name;
  std::variant<std::optional<std::uint64_t> T::*, std::optional<double> T::*> value;
};

using M = Measurement;
constexpr Field<M> kMeasurement[] = {
    {"window_s", &M::window_s},
    {"bytes_sent", &M::bytes_sent},
    {"bytes_received", &M::bytes_received},
    {"total_bytes_sent", &M::total_bytes_sent},
    {"total_bytes_received", &M::total_bytes_received},
    {"datagrams_sent", &M::datagrams_sent},
    {"datagrams_received", &M::datagrams_received},
    {"datagrams_lost", &M::datagrams_lost},
    {"total_datagrams_sent", &M::total_datagrams_sent},
    {"total_datagrams_expected", &M::total_datagrams_expected},
    {"socket_drops", &M::socket_drops},
    {"out_of_order", &M::out_of_order},
    {"duplicates", &M::duplicates},
    {"jitter_ns", &M::jitter_ns},
    {"retransmits", &M::retransmits},
    {"tcp_rtt_min_ns", &M::tcp_rtt_min_ns},
    {"tcp_rtt_mean_ns", &M::tcp_rtt_mean_ns},
    {"cwnd_max_bytes", &M::cwnd_max_bytes},
    {"fairness_index", &M::fairness_index},
    {"cpu_user_s", &M::cpu_user_s},
    {"cpu_system_s", &M::cpu_system_s},
    {"context_switches", &M::context_switches},
    {"steal_ratio", &M::steal_ratio},
    {"rejected_peers", &M::rejected_peers},
    {"exchanges", &M::exchanges},
    {"lost", &M::lost},
    {"late", &M::late},
    {"total_exchanges", &M::total_exchanges},
    {"unsent", &M::unsent},
    {"port_waits", &M::port_waits},
    {"samples_dropped", &M::samples_dropped},
    {"clock_cost_ns", &M::clock_cost_ns},
    {"cycles", &M::cycles},
    {"involuntary_switches", &M::involuntary_switches},
    {"peak_memory_bytes", &M::peak_memory_bytes},
    {"host_busy_s", &M::host_busy_s},
    {"host_total_s", &M::host_total_s},
    {"sending_copies", &M::sending_copies},
    {"receiving_copies", &M::receiving_copies},
    {"zero_copied_ratio", &M::zero_copied_ratio},
    {"mapped_ratio", &M::mapped_ratio},
    {"send_buffer_bytes", &M::send_buffer_bytes},
    {"receive_buffer_bytes", &M::receive_buffer_bytes},
    {"low_watermark_bytes", &M::low_watermark_bytes},
    {"mss_bytes", &M::mss_bytes},
    {"path_mtu_bytes", &M::path_mtu_bytes},
    {"time_waits", &M::time_waits},
    {"handshakes", &M::handshakes},
    {"resumed_handshakes", &M::resumed_handshakes},
    {"frames", &M::frames},
    {"frames_late", &M::frames_late},
    {"frames_dropped", &M::frames_dropped},
};

constexpr Field<Interval> kInterval[] = {
    {"bytes_sent", &Interval::bytes_sent},
    {"bytes_received", &Interval::bytes_received},
    {"messages", &Interval::messages},
    {"retransmits", &Interval::retransmits},
    {"rtt_ns", &Interval::rtt_ns},
    {"cwnd_bytes", &Interval::cwnd_bytes},
    {"rttvar_ns", &Interval::rttvar_ns},
    {"min_rtt_ns", &Interval::min_rtt_ns},
    {"delivery_rate_bps", &Interval::delivery_rate_bps},
    {"busy_ratio", &Interval::busy_ratio},
    {"rwnd_limited_ratio", &Interval::rwnd_limited_ratio},
    {"sndbuf_limited_ratio", &Interval::sndbuf_limited_ratio},
};

template <typename T>
void put_fields(Json& object, const T& figures, std::span<const Field<T>> fields) {
  for (const Field<T>& field : fields)
    std::visit(
        [&](auto pointer) {
          const auto& value = figures.*pointer;
          if (value && std::isfinite(static_cast<double>(*value))) object[field.name] = *value;
        },
        field.value);
}

template <typename T>
void take_fields(const Json& object, T& figures, std::span<const Field<T>> fields) {
  for (const Field<T>& field : fields)
    std::visit(
        [&](auto pointer) {
          using Value = typename std::remove_reference_t<decltype(figures.*pointer)>::value_type;
          figures.*pointer = take_optional<Value>(object, field.name);
        },
        field.value);
}

Json json_of(const Histogram& h) {
  return {{"min", h.min()},
          {"max", h.max()},
          {"sum", h.sum()},
          {"overflow", h.overflow()},
          {"buckets", h.buckets()}};
}

// Returns nothing if the histogram is missing or empty.
std::optional<Histogram> take_histogram(const Json& object, std::string_view key) {
  const auto h = take_optional<Json>(object, key);
  if (!h) return std::nullopt;
  std::vector<std::pair<std::size_t, std::uint64_t>> buckets;
  for (const Json& bucket : take_array(*h, "buckets")) {
    if (!bucket.is_array() || bucket.size() != 2)
      throw ProtocolError("a bucket is not a pair of index and count");
    buckets.emplace_back(as<std::size_t>(bucket[0], "buckets"),
                         as<std::uint64_t>(bucket[1], "buckets"));
  }
  const auto min = take<Nanoseconds>(*h, "min"), max = take<Nanoseconds>(*h, "max");
  if (min < 0 || min > max)
    throw ProtocolError(fmt::format("'{}' is not of times from {} to {}", key, min, max));
  try {
    Histogram histogram = Histogram::from_buckets(buckets, min, max, take<double>(*h, "sum"),
                                                  take<std::uint64_t>(*h, "overflow"));
    if (histogram.count() == 0) return std::nullopt;
    return histogram;
  } catch (const std::out_of_range& e) {
    throw ProtocolError(fmt::format("'{}': {}", key, e.what()));
  }
}

// Writes two numbers per ping: the time since the ping before, and the round trip.
Json json_of(const std::vector<Sample>& samples) {
  Json numbers = Json::array();
  Nanoseconds previous = 0;
  for (const Sample& sample : samples) {
    numbers.push_back(sample.sent - previous);
    numbers.push_back(sample.rtt);
    previous = sample.sent;
  }
  return numbers;
}

std::vector<Sample> take_samples(const Json& object) {
  const Json& numbers = take_array(object, "samples");
  std::vector<Sample> samples;
  samples.reserve(numbers.size() / 2);
  Nanoseconds sent = 0;
  for (std::size_t i = 0; i + 1 < numbers.size(); i += 2) {
    if (__builtin_add_overflow(sent, as<Nanoseconds>(numbers[i], "samples"), &sent))
      throw ProtocolError("'samples' are of no clock");
    samples.push_back({sent, as<Nanoseconds>(numbers[i + 1], "samples")});
  }
  return samples;
}

Json json_of(const ReceiverFigures& receiver) {
  Json object = {{"received", receiver.received}, {"lost", receiver.lost}};
  if (receiver.rtt_p50_ns) object["rtt_p50_ns"] = *receiver.rtt_p50_ns;
  if (receiver.rtt_p99_ns) object["rtt_p99_ns"] = *receiver.rtt_p99_ns;
  return object;
}

ReceiverFigures receiver_from(const Json& object) {
  return {.received = take<std::uint64_t>(object, "received"),
          .lost = take<std::uint64_t>(object, "lost"),
          .rtt_p50_ns = take_optional<Nanoseconds>(object, "rtt_p50_ns"),
          .rtt_p99_ns = take_optional<Nanoseconds>(object, "rtt_p99_ns")};
}

// Reads all but the peer: the measurement of a peer has none.
Measurement lone_measurement_from(const Json& object) {
  Measurement m;
  take_fields<Measurement>(object, m, kMeasurement);
  m.error = take_optional<std::string>(object, "error").value_or("");
  m.rtt = take_histogram(object, "rtt");
  if (object.contains("rtt_of_sizes"))
    for (const Json& rtt : take_array(object, "rtt_of_sizes"))
      m.rtt_of_sizes.push_back(take_histogram(rtt, "rtt").value_or(Histogram()));
  if (const auto spans = take_optional<Json>(object, "spans"))
    for (std::size_t i = 0; i < kSpans; ++i)
      if (const auto span = static_cast<Span>(i); spans->contains(name(span)))
        if (auto histogram = take_histogram(*spans, name(span)))
          m.spans.emplace(span, std::move(*histogram));
  if (object.contains("samples")) m.samples = take_samples(object);
  m.clock = take_optional<std::string>(object, "clock").value_or("");
  m.cpus = take_optional<std::string>(object, "cpus").value_or("");
  m.congestion_control = take_optional<std::string>(object, "congestion_control").value_or("");
  m.libiperf = take_optional<std::string>(object, "libiperf").value_or("");
  if (const auto figures = take_optional<Json>(object, "figures"))
    for (const auto& [column, value] : figures->items())
      m.figures[column] = as<double>(value, column);
  if (object.contains("receivers"))
    for (const Json& receiver : take_array(object, "receivers"))
      m.receivers.push_back(receiver_from(receiver));
  for (const Json& interval : take_array(object, "intervals"))
    m.intervals.push_back(interval_from(interval));
  return m;
}

}  // namespace

Json to_json(const Interval& interval) {
  Json object = {{"start_s", interval.start_s}, {"end_s", interval.end_s}};
  put_fields<Interval>(object, interval, kInterval);
  return object;
}

Interval interval_from(const Json& object) {
  Interval interval;
  interval.start_s = take<double>(object, "start_s");
  interval.end_s = take<double>(object, "end_s");
  take_fields<Interval>(object, interval, kInterval);
  return interval;
}

Json to_json(const Measurement& m) {
  Json object = Json::object();
  put_fields<Measurement>(object, m, kMeasurement);
  if (!m.error.empty()) object["error"] = m.error;
  if (m.rtt) object["rtt"] = json_of(*m.rtt);
  for (const Histogram& rtt : m.rtt_of_sizes)
    object["rtt_of_sizes"].push_back({{"rtt", json_of(rtt)}});
  for (const auto& [span, histogram] : m.spans)
    if (histogram.count() > 0) object["spans"][name(span)] = json_of(histogram);
  if (!m.samples.empty()) object["samples"] = json_of(m.samples);
  if (!m.clock.empty()) object["clock"] = m.clock;
  if (!m.cpus.empty()) object["cpus"] = m.cpus;
  for (const ReceiverFigures& receiver : m.receivers)
    object["receivers"].push_back(json_of(receiver));
  if (!m.congestion_control.empty()) object["congestion_control"] = m.congestion_control;
  if (!m.libiperf.empty()) object["libiperf"] = m.libiperf;
  Json& intervals = object["intervals"] = Json::array();
  for (const Interval& interval : m.intervals) intervals.push_back(to_json(interval));
  if (!m.figures.empty()) object["figures"] = m.figures;
  if (m.peer) object["peer"] = to_json(*m.peer);
  return object;
}

Measurement measurement_from(const Json& object) {
  Measurement m = lone_measurement_from(object);
  if (const auto peer = take_optional<Json>(object, "peer"))
    m.peer = std::make_shared<Measurement>(lone_measurement_from(*peer));
  return m;
}

void take_figure(const Json& object, std::string_view name, Measurement& measurement) {
  for (const Field<Measurement>& field : kMeasurement)
    if (field.name == name) take_fields<Measurement>(object, measurement, std::span(&field, 1));
}

}  // namespace pingperf
