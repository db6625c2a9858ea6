// The figures of one trial, from the measurements of its two ends: the getters of metrics.cpp.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "harness/results/record.h"

namespace pingperf::figures {

using Value = std::optional<double>;
using Getter = std::function<Value(const TrialRecord&)>;

// Returns true for a bidirectional transfer.
bool both(const TrialRecord& r);
// Returns the sending end, or the client of a bidirectional trial.
const Measurement& sender(const TrialRecord& r);
// Returns the receiving end: the server of a bidirectional trial, and the client of a ping trial.
const Measurement& receiver(const TrialRecord& r);

template <typename T>
Value number(const std::optional<T>& v) {
  return v ? Value(static_cast<double>(*v)) : std::nullopt;
}

Value sum(const Value& a, const Value& b);

// Reads a field of the receiving end. In a bidirectional trial, adds those of both ends.
template <typename Field>
Getter received(Field field) {
  return [field](const TrialRecord& r) -> Value {
    if (both(r)) return sum(number(r.client.*field), number(r.server.*field));
    return number(receiver(r).*field);
  };
}

// Reads a field of the sending end. In a bidirectional trial, adds those of both ends.
template <typename Field>
Getter sent(Field field) {
  return [field](const TrialRecord& r) -> Value {
    if (both(r)) return sum(number(r.client.*field), number(r.server.*field));
    return number(sender(r).*field);
  };
}

template <typename Field>
Getter of_client(Field field) {
  return [field](const TrialRecord& r) { return number(r.client.*field); };
}

template <typename Field>
Getter of_server(Field field) {
  return [field](const TrialRecord& r) { return number(r.server.*field); };
}

template <typename Field>
Getter of_sender(Field field) {
  return [field](const TrialRecord& r) { return number(sender(r).*field); };
}

template <typename Field>
Getter of_receiver(Field field) {
  return [field](const TrialRecord& r) { return number(receiver(r).*field); };
}

// Returns the largest value of the receivers of a multicast group.
template <typename Read>
Getter of_worst_receiver(Read read) {
  return [read](const TrialRecord& r) {
    Value worst;
    for (const auto* const receivers : {&r.server.receivers, &r.client.receivers})
      for (const ReceiverFigures& receiver : *receivers)
        if (const Value figure = read(receiver); figure && (!worst || *figure > *worst))
          worst = figure;
    return worst;
  };
}

template <typename Figure>
Getter of_rtt(Figure figure) {
  return [figure](const TrialRecord& r) -> Value {
    if (!r.client.rtt) return std::nullopt;
    return static_cast<double>((*r.client.rtt.*figure)());
  };
}

// Of transfers.
Value throughput(const TrialRecord& r);
Value sent_rate(const TrialRecord& r);
// Adds the last datagrams of a transfer to the lost ones of which the receiver heard, if it did not
// even hear of the end.
Value datagrams_lost(const TrialRecord& r);
Value loss_ratio(const TrialRecord& r);
Value loss_of(const ReceiverFigures& receiver);
// The bytes of pings and pongs are client_bytes_sent and client_bytes_received.
Value bytes_sent(const TrialRecord& r);
Value bytes_received(const TrialRecord& r);
Value payload(const TrialRecord& r);
Value cpu_per_gb(const TrialRecord& r);
Value cycles_per_byte(const TrialRecord& r);
Value copies(const TrialRecord& r);
Value frames_late(const TrialRecord& r);
Value frames_dropped(const TrialRecord& r);

// Of round trips and times.
Value ping_rate(const TrialRecord& r);
Value request_rate(const TrialRecord& r);
Value response_rate(const TrialRecord& r);
Getter rtt_quantile(double q);
Value span_quantile(const Measurement& m, Span span, double q);
Getter span_quantile(Span span, double q);
// Reads a one-way time, which is valid only if both ends have one clock.
Getter oneway_quantile(Span span, double q);
// Reads a time of frames, which is valid only if both ends have one clock.
Getter frame_quantile(double q);
Value responsiveness(const TrialRecord& r);

// Of processes and hosts.
Value cpu(const Measurement& m);
Value switches(const TrialRecord& r);
Value steal(const TrialRecord& r);
// Returns the share of a host's CPU time that other processes took, or the larger share of two
// hosts.
Value other_load(const TrialRecord& r);
// Returns a figure that the program of an end reported itself.
Value reported(const TrialRecord& r, const std::string& column);

}  // namespace pingperf::figures
