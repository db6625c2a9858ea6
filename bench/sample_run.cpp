#include "bench/sample_run.h"

#include <fmt/core.h>
#include <unistd.h>

#include <fstream>
#include <random>

#include "harness/results/columns.h"

namespace pingperf {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kCases = 10;

Case sample_case() {
  Case c;
  c.workload = c.name = "bulk";
  c.options.edit().engine = "blocking";
  c.options.edit().message_size = 131072;
  c.options.edit().streams = 1;
  c.options.edit().duration = kSecond;
  c.options.edit().warmup = 0;
  return c;
}

void scatter(TrialRecord& record, double factor) {
  const auto bytes = static_cast<std::uint64_t>(3e9 * factor);
  record.client.window_s = record.server.window_s = 1;
  record.client.bytes_sent = record.server.bytes_received = bytes;
  record.client.cpu_user_s = 0.02 * factor;
  record.client.cpu_system_s = 0.7 * factor;
  record.server.cpu_user_s = 0.03 * factor;
  record.server.cpu_system_s = 0.8 * factor;
}

}  // namespace

SampleTrial::SampleTrial(std::uint64_t seed) : trial_case(sample_case()) {
  record.run = "20260101T000000Z-1";
  record.experiment = "sample";
  record.trial_case = &trial_case;
  record.trial = {0, 1, 1};
  record.started_at = std::chrono::system_clock::time_point(std::chrono::seconds(1'767'225'600));
  record.client_host = record.server_host = "host";
  scatter(record, 1);
  std::mt19937_64 random(seed);
  std::lognormal_distribution<double> round_trip(9.5, 0.1);  // about 13 µs
  record.client.rtt.emplace();
  for (int i = 0; i < 100'000; ++i)
    record.client.rtt->record(static_cast<Nanoseconds>(round_trip(random)));
}

void write_sample_trials(const fs::path& file, std::size_t trials, std::uint64_t seed) {
  SampleTrial sample(seed);
  TrialRecord& record = sample.record;
  record.client.rtt.reset();
  std::mt19937_64 random(seed);
  std::lognormal_distribution<double> factor(0, 0.1);
  std::ofstream out(file, std::ios::binary);
  out << trials_header();
  for (std::size_t i = 0; i < trials; ++i) {
    sample.trial_case.name = fmt::format("bulk/streams={}", i % kCases + 1);
    record.trial = {i % kCases, i / kCases + 1, i + 1};
    record.started_at += std::chrono::milliseconds(1100);
    scatter(record, factor(random));
    out << trial_row(record);
  }
  if (!out.flush()) throw std::runtime_error(file.string() + ": cannot be written");
}

SampleFile::SampleFile(std::size_t trials)
    : path_(fs::temp_directory_path() /
            fmt::format("pingperf-bench-{}-{}.csv", ::getpid(), trials)) {
  write_sample_trials(path_, trials, 1);
}

SampleFile::~SampleFile() {
  std::error_code error;
  fs::remove(path_, error);
}

}  // namespace pingperf
