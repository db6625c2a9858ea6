#include "harness/results/columns.h"

#include <fmt/chrono.h>
#include <fmt/core.h>

#include <algorithm>
#include <iterator>

#include "harness/base/column_table.h"
#include "harness/base/lines.h"
#include "harness/base/suggest.h"
#include "harness/results/metrics.h"

namespace pingperf {
namespace {

std::string iso8601(std::chrono::system_clock::time_point time) {
  const auto ms = std::chrono::floor<std::chrono::milliseconds>(time);
  const auto s = std::chrono::floor<std::chrono::seconds>(ms);
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:03}Z",
                     fmt::gmtime(std::chrono::system_clock::to_time_t(s)), (ms - s).count());
}

std::string pair_name(const Case& c) {
  const auto axis = std::ranges::find(c.axes, "pair", &decltype(c.axes)::value_type::first);
  return axis == c.axes.end() ? "1" : axis->second;
}

std::vector<Column> identity_columns() {
  using R = const TrialRecord&;
  return {
      {"schema_version", "version of these columns",
       [](R) { return std::to_string(kSchemaVersion); }},
      {"run", "name of the run's directory", [](R r) { return r.run; }},
      {"experiment", "name of the experiment", [](R r) { return r.experiment; }},
      {"workload", "name of the workload", [](R r) { return r.trial_case->workload; }},
      {"kind", "throughput, latency or connect",
       [](R r) { return std::string(name(r.trial_case->options->kind)); }},
      {"case", "workload and point of its matrix", [](R r) { return r.trial_case->name; }},
      {"block", "number of the pass over all cases, from 1: compare trials of one block",
       [](R r) { return std::to_string(r.trial.block); }},
      {"repetition", "number of the case's trial, from 1; equals block",
       [](R r) { return std::to_string(r.trial.block); }},
      {"position", "place of the trial in the plan, from 1",
       [](R r) { return std::to_string(r.trial.position); }},
      {"started_at", "UTC, ISO 8601", [](R r) { return iso8601(r.started_at); }},
      {"elapsed_s", "whole time of the trial, set-up included",
       [](R r) { return number_text(r.elapsed_s); }},
      {"status", "ok, failed, timeout, interrupted or refused",
       [](R r) { return std::string(name(r.status)); }},
      {"error", "reason why the trial is not ok", [](R r) { return r.error; }},
      {"quality", "warnings about this trial; empty: none", [](R r) { return r.quality; }},
      {"client_host", "host of the client", [](R r) { return r.client_host; }},
      {"server_host", "host of the server", [](R r) { return r.server_host; }},
      {"pair",
       "name of the pair of hosts, 1 if there are no others; sum: the row of all pairs of an "
       "incast "
       "or broadcast",
       [](R r) { return pair_name(*r.trial_case); }},
      {"engine", "name of the engine", [](R r) { return r.trial_case->options->engine; }},
      {"transport", "name of the transport",
       [](R r) { return std::string(name(r.trial_case->options->transport)); }},
  };
}

Column parameter_column(const Parameter& parameter) {
  return {std::string(parameter.column), std::string(parameter.doc),
          [&parameter](const TrialRecord& r) {
            return parameter_text(parameter, *r.trial_case->options);
          },
          parameter.generation};
}

// Returns a figure of each receiver of a multicast group, with blanks between. A figure that is
// missing is "-".
template <typename Read>
std::string of_receivers(const TrialRecord& r, Read read) {
  const auto& receivers = r.server.receivers.empty() ? r.client.receivers : r.server.receivers;
  std::string text;
  bool any = false;
  for (const ReceiverFigures& receiver : receivers) {
    const auto figure = read(receiver);
    any |= figure.has_value();
    text += (text.empty() ? "" : " ") + (figure ? std::to_string(*figure) : "-");
  }
  return any ? text : "";
}

// Returns a quantile of the round trips of each size of a mix, with blanks between.
std::string of_sizes(const TrialRecord& r, double q) {
  std::string text;
  for (const Histogram& rtt : r.client.rtt_of_sizes)
    text += (text.empty() ? "" : " ") +
            (rtt.has_quantile(q) ? std::to_string(rtt.quantile(q)) : std::string("-"));
  return text;
}

// Returns the columns of texts that the ends of a trial report.
std::vector<Column> measured_texts() {
  using R = const TrialRecord&;
  constexpr int since = 2;
  return {
      {"client_cpus", "CPUs that the client's threads were seen on",
       [](R r) { return r.client.cpus; }, since},
      {"server_cpus", "CPUs that the server's threads were seen on",
       [](R r) { return r.server.cpus; }, since},
      {"clock",
       "clock of the round trips: tsc (time stamp counter) or monotonic (CLOCK_MONOTONIC), "
       "whichever was measured to be cheaper",
       [](R r) { return r.client.clock; }, since},
      {"sender_congestion_control",
       "congestion control that the sending end used, requested or not",
       [](R r) {
         const bool reverse = r.trial_case->options->reverse.value_or(false);
         return (reverse ? r.server : r.client).congestion_control;
       },
       since},
      {"variant", "name of the variant of the system; empty: the experiment has none",
       [](R r) { return r.trial_case->variant ? r.trial_case->variant->name : std::string(); }, 7},
      {"receivers_lost",
       "of each receiver of a multicast group: lost datagrams, or pings that it did "
       "not answer",
       [](R r) { return of_receivers(r, [](const auto& one) { return std::optional(one.lost); }); },
       8},
      {"receivers_rtt_p50_ns", "of each receiver of a multicast group: median round-trip time",
       [](R r) { return of_receivers(r, [](const auto& one) { return one.rtt_p50_ns; }); }, 8},
      {"receivers_rtt_p99_ns", "of each receiver of a multicast group: 99th percentile",
       [](R r) { return of_receivers(r, [](const auto& one) { return one.rtt_p99_ns; }); }, 8},
      {"size_mix_rtt_p50_ns",
       "with size_mix, of each size in its order: median round-trip time; -: too few pings",
       [](R r) { return of_sizes(r, 0.5); }, 10},
      {"size_mix_rtt_p99_ns",
       "with size_mix, of each size in its order: 99th percentile; -: too few pings",
       [](R r) { return of_sizes(r, 0.99); }, 10},
      {"libiperf_version", "version of libiperf that the client measured with",
       [](R r) { return r.client.libiperf; }, 5},
      {"search",
       "parameter that a search varies: the trials of the case differ in its column; empty: none",
       [](R r) {
         const auto& search = r.trial_case->search;
         return search ? std::string(search->parameter->name) : std::string();
       },
       8},
  };
}

// Returns a getter of a text in the background's options. The text is empty without a background.
template <typename Read>
Column::Text of_background(Read read) {
  return [read](const TrialRecord& r) {
    const auto& background = r.trial_case->background;
    return background ? std::string(read(*background->options)) : std::string();
  };
}

// Returns columns for the background's engine, transport, and the parameters that an experiment is
// likely to vary.
std::vector<Column> background_columns() {
  constexpr int since = 4;
  std::vector<Column> columns = {
      {"background", "engine of the background; empty: no background",
       of_background([](const Options& o) { return o.engine; })},
      {"background_transport", "of the background: name of the transport",
       of_background([](const Options& o) { return name(o.transport); }), since}};
  for (const char* const key : {"streams", "message_size", "rate", "reverse", "bidirectional",
                                "congestion_control", "warmup"}) {
    const Parameter& parameter = *find_parameter(key);
    columns.emplace_back(
        "background_" + std::string(parameter.column),
        "of the background: " + std::string(parameter.doc),
        of_background([&parameter](const Options& o) { return parameter_text(parameter, o); }),
        since);
  }
  return columns;
}

// Orders the columns by generation, so that new columns come last. In each generation, metrics come
// last.
std::vector<Column> make_columns() {
  std::vector<Column> columns = identity_columns();
  for (const Parameter& parameter : parameters()) columns.push_back(parameter_column(parameter));
  std::ranges::move(measured_texts(), std::back_inserter(columns));
  std::ranges::move(background_columns(), std::back_inserter(columns));
  for (const Metric& metric : metrics()) columns.emplace_back(metric);
  std::ranges::stable_sort(columns, {}, &Column::since);
  return columns;
}

struct IntervalColumn {
  std::string_view name;
  std::string_view doc;
  std::string (*text)(const TrialRecord&, std::string_view end, const Interval&);
};

template <typename T>
std::string optional_text(const std::optional<T>& value) {
  return value ? number_text(static_cast<double>(*value)) : std::string();
}

std::span<const IntervalColumn> interval_columns() {
  using R = const TrialRecord&;
  using E = std::string_view;
  using I = const Interval&;
  static const std::vector<IntervalColumn> columns = {
      {"schema_version", "version of these columns",
       [](R, E, I) { return std::to_string(kSchemaVersion); }},
      {"run", "name of the run's directory", [](R r, E, I) { return r.run; }},
      {"case", "workload and point of its matrix", [](R r, E, I) { return r.trial_case->name; }},
      {"repetition", "of the case, from 1",
       [](R r, E, I) { return std::to_string(r.trial.block); }},
      {"endpoint",
       "client or server; background_client or background_server of what loads the network",
       [](R, E e, I) { return std::string(e); }},
      {"start_s", "since the window opened", [](R, E, I i) { return number_text(i.start_s); }},
      {"end_s", "since the window opened", [](R, E, I i) { return number_text(i.end_s); }},
      {"bytes_sent", "payload bytes", [](R, E, I i) { return optional_text(i.bytes_sent); }},
      {"bytes_received", "payload bytes",
       [](R, E, I i) { return optional_text(i.bytes_received); }},
      {"messages", "sends and receives, datagrams, or pings answered",
       [](R, E, I i) { return optional_text(i.messages); }},
      {"retransmits", "TCP segments sent again",
       [](R, E, I i) { return optional_text(i.retransmits); }},
      {"rtt_ns", "TCP's smoothed RTT at the end of the interval, mean over streams",
       [](R, E, I i) { return optional_text(i.rtt_ns); }},
      {"cwnd_bytes", "TCP's congestion window at the end of the interval, sum over streams",
       [](R, E, I i) { return optional_text(i.cwnd_bytes); }},
      {"rttvar_ns", "mean deviation of the smoothed RTT, mean over streams",
       [](R, E, I i) { return optional_text(i.rttvar_ns); }},
      {"min_rtt_ns", "the kernel's windowed minimum of the RTT, mean over streams",
       [](R, E, I i) { return optional_text(i.min_rtt_ns); }},
      {"delivery_rate_bps", "the kernel's estimate of the delivery rate, sum over streams",
       [](R, E, I i) { return optional_text(i.delivery_rate_bps); }},
      {"busy_ratio", "share of the interval with data to send, mean over streams",
       [](R, E, I i) { return optional_text(i.busy_ratio); }},
      {"rwnd_limited_ratio", "share of the interval held up by the receiver's window",
       [](R, E, I i) { return optional_text(i.rwnd_limited_ratio); }},
      {"sndbuf_limited_ratio", "share of the interval held up by the send buffer",
       [](R, E, I i) { return optional_text(i.sndbuf_limited_ratio); }},
  };
  return columns;
}

struct CounterColumn {
  std::string_view name;
  std::string_view doc;
  std::string (*text)(const TrialRecord&, const CounterChange&);
};

std::span<const CounterColumn> counter_columns() {
  using R = const TrialRecord&;
  using C = const CounterChange&;
  static const std::vector<CounterColumn> columns = {
      {"schema_version", "version of these columns",
       [](R, C) { return std::to_string(kSchemaVersion); }},
      {"run", "name of the run's directory", [](R r, C) { return r.run; }},
      {"case", "workload and point of its matrix", [](R r, C) { return r.trial_case->name; }},
      {"block", "number of the pass over all cases, from 1",
       [](R r, C) { return std::to_string(r.trial.block); }},
      {"host",
       "client or server; both: the two ends share what is counted, a kernel or a network "
       "namespace",
       [](R, C c) { return c.host; }},
      {"source",
       "file or kind: snmp, snmp6, netstat, softnet_stat, interrupts, softirqs, stat, pressure, "
       "ethtool, tracepoint, socket",
       [](R, C c) { return std::string(name(c.source)); }},
      {"name", "name that the kernel gives the counter; counters of a CPU end in cpuN",
       [](R, C c) { return printable(c.name); }},
      {"delta",
       "value after the trial minus value before its start: a count, ticks for stat, seconds for "
       "pressure",
       [](R, C c) { return number_text(c.difference); }},
  };
  return columns;
}

CellType parameter_type(const Parameter& parameter) {
  if (std::holds_alternative<std::optional<std::string> Options::*>(parameter.field))
    return CellType::text;
  return std::holds_alternative<std::optional<bool> Options::*>(parameter.field) ? CellType::flag
                                                                                 : CellType::number;
}

}  // namespace

std::string Column::cell(const TrialRecord& record) const {
  if (!is_metric()) return text(record);
  return record.status == Status::ok ? number_text(value(record)) : std::string();
}

std::span<const Column> trial_columns() {
  static const std::vector<Column> columns = make_columns();
  return columns;
}

std::optional<CellType> cell_type(std::string_view column) {
  constexpr std::string_view numbers[] = {"schema_version", "block", "repetition", "position",
                                          "elapsed_s"};
  constexpr std::string_view background = "background_";
  if (std::ranges::find(numbers, column) != std::end(numbers) || find_metric(column))
    return CellType::number;
  if (std::ranges::find(trial_columns(), column, &Column::name) == trial_columns().end())
    return std::nullopt;
  if (column.starts_with(background)) column.remove_prefix(background.size());
  const auto parameter = std::ranges::find(parameters(), column, &Parameter::column);
  return parameter == parameters().end() ? CellType::text : parameter_type(*parameter);
}

std::optional<Column> find_metric(std::string_view name) {
  for (const Column& column : trial_columns())
    if (column.is_metric() && column.name == name) return column;
  if (std::optional<Metric> metric = percentile_metric(name)) return Column(*std::move(metric));
  return std::nullopt;
}

std::vector<std::string_view> metric_names() {
  std::vector<std::string_view> names;
  for (const Column& column : trial_columns())
    if (column.is_metric()) names.push_back(column.name);
  return names;
}

std::string unknown_metric(std::string_view name) {
  const std::string hint = suggest(name, metric_names());  // all names if none is similar
  return fmt::format("unknown metric '{}'{}", name,
                     hint.starts_with(',') ? hint : "; results/README.md lists them");
}

std::string trials_header() {
  return csv_header(trial_columns());
}

std::string trial_row(const TrialRecord& record) {
  std::vector<std::string> fields;
  for (const Column& column : trial_columns()) fields.push_back(printable(column.cell(record)));
  return csv_row(fields);
}

std::string intervals_header() {
  return csv_header(interval_columns());
}

std::string interval_rows(const TrialRecord& record) {
  std::string rows;
  const auto add = [&](std::string_view end, const Measurement& measurement) {
    for (const Interval& interval : measurement.intervals)
      rows += csv_line(interval_columns(), record, end, interval);
  };
  add("client", record.client);
  add("server", record.server);
  if (record.background) {
    add("background_client", record.background->client);
    add("background_server", record.background->server);
  }
  return rows;
}

std::string counters_header() {
  return csv_header(counter_columns());
}

std::string counter_rows(const TrialRecord& record) {
  std::string rows;
  for (const CounterChange& change : record.counters)
    rows += csv_line(counter_columns(), record, change);
  return rows;
}

std::string trial_columns_markdown() {
  return columns_markdown(trial_columns());
}
std::string interval_columns_markdown() {
  return columns_markdown(interval_columns());
}
std::string counter_columns_markdown() {
  return columns_markdown(counter_columns());
}

}  // namespace pingperf
