// Records made by hand, for tests that compute results from records.
#pragma once

#include <deque>

#include "harness/results/record.h"

namespace pingperf {

// Keeps the cases that its records point to.
class Samples {
 public:
  const Case& add_case(const std::string& workload,
                       std::vector<std::pair<std::string, std::string>> axes = {},
                       Kind kind = Kind::throughput) {
    Case& c = cases_.emplace_back();
    c.workload = c.name = workload;
    for (const auto& [key, value] : axes) c.name += "/" + key + "=" + value;
    c.axes = std::move(axes);
    c.options.edit().kind = kind;
    c.options.edit().engine = "blocking";
    c.options.edit().duration = kSecond;
    return c;
  }

  // Returns a throughput trial whose receiver got `bytes` in a second.
  static TrialRecord transfer(const Case& c, std::uint64_t block, std::uint64_t bytes) {
    TrialRecord r = trial(c, block);
    r.client.window_s = r.server.window_s = 1.0;
    r.client.bytes_sent = bytes;
    r.server.bytes_received = bytes;
    return r;
  }

  static TrialRecord failed(const Case& c, std::uint64_t block, Status status = Status::failed) {
    TrialRecord r = trial(c, block);
    r.status = status;
    r.error = "client: it, \"broke\"";
    return r;
  }

  static TrialRecord trial(const Case& c, std::uint64_t block) {
    TrialRecord r;
    r.run = "run-1";
    r.experiment = "samples";
    r.trial_case = &c;
    r.trial = {0, block, block};
    r.started_at =
        std::chrono::system_clock::time_point(std::chrono::milliseconds(1'700'000'000'123));
    return r;
  }

 private:
  std::deque<Case> cases_;
};

}  // namespace pingperf
