#include "harness/engines/iperf3_result.h"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <type_traits>
#include <utility>

#include "harness/base/json.h"
#include "sockets/measure/meter.h"

namespace pingperf {
namespace {

constexpr double kMaxCounted = 0x1p53;  // bytes or datagrams; a double holds it exactly
constexpr double kMaxTest = 1e9;        // seconds

// Adds without undefined behaviour: sums of a remote end's numbers may wrap.
template <typename T>
void add(std::optional<T>& sum, T value) {
  const auto bits = [](T n) { return static_cast<std::uint64_t>(n); };
  sum = static_cast<T>(bits(sum.value_or(0)) + bits(value));
}

// Returns the number at `key`. Returns nothing if the key is missing, as in old versions of
// libiperf, or if the number does not fit the type.
template <typename T>
std::optional<T> get(const Json& object, const char* key) {
  const auto found = object.find(key);
  if (found == object.end() || !found->is_number()) return std::nullopt;
  const auto value = found->get<double>();
  if constexpr (std::is_integral_v<T>) {
    const double least = std::is_unsigned_v<T> ? 0 : -kMaxCounted;
    if (value < least || value > kMaxCounted) return std::nullopt;
  }
  return static_cast<T>(value);
}

// Returns the congestion control of the sending end; empty for UDP.
std::string congestion_control_in(const Json& end) {
  const auto found = end.find("sender_tcp_congestion");
  return found != end.end() && found->is_string() ? found->get<std::string>() : "";
}

// UDP figures of one interval. TCP has none. They are signed, because a late datagram reduces the
// losses that an earlier interval counted.
struct Datagrams {
  std::optional<std::int64_t> sent, received, lost;
  double jitter_ms = 0;
};

// The smoothed RTT is in µs; 0 means that the kernel has no estimate yet.
void add_sender(const Json& stream, Interval& interval, Datagrams& datagrams, double& rtt_sum,
                double& rtt_count) {
  add(interval.bytes_sent, get<std::uint64_t>(stream, "bytes").value_or(0));
  if (const auto n = get<std::uint64_t>(stream, "retransmits")) add(interval.retransmits, *n);
  if (const auto n = get<std::uint64_t>(stream, "snd_cwnd")) add(interval.cwnd_bytes, *n);
  if (const auto n = get<std::int64_t>(stream, "packets")) add(datagrams.sent, *n);
  const double rtt = get<double>(stream, "rtt").value_or(0);
  if (rtt <= 0) return;
  rtt_sum += rtt * 1e3;
  ++rtt_count;
}

// "packets" of a receiver includes lost ones.
void add_receiver(const Json& stream, Interval& interval, Datagrams& datagrams) {
  add(interval.bytes_received, get<std::uint64_t>(stream, "bytes").value_or(0));
  const auto packets = get<std::int64_t>(stream, "packets");
  if (!packets) return;
  const auto lost = get<std::int64_t>(stream, "lost_packets").value_or(0);
  add(datagrams.lost, lost);
  add(datagrams.received, *packets - lost);
  datagrams.jitter_ms += get<double>(stream, "jitter_ms").value_or(0);
}

std::optional<std::uint64_t> count(const std::optional<std::int64_t>& n) {
  if (!n) return std::nullopt;
  return static_cast<std::uint64_t>(std::max<std::int64_t>(0, *n));
}

class ResultReader {
 public:
  ResultReader(const Json& root, const Iperf3Schedule& schedule)
      : root_(root), schedule_(schedule) {}

  Measurement read() {
    place_window();
    for (const Json& interval : root_.at("intervals")) read_interval(interval);
    if (m_.intervals.empty()) {
      m_.error = schedule_.duration
                     ? "iperf3 reported no interval inside the measured window"
                     : "iperf3's test was over before it received anything: set a larger limit";
      return std::move(m_);
    }
    m_.window_s = m_.intervals.back().end_s;
    set_datagrams();
    set_tcp_figures(m_);
    m_.fairness_index = jain_index(per_stream_);
    if (m_.bytes_sent)
      m_.congestion_control = congestion_control_in(root_.value("end", Json::object()));
    read_order();
    return std::move(m_);
  }

 private:
  // An interval is in the window if its middle is. Its edges are late on a busy host. After the
  // last whole interval, a receiver reports a short one in which it drained the connection.
  bool in_window(double start, double end) const {
    if (!schedule_.duration) return true;
    const double from = to_seconds(schedule_.rest), to = from + to_seconds(*schedule_.duration);
    if (takes_all_that_overlap_) return end > from && start < to;
    const double middle = (start + end) / 2;
    return middle >= from && middle <= to;
  }

  // Since 3.16 each stream has a thread. With many more threads than CPUs, libiperf's reports are
  // up to seconds late, so few or none are inside the window. Then the window is all
  // intervals that overlap it.
  void place_window() {
    double start = 0, inside = 0;
    for (const Json& interval : root_.at("intervals")) {
      const Json& sum = interval.at("sum");
      if (sum.value("omitted", false)) continue;
      const auto end = sum.at("end").get<double>();
      if (in_window(start, end)) inside += end - start;
      start = end;
    }
    takes_all_that_overlap_ = schedule_.duration && inside < to_seconds(*schedule_.duration) / 2;
  }

  void read_interval(const Json& json) {
    const Json& sum = json.at("sum");
    Interval interval;
    Datagrams datagrams;
    double rtt_sum = 0, rtt_count = 0;
    const Json& streams = json.at("streams");
    for (const Json& stream : streams)
      stream.value("sender", false) ? add_sender(stream, interval, datagrams, rtt_sum, rtt_count)
                                    : add_receiver(stream, interval, datagrams);
    if (sum.value("omitted", false)) return;
    // Not "start": after an omission, the first one may be below 0, which libiperf prints unsigned.
    const auto end = sum.at("end").get<double>();
    if (std::abs(end) > kMaxTest) throw JsonError("an interval of no such test");
    const double start = std::exchange(last_end_s_, end);
    add_to_total(interval);
    if (!in_window(start, last_end_s_)) return;
    if (rtt_count > 0) interval.rtt_ns = rtt_sum / rtt_count;
    if (m_.intervals.empty()) opened_s_ = start;
    interval.start_s = start - opened_s_;
    interval.end_s = last_end_s_ - opened_s_;
    add_to_window(interval, datagrams, streams);
  }

  // libiperf drops the bytes of the interval in which the omission ends, so there is no total then.
  void add_to_total(const Interval& interval) {
    if (schedule_.omit_s > 0) return;
    if (interval.bytes_sent) add(m_.total_bytes_sent, *interval.bytes_sent);
    if (interval.bytes_received) add(m_.total_bytes_received, *interval.bytes_received);
  }

  void add_to_window(const Interval& interval, const Datagrams& d, const Json& streams) {
    if (interval.bytes_sent) add(m_.bytes_sent, *interval.bytes_sent);
    if (interval.bytes_received) add(m_.bytes_received, *interval.bytes_received);
    if (interval.retransmits) add(m_.retransmits, *interval.retransmits);
    if (d.sent) add(datagrams_.sent, *d.sent);
    if (d.received) add(datagrams_.received, *d.received);
    if (d.lost) add(datagrams_.lost, *d.lost);
    per_stream_.resize(streams.size());
    std::size_t receivers = 0;
    for (std::size_t i = 0; i < streams.size(); ++i) {
      if (streams[i].value("sender", false)) continue;
      per_stream_[receivers++] += get<double>(streams[i], "bytes").value_or(0);
    }
    per_stream_.resize(receivers);
    if (d.received) m_.jitter_ns = d.jitter_ms * 1e6 / static_cast<double>(receivers);
    m_.intervals.push_back(interval);
  }

  // The first interval after an omission includes datagrams of the last omitted one, but not their
  // bytes. So the sent datagrams are computed from the bytes then.
  void set_datagrams() {
    m_.datagrams_sent = count(datagrams_.sent);
    if (schedule_.omit_s > 0 && m_.datagrams_sent) m_.datagrams_sent = datagrams_in(*m_.bytes_sent);
    m_.datagrams_received = count(datagrams_.received);
    m_.datagrams_lost = count(datagrams_.lost);
  }

  std::optional<std::uint64_t> datagrams_in(std::uint64_t bytes) const {
    const Json start = root_.value("start", Json::object()).value("test_start", Json::object());
    const auto size = get<std::uint64_t>(start, "blksize").value_or(0);
    return size > 0 ? std::optional(bytes / size) : std::nullopt;
  }

  // libiperf reports out-of-order datagrams for the whole test only.
  void read_order() {
    if (!m_.datagrams_received) return;
    for (const Json& stream : root_.at("end").value("streams", Json::array()))
      if (const auto n =
              count(get<std::int64_t>(stream.value("udp", Json::object()), "out_of_order")))
        add(m_.out_of_order, *n);
  }

  const Json& root_;
  const Iperf3Schedule& schedule_;
  Measurement m_;
  Datagrams datagrams_;    // of the window
  double last_end_s_ = 0;  // end of the previous interval, since the omission
  double opened_s_ = 0;
  bool takes_all_that_overlap_ = false;
  std::vector<double> per_stream_;  // bytes received in the window
};

Measurement failed(std::string what) {
  Measurement m;
  m.error = std::move(what);
  return m;
}

Measurement read_result(const Json& root, const Iperf3Schedule& schedule) {
  if (const auto error = root.find("error"); error != root.end())
    return failed(iperf3_error(error->get<std::string>()));
  return ResultReader(root, schedule).read();
}

// Returns true if the server's window is about as long as the wanted one. The lengths may differ by
// a tenth, or by one interval.
bool is_of_window(const Measurement& server, const Iperf3Schedule& schedule) {
  if (!server.error.empty()) return false;
  if (!schedule.duration) return true;
  const double wanted = to_seconds(*schedule.duration);
  return std::abs(*server.window_s - wanted) <= std::max(wanted / 10, to_seconds(kIperf3Interval));
}

// Reads the server's sums in the client's "end". They begin when the omission ends at the server.
class ServerSums {
 public:
  ServerSums(const Json& end, const Iperf3Schedule& schedule, const Options& options)
      : end_(end), schedule_(schedule), options_(options) {}

  Measurement read() {
    const bool reverse = options_.reverse.value_or(false);
    const bool both = options_.bidirectional.value_or(false);
    if (!reverse) read_received();
    if (reverse) m_.congestion_control = congestion_control_in(end_);
    if (reverse || both) read_sent(both ? "sum_sent_bidir_reverse" : "sum_sent");
    return std::move(m_);
  }

 private:
  void read_received() {
    const Json sum = end_.value("sum_received", Json::object());
    const auto bytes = get<std::uint64_t>(sum, "bytes");
    if (schedule_.omit_s == 0) m_.total_bytes_received = bytes;
    if (!schedule_.window_is_whole()) return;
    m_.window_s = get<double>(sum, "seconds");
    m_.bytes_received = bytes;
    const auto packets = get<std::int64_t>(sum, "packets");
    const auto lost = get<std::int64_t>(sum, "lost_packets");
    if (packets && lost) read_datagrams(sum, *packets, *lost);
    read_fairness();
  }

  void read_datagrams(const Json& sum, std::int64_t packets, std::int64_t lost) {
    m_.datagrams_received = count(packets - lost);
    m_.datagrams_lost = count(lost);
    if (const auto jitter_ms = get<double>(sum, "jitter_ms")) m_.jitter_ns = *jitter_ms * 1e6;
    for (const Json& stream : end_.value("streams", Json::array())) {
      const Json udp = stream.value("udp", Json::object());
      if (!udp.value("sender", false)) continue;  // the client received this stream
      if (const auto n = count(get<std::int64_t>(udp, "out_of_order"))) add(m_.out_of_order, *n);
    }
  }

  void read_fairness() {
    std::vector<double> per_stream;
    for (const Json& stream : end_.value("streams", Json::array())) {
      const Json receiver = stream.value("receiver", Json::object());
      const auto bytes = get<double>(receiver, "bytes");
      if (bytes && receiver.value("sender", false)) per_stream.push_back(*bytes);
    }
    m_.fairness_index = jain_index(per_stream);
  }

  // Does not read "packets": after an omission, they do not match the bytes.
  void read_sent(const char* key) {
    const Json sum = end_.value(key, Json::object());
    const auto bytes = get<std::uint64_t>(sum, "bytes");
    if (schedule_.omit_s == 0) m_.total_bytes_sent = bytes;
    if (!schedule_.window_is_whole()) return;
    if (!m_.window_s) m_.window_s = get<double>(sum, "seconds");
    m_.bytes_sent = bytes;
    m_.retransmits = get<std::uint64_t>(sum, "retransmits");
    if (options_.transport == Transport::udp && bytes && options_.message_size)
      m_.datagrams_sent = *bytes / *options_.message_size;
  }

  const Json& end_;
  const Iperf3Schedule& schedule_;
  const Options& options_;
  Measurement m_;
};

}  // namespace

Iperf3Schedule::Iperf3Schedule(const Options& options, bool external) {
  Nanoseconds warmup = options.warmup.value_or(0);
  if (external) warmup = (warmup + kSecond - 1) / kSecond * kSecond;
  omit_s = static_cast<int>(warmup / kSecond);
  rest = warmup % kSecond;
  duration = options.duration;
  if (duration) run_s = static_cast<int>((rest + *duration + kSecond - 1) / kSecond);
}

bool Iperf3Schedule::matches(const Measurement& m) const {
  if (!duration || !m.window_s) return true;
  const double planned = to_seconds(*duration);
  return std::abs(*m.window_s - planned) <= std::max(planned / 2, 2 * to_seconds(kIperf3Interval));
}

std::string iperf3_error(std::string_view text) {
  constexpr std::string_view kPrefix = "error - ";
  if (text.starts_with(kPrefix)) text.remove_prefix(kPrefix.size());
  while (!text.empty() && std::isspace(static_cast<unsigned char>(text.back())))
    text.remove_suffix(1);
  std::string line = "iperf3: " + std::string(text);
  std::replace(line.begin(), line.end(), '\n', ' ');
  if (line.ends_with("socket buffer size not set correctly"))
    line += ": the kernel gives less than requested, see net.core.wmem_max and net.core.rmem_max";
  return line;
}

Measurement read_iperf3_result(std::string_view json, const Iperf3Schedule& schedule) {
  try {
    // libiperf writes duplicate keys. The last one wins.
    return read_result(parse_json(json), schedule);
  } catch (const std::exception& e) {
    return failed(std::string("iperf3 gave no readable result: ") + e.what());
  }
}

std::optional<Interval> read_iperf3_event(std::string_view json, const Iperf3Schedule& schedule) {
  try {
    const Json event = parse_json(json);
    if (event.value("event", "") != "interval") return std::nullopt;
    const Json& data = event.at("data");
    const Json& sum = data.at("sum");
    if (sum.value("omitted", false)) return std::nullopt;
    // Not "start", which can be a wrong number (ResultReader::read_interval).
    Interval interval;
    interval.end_s = sum.at("end").get<double>() - to_seconds(schedule.rest);
    interval.start_s = interval.end_s - sum.at("seconds").get<double>();
    const double middle = (interval.start_s + interval.end_s) / 2;
    if (middle < 0 || (schedule.duration && middle > to_seconds(*schedule.duration)))
      return std::nullopt;
    for (const char* direction : {"sum", "sum_bidir_reverse"})
      if (const auto found = data.find(direction); found != data.end())
        (found->value("sender", false) ? interval.bytes_sent : interval.bytes_received) =
            get<std::uint64_t>(*found, "bytes");
    return interval;
  } catch (const std::exception&) {
    return std::nullopt;
  }
}

Measurement read_iperf3_server(std::string_view json, const Iperf3Schedule& schedule,
                               const Options& options) {
  try {
    const Json root = parse_json(json);
    if (const auto own = root.find("server_output_json"); own != root.end()) {
      Measurement m = read_result(*own, schedule);
      if (is_of_window(m, schedule)) return m;
    }
    return ServerSums(root.at("end"), schedule, options).read();
  } catch (const std::exception&) {
    return {};
  }
}

}  // namespace pingperf
