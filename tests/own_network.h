// A network namespace of a test's own.
#pragma once

#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <cstring>

#include "sockets/core/fd.h"

namespace pingperf {

// Moves the calling thread to a new network namespace, whose loopback device is up and has the MTU
// in bytes. Threads that it starts later are in the same namespace. Returns false without root.
inline bool enter_own_network(int mtu = 65536) {
  if (::unshare(CLONE_NEWNET) != 0) return false;
  const Fd fd(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  ifreq request{};
  std::strcpy(request.ifr_name, "lo");
  request.ifr_mtu = mtu;
  if (::ioctl(fd.get(), SIOCSIFMTU, &request) != 0) return false;
  request.ifr_flags = IFF_UP;
  return ::ioctl(fd.get(), SIOCSIFFLAGS, &request) == 0;
}

}  // namespace pingperf
