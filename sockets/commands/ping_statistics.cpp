#include "sockets/commands/ping_statistics.h"

#include <algorithm>

namespace pingperf {

void PingStatistics::pong(Nanoseconds now, Nanoseconds rtt) {
  rtt_.record(rtt);
  count_pong(now);
}

void PingStatistics::served(Nanoseconds now, Nanoseconds waited) {
  waited_ += waited;
  count_pong(now);
}

void PingStatistics::count_pong(Nanoseconds now) {
  end_outage(now);
  if (received_++ > 0) longest_gap_ = std::max(longest_gap_, now - last_pong_);
  last_pong_ = ended_ = now;
}

void PingStatistics::lost(Nanoseconds sent, Nanoseconds now, const std::string& reason) {
  if (!in_outage()) {
    outage_since_ = sent;
    lost_in_outage_ = 0;
    ++outages_;
  }
  ++lost_;
  ++lost_in_outage_;
  ++reasons_[reason];
  ended_ = now;
}

void PingStatistics::end_outage(Nanoseconds now) {
  if (!in_outage()) return;
  last_outage_ = now - outage_since_;
  outage_time_ += last_outage_;
  outage_since_ = 0;
}

void PingStatistics::finish(Nanoseconds now) {
  end_outage(now);
  ended_ = now;
}

double PingStatistics::rate_hz() const noexcept {
  if (received_ < 2 || elapsed() <= 0) return 0;
  const double gaps = static_cast<double>(sent() - 1), sent_pings = static_cast<double>(sent());
  return gaps / to_seconds(elapsed()) * static_cast<double>(received_) / sent_pings;
}

}  // namespace pingperf
