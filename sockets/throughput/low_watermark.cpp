#include "sockets/throughput/low_watermark.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "sockets/core/cpu_set.h"
#include "sockets/core/socket_options.h"

namespace pingperf {
namespace {

constexpr int kStandard = 512 * 1024;  // bytes
constexpr int kOff = 1;                // the kernel's default

// A stream must fill the standard watermark in this time, so that no byte waits longer.
constexpr Nanoseconds kMaxWait = kMillisecond;

// Returns true if the receivers of a trial start with the standard watermark.
bool has_standard_low_watermark(const Options& o) {
  const bool paced = o.rate_bps || o.on_time || o.frame_every;
  // With both ends on one CPU, the receiver runs when the sender sleeps, and no wake-up is saved.
  return o.transport == Transport::tcp && !o.receive_low_watermark && !paced &&
         o.warmup.value_or(0) > 0 && !share_one_cpu(o);
}

}  // namespace

void set_low_watermark(int fd, const Options& o) {
  if (o.receive_low_watermark)
    set_option(fd, SOL_SOCKET, SO_RCVLOWAT, static_cast<int>(*o.receive_low_watermark),
               "receive_low_watermark");
  else if (has_standard_low_watermark(o))
    ::setsockopt(fd, SOL_SOCKET, SO_RCVLOWAT, &kStandard, sizeof kStandard);
}

void review_low_watermark(int fd, const Options& o, std::uint64_t bytes) noexcept {
  if (!has_standard_low_watermark(o)) return;
  const double filled = static_cast<double>(bytes) / (to_seconds(*o.warmup) * kStandard);
  if (filled * to_seconds(kMaxWait) < 1)
    ::setsockopt(fd, SOL_SOCKET, SO_RCVLOWAT, &kOff, sizeof kOff);
}

std::optional<std::uint64_t> low_watermark(int fd) noexcept {
  return buffer_size(fd, SO_RCVLOWAT);
}

void set_notsent_low_watermark(int fd, const Options& o) {
  if (o.notsent_low_watermark)
    set_option(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, static_cast<int>(*o.notsent_low_watermark),
               "notsent_low_watermark");
}

}  // namespace pingperf
