// PingStatistics: the figures of `pingperf ping`.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "sockets/measure/histogram.h"

namespace pingperf {

// An outage lasts from the first ping that is lost after a pong to the next pong.
class PingStatistics {
 public:
  explicit PingStatistics(Nanoseconds started) : started_(started), ended_(started) {}

  // Record at `now` that a pong has arrived, or that a ping that was sent at `sent` is lost.
  void pong(Nanoseconds now, Nanoseconds rtt);
  void lost(Nanoseconds sent, Nanoseconds now, const std::string& reason);
  // Records a pong whose ping first waited for the server. Its time is not a round trip.
  void served(Nanoseconds now, Nanoseconds waited);
  // Ends the record at `now`, and an outage with it.
  void finish(Nanoseconds now);

  bool in_outage() const noexcept { return outage_since_ != 0; }
  std::uint64_t sent() const noexcept { return received_ + lost_; }
  std::uint64_t received() const noexcept { return received_; }
  std::uint64_t lost() const noexcept { return lost_; }
  std::uint64_t outages() const noexcept { return outages_; }
  // Return the total length of all outages, and of the last one.
  Nanoseconds outage_time() const noexcept { return outage_time_; }
  Nanoseconds last_outage() const noexcept { return last_outage_; }
  std::uint64_t lost_in_outage() const noexcept { return lost_in_outage_; }
  // Returns the longest time from one pong to the next.
  Nanoseconds longest_gap() const noexcept { return longest_gap_; }
  Nanoseconds waited() const noexcept { return waited_; }
  Nanoseconds elapsed() const noexcept { return ended_ - started_; }
  // Returns the pongs per second: the rate of the pings, by the gaps between them, times the share
  // of pings that were answered. 0 if fewer than two were.
  double rate_hz() const noexcept;
  // Returns the number of lost pings by reason.
  const std::map<std::string, std::uint64_t>& reasons() const noexcept { return reasons_; }
  const Histogram& rtt() const noexcept { return rtt_; }

 private:
  void count_pong(Nanoseconds now);
  void end_outage(Nanoseconds now);

  Nanoseconds started_, ended_;
  std::uint64_t received_ = 0, lost_ = 0, outages_ = 0, lost_in_outage_ = 0;
  Nanoseconds last_pong_ = 0, longest_gap_ = 0;
  Nanoseconds outage_since_ = 0, outage_time_ = 0, last_outage_ = 0, waited_ = 0;
  std::map<std::string, std::uint64_t> reasons_;
  Histogram rtt_;
};

}  // namespace pingperf
