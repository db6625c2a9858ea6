#include "sockets/core/limits.h"

#include <sys/resource.h>

#include <cerrno>
#include <fstream>

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

std::string limit_of(int error) {
  switch (error) {
    case EMFILE:
      return " (ulimit -n: " + ulimit(RLIMIT_NOFILE, 1) + ")";
    case ENFILE:
      return " (sysctl fs.file-max)";
    case ENOMEM:
      return memory_limits();
    case EADDRNOTAVAIL:
      return port_range();
    default:
      return "";
  }
}

}  // namespace

std::string explained(const std::exception& error) {
  if (dynamic_cast<const std::bad_alloc*>(&error))
    return "not enough memory for the buffers" + memory_limits();
  const auto* const system = dynamic_cast<const std::system_error*>(&error);
  return error.what() + (system ? limit_of(system->code().value()) : "");
}

std::string at_number(const char* what, std::size_t number, std::size_t count,
                      const std::string& error) {
  if (count == 1) return error;
  return std::string(what) + " " + std::to_string(number) + " of " + std::to_string(count) + ": " +
         error;
}

}  // namespace pingperf
