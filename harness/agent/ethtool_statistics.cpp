#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <vector>

#include "harness/agent/counters.h"

namespace pingperf {
namespace {

constexpr std::size_t kMaxInterfaces = 16;
constexpr std::uint32_t kMaxStatistics = 4096;  // of an interface

// One interface, as the ioctl(2)s of a socket see it.
class Interface {
 public:
  Interface(int socket, const char* name) : socket_(socket) {
    std::strncpy(request_.ifr_name, name, IFNAMSIZ - 1);
  }

  bool is_up() {
    return ::ioctl(socket_, SIOCGIFFLAGS, &request_) == 0 && (request_.ifr_flags & IFF_UP) != 0 &&
           (request_.ifr_flags & IFF_LOOPBACK) == 0;
  }

  void add_statistics(CounterValues& values) {
    ethtool_drvinfo driver{};
    driver.cmd = ETHTOOL_GDRVINFO;
    if (!call(&driver) || driver.n_stats == 0 || driver.n_stats > kMaxStatistics) return;
    // The kernel writes as many as the driver has then: there is room if their number has changed.
    const std::size_t room = 2 * driver.n_stats + 64;
    std::vector<char> names(sizeof(ethtool_gstrings) + room * ETH_GSTRING_LEN);
    std::vector<std::uint64_t> numbers(sizeof(ethtool_stats) / 8 + room);
    auto* const strings = reinterpret_cast<ethtool_gstrings*>(names.data());
    strings->cmd = ETHTOOL_GSTRINGS;
    strings->string_set = ETH_SS_STATS;
    strings->len = driver.n_stats;
    auto* const stats = reinterpret_cast<ethtool_stats*>(numbers.data());
    stats->cmd = ETHTOOL_GSTATS;
    stats->n_stats = driver.n_stats;
    if (!call(strings) || !call(stats)) return;
    const std::uint32_t count = std::min(strings->len, stats->n_stats);
    for (std::uint32_t i = 0; i < count; ++i) {
      const char* const text = reinterpret_cast<char*>(strings->data) + i * ETH_GSTRING_LEN;
      values[std::string(request_.ifr_name) + " " +
             std::string(text, ::strnlen(text, ETH_GSTRING_LEN))] += stats->data[i];
    }
  }

 private:
  bool call(void* command) {
    request_.ifr_data = static_cast<char*>(command);
    return ::ioctl(socket_, SIOCETHTOOL, &request_) == 0;
  }

  int socket_;
  ifreq request_{};
};

}  // namespace

CounterValues ethtool_statistics() {
  CounterValues values;
  const Fd any(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  const std::unique_ptr<struct if_nameindex, decltype(&::if_freenameindex)> names(
      ::if_nameindex(), &::if_freenameindex);
  if (!any || !names) return values;
  std::size_t used = 0;
  for (const struct if_nameindex* each = names.get(); each->if_index != 0; ++each) {
    Interface interface(any.get(), each->if_name);
    if (!interface.is_up()) continue;
    if (++used > kMaxInterfaces) break;
    interface.add_statistics(values);
  }
  return values;
}

}  // namespace pingperf
