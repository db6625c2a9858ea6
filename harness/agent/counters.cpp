#include "harness/agent/counters.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <iterator>
#include <utility>

namespace pingperf {
namespace {

struct CounterFile {
  CounterSource source;
  const char* path;
  std::string_view prefix = "";  // of the counters' names
};

constexpr CounterFile kCounterFiles[] = {
    {CounterSource::interrupts, "/proc/interrupts"},
    {CounterSource::stat, "/proc/stat"},
    {CounterSource::softirqs, "/proc/softirqs"},
    {CounterSource::pressure, "/proc/pressure/cpu", "cpu "},
    {CounterSource::pressure, "/proc/pressure/io", "io "},
    {CounterSource::pressure, "/proc/pressure/irq", "irq "},
    {CounterSource::pressure, "/proc/pressure/memory", "memory "},
    {CounterSource::softnet_stat, "/proc/net/softnet_stat"},
    {CounterSource::netstat, "/proc/net/netstat"},
    {CounterSource::snmp6, "/proc/net/snmp6"},
    {CounterSource::snmp, "/proc/net/snmp"},
};

constexpr std::size_t kMaxText = 16 << 20;  // bytes, of a file

// Reads the file from its beginning. The text is empty if that fails.
void read_again(const Fd& fd, std::string& text) {
  std::size_t size = 0;
  text.resize(std::max<std::size_t>(text.size() + 256, 2048));  // it grows little between two reads
  while (size < kMaxText) {
    const ssize_t n =
        ::pread(fd.get(), text.data() + size, text.size() - size, static_cast<off_t>(size));
    if (n <= 0) break;
    size += static_cast<std::size_t>(n);
    if (size == text.size()) text.resize(2 * size);
  }
  text.resize(size);
}

}  // namespace

HostCounters::HostCounters() : files_(std::size(kCounterFiles)) {}

bool HostCounters::is_requested(CounterSource source) const {
  return is_kernel_wide(source) ? request_.kernel : request_.network;
}

void HostCounters::begin(const CountersRequest& request) {
  request_ = request;
  has_begun_ = true;
  if (request.network) {
    drivers_.find();
    driver_values_ = drivers_.read();
  }
  for (std::size_t i = 0; i < files_.size(); ++i) {
    File& file = files_[i];
    if (!is_requested(kCounterFiles[i].source)) continue;
    if (!file.fd) file.fd = Fd(::open(kCounterFiles[i].path, O_RDONLY | O_CLOEXEC));
    read_again(file.fd, file.before);
  }
  if (!request.kernel) return;
  if (!tracepoints_) tracepoints_.emplace();
  tracepoints_->count(request.all);
  tracepoint_counts_ = tracepoints_->read();
}

std::vector<CounterChange> HostCounters::end() {
  std::vector<CounterChange> changes;
  if (!std::exchange(has_begun_, false)) return changes;
  const auto add = [&](CounterSource source, const CounterValues& before,
                       const CounterValues& after) {
    std::ranges::move(changes_between(source, before, after), std::back_inserter(changes));
  };
  if (request_.kernel) add(CounterSource::tracepoint, tracepoint_counts_, tracepoints_->read());
  for (std::size_t i = files_.size(); i-- > 0;)
    if (is_requested(kCounterFiles[i].source)) read_again(files_[i].fd, files_[i].after);
  if (request_.network) add(CounterSource::ethtool, driver_values_, drivers_.read());
  for (std::size_t i = 0; i < files_.size(); ++i) {
    const auto& known = kCounterFiles[i];
    const File& file = files_[i];
    if (!is_requested(known.source) || file.before.empty() || file.after == file.before) continue;
    const auto values = [&](const std::string& text) {
      return parse_counters(known.source, text, request_.all, known.prefix);
    };
    add(known.source, values(file.before), values(file.after));
  }
  return changes;
}

}  // namespace pingperf
