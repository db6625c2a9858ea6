#include "harness/agent/protocol.h"

#include <fmt/core.h>

#include <cmath>
#include <memory>
#include <span>
#include <type_traits>

#include "harness/base/json.h"
#include "harness/base/version.h"

namespace pingperf {
namespace {

// ---- Values are read strictly: texts are not converted to numbers, nor fractions to counts.

template <typename T>
T as(const Json& value, std::string_view key) {
  const auto [fits, type] = [&]() -> std::pair<bool, const char*> {
    if constexpr (std::is_same_v<T, bool>) return {value.is_boolean(), "true or false"};
    if constexpr (std::is_same_v<T, std::string>) return {value.is_string(), "a string"};
    if constexpr (std::is_same_v<T, Json>) return {value.is_object(), "an object"};
    if constexpr (std::is_floating_point_v<T>) return {value.is_number(), "a number"};
    if constexpr (std::is_unsigned_v<T>)
      return {value.is_number_unsigned(), "a whole number from 0 on"};
    return {value.is_number_integer(), "a whole number"};
  }();
  if (!fits) throw ProtocolError(fmt::format("'{}' is not {}", key, type));
  return value.get<T>();
}

const Json& member(const Json& object, std::string_view key) {
  const auto found = object.find(key);
  if (found == object.end()) throw ProtocolError(fmt::format("'{}' is missing", key));
  return *found;
}

template <typename T>
T take(const Json& object, std::string_view key) {
  return as<T>(member(object, key), key);
}

template <typename T>
std::optional<T> take_optional(const Json& object, std::string_view key) {
  if (!object.contains(key)) return std::nullopt;
  return take<T>(object, key);
}

const Json& take_array(const Json& object, std::string_view key) {
  const Json& value = member(object, key);
  if (!value.is_array()) throw ProtocolError(fmt::format("'{}' is not an array", key));
  return value;
}

template <typename Enum>
Enum take_name(const Json& object, std::string_view key,
               std::optional<Enum> (*from)(std::string_view)) {
  const auto text = take<std::string>(object, key);
  if (const auto value = from(text)) return *value;
  throw ProtocolError(fmt::format("'{}' cannot be {}", key, excerpt(text)));
}

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

Json to_json(const Histogram& h) {
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
Json to_json(const std::vector<Sample>& samples) {
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

Json to_json(const Measurement& m) {
  Json object = Json::object();
  put_fields<Measurement>(object, m, kMeasurement);
  if (!m.error.empty()) object["error"] = m.error;
  if (m.rtt) object["rtt"] = to_json(*m.rtt);
  for (const auto& [span, histogram] : m.spans)
    if (histogram.count() > 0) object["spans"][name(span)] = to_json(histogram);
  if (!m.samples.empty()) object["samples"] = to_json(m.samples);
  if (!m.clock.empty()) object["clock"] = m.clock;
  if (!m.cpus.empty()) object["cpus"] = m.cpus;
  if (!m.congestion_control.empty()) object["congestion_control"] = m.congestion_control;
  if (!m.libiperf.empty()) object["libiperf"] = m.libiperf;
  Json& intervals = object["intervals"] = Json::array();
  for (const Interval& interval : m.intervals) intervals.push_back(to_json(interval));
  if (m.peer) object["peer"] = to_json(*m.peer);
  return object;
}

Measurement measurement_from(const Json& object) {
  Measurement m;
  take_fields<Measurement>(object, m, kMeasurement);
  m.error = take_optional<std::string>(object, "error").value_or("");
  m.rtt = take_histogram(object, "rtt");
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
  for (const Json& interval : take_array(object, "intervals"))
    m.intervals.push_back(interval_from(interval));
  return m;
}

// The measurement of a peer has no peer.
Measurement measurement_with_peer(const Json& object) {
  Measurement m = measurement_from(object);
  if (const auto peer = take_optional<Json>(object, "peer"))
    m.peer = std::make_shared<Measurement>(measurement_from(*peer));
  return m;
}

// ---- Options are read and written by the table of parameters, except the name of the engine.

Json to_json(const Options& options) {
  Json object = {{"kind", name(options.kind)}, {"transport", name(options.transport)}};
  for (const Parameter& parameter : parameters())
    std::visit(
        [&](auto field) {
          if (options.*field) object[parameter.name] = *(options.*field);
        },
        parameter.field);
  return object;
}

Options options_from(const Json& object) {
  Options options;
  options.kind = take_name<Kind>(object, "kind", kind_from);
  options.transport = take_name<Transport>(object, "transport", transport_from);
  for (const auto& [key, value] : object.items()) {
    if (key == "kind" || key == "transport") continue;
    const Parameter* parameter = find_parameter(key);
    if (parameter == nullptr) throw ProtocolError("unknown option " + excerpt(key));
    std::visit(
        [&, &json = value](auto field) {
          using Value = typename std::remove_reference_t<decltype(options.*field)>::value_type;
          options.*field = as<Value>(json, parameter->name);
        },
        parameter->field);
  }
  return options;
}

// ---- Requests

Json to_json(const ControllerHello& hello) {
  return {{"type", "hello"}, {"version", hello.version}};
}

Json to_json(const OpenEndpoint& open) {
  return {{"type", open.role == Role::listen ? "listen" : "connect"},
          {"endpoint", open.endpoint},
          {"engine", open.options.engine},
          {"options", to_json(open.options)},
          {"token", to_hex(open.token)},
          {"address", open.address},
          {"external", open.external},
          {"timeout_s", open.timeout_s}};
}

Json to_json(const StartEndpoint& start) {
  return {{"type", "start"}, {"endpoint", start.endpoint}};
}

Json to_json(const StopEndpoint& stop) {
  return {{"type", "stop"}, {"endpoint", stop.endpoint}};
}

Json to_json(const PrepareWorker&) {
  return {{"type", "prepare"}};
}

Json to_json(const HostCheckRequest& request) {
  return {{"type", "examine"}, {"observe_s", request.observe_s}};
}

OpenEndpoint open_from(const Json& object, Role role) {
  constexpr double kMaxLength = 1e7;  // seconds: four months
  OpenEndpoint open;
  open.role = role;
  open.endpoint = take<std::uint64_t>(object, "endpoint");
  open.options = options_from(take<Json>(object, "options"));
  open.options.engine = take<std::string>(object, "engine");
  open.token = take_name<Token>(object, "token", token_from_hex);
  open.address = take<std::string>(object, "address");
  open.external = take<bool>(object, "external");
  open.timeout_s = take<double>(object, "timeout_s");
  if (!(open.timeout_s > 0 && open.timeout_s <= kMaxLength))
    throw ProtocolError(fmt::format("'timeout_s' is not in 0 … {}", kMaxLength));
  return open;
}

// ---- Events

Json to_json(const EngineInfo& engine) {
  Json object = {{"name", engine.name},
                 {"summary", engine.summary},
                 {"kind", name(engine.kind)},
                 {"transport", name(engine.transport)},
                 {"parameters", engine.parameters}};
  if (engine.unavailable) object["unavailable"] = *engine.unavailable;
  return object;
}

EngineInfo engine_from(const Json& object) {
  EngineInfo engine;
  engine.name = take<std::string>(object, "name");
  engine.summary = take<std::string>(object, "summary");
  engine.kind = take_name<Kind>(object, "kind", kind_from);
  engine.transport = take_name<Transport>(object, "transport", transport_from);
  for (const Json& parameter : take_array(object, "parameters"))
    engine.parameters.push_back(as<std::string>(parameter, "parameters"));
  engine.unavailable = take_optional<std::string>(object, "unavailable");
  return engine;
}

Json to_json(const AgentHello& hello) {
  Json engines = Json::array();
  for (const EngineInfo& engine : hello.engines) engines.push_back(to_json(engine));
  return {{"type", "hello"},
          {"version", hello.version},
          {"engines", std::move(engines)},
          {"host", parse_json(hello.host.json)}};
}

// Reads only the version if it differs, because another version may have another form.
AgentHello hello_from(const Json& object) {
  AgentHello hello;
  hello.version = take<std::string>(object, "version");
  if (hello.version != version()) return hello;
  for (const Json& engine : take_array(object, "engines"))
    hello.engines.push_back(engine_from(engine));
  const Json host = take<Json>(object, "host");
  hello.host = {json_line(host), take_optional<std::string>(host, "hostname").value_or(""),
                take_optional<std::string>(host, "boot_id").value_or("")};
  return hello;
}

Json to_json(const Ready& ready) {
  return {{"type", "ready"}, {"endpoint", ready.endpoint}, {"address", ready.address}};
}

Json to_json(const Progress& progress) {
  return {{"type", "progress"},
          {"endpoint", progress.endpoint},
          {"interval", to_json(progress.interval)}};
}

Json to_json(const HostCheckResult& result) {
  return {{"type", "examination"}, {"facts", parse_json(result.facts)}};
}

Json to_json(const Result& result) {
  return {{"type", "result"},
          {"endpoint", result.endpoint},
          {"measurement", to_json(result.measurement)}};
}

Json to_json(const Failure& failure) {
  Json object = {{"type", "error"}, {"what", failure.what}, {"status", name(failure.status)}};
  if (failure.endpoint) object["endpoint"] = *failure.endpoint;
  if (failure.error_number) object["errno"] = *failure.error_number;
  return object;
}

std::optional<Status> failure_status_from(std::string_view text) {
  for (const Status status : {Status::failed, Status::timeout, Status::refused})
    if (name(status) == text) return status;
  return std::nullopt;
}

Failure failure_from(const Json& object) {
  Failure failure;
  failure.endpoint = take_optional<std::uint64_t>(object, "endpoint");
  failure.what = take<std::string>(object, "what");
  failure.error_number = take_optional<int>(object, "errno");
  failure.status = take_name<Status>(object, "status", failure_status_from);
  return failure;
}

// ---- Lines

template <typename Message>
std::string line_of(const Message& message) {
  return json_line(std::visit([](const auto& m) { return to_json(m); }, message));
}

Json object_in(std::string_view line) {
  try {
    Json object = parse_json(line);
    if (object.is_object()) return object;
  } catch (const JsonError&) {  // the error below quotes the line, which is more helpful
  }
  throw ProtocolError("not a JSON object: " + excerpt(line));
}

// Escapes control characters, because texts of other hosts are printed to tables and terminals.
void make_printable(Json& json) {
  if (json.is_string()) json = printable(json.get_ref<const std::string&>());
  if (json.is_structured())
    for (Json& part : json) make_printable(part);
}

}  // namespace

std::string encode(const Request& request) {
  return line_of(request);
}

std::string encode(const Event& event) {
  return line_of(event);
}

Request decode_request(std::string_view line) {
  const Json object = object_in(line);
  const auto type = take<std::string>(object, "type");
  if (type == "hello") return ControllerHello{take<std::string>(object, "version")};
  if (type == "listen") return open_from(object, Role::listen);
  if (type == "connect") return open_from(object, Role::connect);
  if (type == "start") return StartEndpoint{take<std::uint64_t>(object, "endpoint")};
  if (type == "stop") return StopEndpoint{take<std::uint64_t>(object, "endpoint")};
  if (type == "prepare") return PrepareWorker{};
  if (type == "examine") return HostCheckRequest{take<double>(object, "observe_s")};
  throw ProtocolError("unknown request " + excerpt(type));
}

Event decode_event(std::string_view line) {
  Json object = object_in(line);
  make_printable(object);
  const auto type = take<std::string>(object, "type");
  const auto endpoint = [&] { return take<std::uint64_t>(object, "endpoint"); };
  if (type == "hello") return hello_from(object);
  if (type == "ready") return Ready{endpoint(), take<std::string>(object, "address")};
  if (type == "progress")
    return Progress{endpoint(), interval_from(take<Json>(object, "interval"))};
  if (type == "result")
    return Result{endpoint(), measurement_with_peer(take<Json>(object, "measurement"))};
  if (type == "error") return failure_from(object);
  if (type == "examination") return HostCheckResult{json_line(take<Json>(object, "facts"))};
  throw ProtocolError("unknown event " + excerpt(type));
}

std::optional<std::uint64_t> endpoint_of(const Event& event) {
  return std::visit(
      [](const auto& e) -> std::optional<std::uint64_t> {
        if constexpr (requires { e.endpoint; })
          return e.endpoint;
        else
          return std::nullopt;
      },
      event);
}

}  // namespace pingperf
