// The .npy format of NumPy (numpy.org, NEP 1): an array that numpy.load() reads.
#pragma once

#include <string>
#include <vector>

#include "sockets/measure/measurement.h"

namespace pingperf {

// A one-dimensional structured array: sent_ns and rtt_ns, both int64, one element a ping. rtt_ns is
// -1 where no pong came.
std::string npy_bytes(const std::vector<Sample>& samples);

}  // namespace pingperf
