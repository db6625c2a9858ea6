// The .npy format of NumPy (numpy.org, NEP 1): an array that numpy.load() reads.
#pragma once

#include <string>
#include <vector>

#include "sockets/measure/measurement.h"

namespace pingperf {

// Returns a one-dimensional structured array with one element per ping: sent_ns and rtt_ns, both
// int64. rtt_ns is -1 if no pong came.
std::string npy_bytes(const std::vector<Sample>& samples);

}  // namespace pingperf
