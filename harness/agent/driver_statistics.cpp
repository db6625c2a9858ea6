#include "harness/agent/driver_statistics.h"

#include <fmt/core.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstring>
#include <memory>

namespace pingperf {
namespace {

constexpr std::size_t kMaxInterfaces = 16;
constexpr std::uint32_t kMaxStatistics = 4096;  // of an interface

// The kernel writes as many entries as the driver has then, which may be more than it had before.
constexpr std::size_t room_for(std::uint32_t entries) {
  return 2 * entries + 64;
}

ifreq request_for(const std::string& name) {
  ifreq request{};
  std::strncpy(request.ifr_name, name.c_str(), IFNAMSIZ - 1);
  return request;
}

}  // namespace

std::vector<std::string> interface_names() {
  std::vector<std::string> names;
  const std::unique_ptr<struct if_nameindex, decltype(&::if_freenameindex)> list(
      ::if_nameindex(), &::if_freenameindex);
  if (!list) return names;
  for (const struct if_nameindex* each = list.get(); each->if_index != 0; ++each)
    names.emplace_back(each->if_name);
  return names;
}

void DriverStatistics::find() {
  if (!socket_) socket_ = Fd(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  interfaces_.clear();
  for (const std::string& name : interface_names()) {
    if (!is_up(name)) continue;
    std::vector<std::string> statistics = names_of_statistics(name);
    if (!statistics.empty()) interfaces_.push_back({name, std::move(statistics)});
    if (interfaces_.size() == kMaxInterfaces) break;
  }
}

CounterValues DriverStatistics::read() {
  CounterValues values;
  for (const auto& [name, statistics] : interfaces_) {
    if (number_of_statistics(name) != statistics.size()) continue;
    buffer_.assign(sizeof(ethtool_stats) / sizeof(std::uint64_t) +
                       room_for(static_cast<std::uint32_t>(statistics.size())),
                   0);
    auto* const stats = reinterpret_cast<ethtool_stats*>(buffer_.data());
    stats->cmd = ETHTOOL_GSTATS;
    stats->n_stats = static_cast<std::uint32_t>(statistics.size());
    if (!call(name, stats)) continue;
    for (std::size_t i = 0; i < statistics.size(); ++i)
      values[fmt::format("{} {}", name, statistics[i])] += stats->data[i];
  }
  return values;
}

bool DriverStatistics::call(const std::string& name, void* command) const {
  ifreq request = request_for(name);
  request.ifr_data = static_cast<char*>(command);
  return ::ioctl(socket_.get(), SIOCETHTOOL, &request) == 0;
}

bool DriverStatistics::is_up(const std::string& name) const {
  ifreq request = request_for(name);
  return ::ioctl(socket_.get(), SIOCGIFFLAGS, &request) == 0 && (request.ifr_flags & IFF_UP) != 0 &&
         (request.ifr_flags & IFF_LOOPBACK) == 0;
}

// Returns 0 if there are none, or too many.
std::uint32_t DriverStatistics::number_of_statistics(const std::string& name) const {
  ethtool_drvinfo driver{};
  driver.cmd = ETHTOOL_GDRVINFO;
  return call(name, &driver) && driver.n_stats <= kMaxStatistics ? driver.n_stats : 0;
}

std::vector<std::string> DriverStatistics::names_of_statistics(const std::string& name) const {
  std::vector<std::string> names;
  const std::uint32_t number = number_of_statistics(name);
  std::vector<char> memory(sizeof(ethtool_gstrings) + room_for(number) * ETH_GSTRING_LEN);
  auto* const strings = reinterpret_cast<ethtool_gstrings*>(memory.data());
  strings->cmd = ETHTOOL_GSTRINGS;
  strings->string_set = ETH_SS_STATS;
  strings->len = number;
  if (number == 0 || !call(name, strings)) return names;
  for (std::uint32_t i = 0; i < std::min(number, strings->len); ++i) {
    const char* const text = reinterpret_cast<char*>(strings->data) + i * ETH_GSTRING_LEN;
    names.emplace_back(text, ::strnlen(text, ETH_GSTRING_LEN));
  }
  return names;
}

}  // namespace pingperf
