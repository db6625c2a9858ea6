#include "harness/run/round_state.h"

#include <utility>

namespace pingperf {

std::size_t RoundBarrier::arrive(Signal& signal) {
  const std::size_t arrival = opened_;
  here_.push_back(&signal);
  open_when_complete();
  return arrival;
}

void RoundBarrier::leave(Signal& signal) {
  std::erase(waiting_, &signal);
  std::erase(here_, &signal);
  open_when_complete();
}

void RoundBarrier::break_up() {
  is_broken_ = true;
  notify();
}

void RoundBarrier::open_when_complete() {
  if (here_.empty() || here_.size() < waiting_.size()) return;
  here_.clear();
  ++opened_;
  notify();
}

void RoundBarrier::notify() {
  for (Signal* const signal : waiting_) signal->notify();
}

void RoundCounters::add(Channel& agent, const CountersRequest& request, Signal& signal) {
  Reading& reading = agents_[&agent];
  reading.request.kernel |= request.kernel;
  reading.request.network |= request.network;
  reading.request.all |= request.all;
  reading.signals.push_back(&signal);
}

void RoundCounters::request(Channel& agent, bool begins) {
  Reading& reading = agents_.at(&agent);
  if (reading.requests > (begins ? 0 : 1)) return;
  reading.requests = begins ? 1 : 2;
  reading.request.begins = begins;
  agent.send(reading.request);
}

void RoundCounters::take(const Channel& agent, CountersResult result) {
  const auto found = agents_.find(&agent);
  if (found == agents_.end()) return;
  Reading& reading = found->second;
  if (reading.answers >= reading.requests) return;  // of an earlier round
  ++reading.answers;
  reading.result = std::move(result);
  for (Signal* const signal : reading.signals) signal->notify();
}

}  // namespace pingperf
