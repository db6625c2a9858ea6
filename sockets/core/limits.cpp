#include "sockets/core/limits.h"

#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <string_view>

#include "sockets/core/fd.h"

namespace pingperf {
namespace {

// Returns the value of a limit in `unit` bytes, as ulimit(1) prints it.
std::string ulimit(int resource, rlim_t unit) {
  rlimit limit{};
  ::getrlimit(static_cast<__rlimit_resource>(resource), &limit);
  return limit.rlim_cur == RLIM_INFINITY ? "unlimited" : std::to_string(limit.rlim_cur / unit);
}

std::string memory_limits() {
  return " (ulimit -v: " + ulimit(RLIMIT_AS, 1024) +
         ", ulimit -l: " + ulimit(RLIMIT_MEMLOCK, 1024) +
         ", or the memory limit of the control group)";
}

std::string port_range() {
  std::ifstream in("/proc/sys/net/ipv4/ip_local_port_range");
  std::string first, last;
  if (!(in >> first >> last)) return "";
  return " (net.ipv4.ip_local_port_range: " + first + " to " + last + ")";
}

bool names_loopback(std::string_view call) {
  return call.find(" 127.") != call.npos || call.find("[::1]") != call.npos;
}

std::string limit_of(int error, std::string_view call) {
  switch (error) {
    case EMFILE:
      return " (ulimit -n: " + ulimit(RLIMIT_NOFILE, 1) + ")";
    case ENFILE:
      return " (sysctl fs.file-max)";
    case ENOMEM:
      return memory_limits();
    case EAGAIN:
      return call.starts_with("fork") ? " (see ulimit -u and the pids limit of the cgroup)" : "";
    case EADDRNOTAVAIL:
      return call.starts_with("bind ") ? " (no interface of this host has the address)"
                                       : port_range();
    case ENETUNREACH:
      return names_loopback(call) && is_loopback_down()
                 ? " (the loopback interface is down: ip link set lo up)"
                 : "";
    default:
      return "";
  }
}

}  // namespace

bool is_loopback_down() {
  ifreq loopback{};
  std::strcpy(loopback.ifr_name, "lo");
  const Fd socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  return ::ioctl(socket.get(), SIOCGIFFLAGS, &loopback) == 0 && !(loopback.ifr_flags & IFF_UP);
}

std::string explained(const std::exception& error) {
  if (dynamic_cast<const std::bad_alloc*>(&error))
    return "not enough memory for the buffers" + memory_limits();
  const auto* const system = dynamic_cast<const std::system_error*>(&error);
  return error.what() + (system ? limit_of(system->code().value(), error.what()) : "");
}

std::string at_number(const char* what, std::size_t number, std::size_t count,
                      const std::string& error) {
  if (count == 1) return error;
  return std::string(what) + " " + std::to_string(number) + " of " + std::to_string(count) + ": " +
         error;
}

}  // namespace pingperf
