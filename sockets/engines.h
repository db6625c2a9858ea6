// The engines of this folder. Each function is defined in the file of its engine.
#pragma once

#include "sockets/transport/engine.h"

namespace pingperf {

std::span<const Engine> noop_engines();
std::span<const Engine> blocking_stream_throughput();
const Engine& blocking_udp_throughput();
const Engine& multicast_throughput();
std::span<const Engine> epoll_throughput();
std::span<const Engine> io_uring_throughput();
const Engine& io_uring_udp_throughput();
const Engine& splice_throughput();
const Engine& packet_throughput();
const Engine& xdp_throughput();
const Engine& tls_throughput();
std::span<const Engine> blocking_latency();
std::span<const Engine> blocking_connect();
std::span<const Engine> epoll_connect();
std::span<const Engine> io_uring_connect();
const Engine& multicast_latency();
std::span<const Engine> spin_latency();
std::span<const Engine> hybrid_latency();
std::span<const Engine> epoll_latency();
std::span<const Engine> io_uring_latency();
const Engine& packet_latency();
const Engine& xdp_latency();
const Engine& tls_latency();
const Engine& tls_connect();

}  // namespace pingperf
