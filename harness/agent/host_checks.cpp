#include "harness/agent/host_checks.h"

#include <linux/ethtool.h>
#include <linux/net_tstamp.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <chrono>
#include <cstring>
#include <sstream>
#include <thread>

#include "harness/agent/driver_statistics.h"
#include "harness/agent/lab.h"
#include "harness/base/command.h"
#include "harness/base/json.h"
#include "sockets/core/error.h"
#include "sockets/core/fd.h"
#include "sockets/measure/timestamps.h"
#include "sockets/measure/usage.h"

namespace pingperf {
namespace {

// No trial runs at that time, so the load comes from other programs.
void put_load(Json& facts, Nanoseconds observe) {
  const Usage before = Usage::now();
  std::this_thread::sleep_for(std::chrono::nanoseconds(observe));
  Measurement m;
  set_usage(m, before, Usage::now());
  if (m.steal_ratio) facts["steal_ratio"] = *m.steal_ratio;
  if (m.host_total_s && *m.host_total_s > 0) facts["load_ratio"] = *m.host_busy_s / *m.host_total_s;
}

void put_clock(Json& facts) {
  calibrate_clock();
  facts["clock"] = fast_clock.name();
  facts["clock_cost_ns"] = fast_clock.cost_ns;
}

// Tries each discipline in a new namespace, because it may be a module that is not loaded yet.
void put_qdiscs(Json& facts) {
  std::vector<std::string> command = in_new_network();
  command.insert(command.end(), {"sh", "-c",
                                 "command -v tc >/dev/null || { echo tc: not found >&2; exit 1; }\n"
                                 "for q in 'tbf rate 1mbit burst 10000 limit 10000' netem fq; do\n"
                                 "  tc qdisc add dev lo root $q 2>/dev/null || continue\n"
                                 "  tc qdisc delete dev lo root\n"
                                 "  echo ${q%% *}\n"
                                 "done\n"});
  try {
    std::istringstream names(run_command(command));
    facts["qdiscs"] = Json::array();
    for (std::string name; names >> name;) facts["qdiscs"].push_back(name);
  } catch (const CommandError& e) {
    const std::string_view what = e.what();
    facts["qdiscs_unknown"] = what.substr(what.rfind('\n') + 1);
  }
}

// Returns true if the interface stamps sent packets in software. Returns nothing if it is down or
// unknown.
std::optional<bool> stamps_sent(int fd, const char* interface) {
  ifreq request{};
  std::strncpy(request.ifr_name, interface, IFNAMSIZ - 1);
  if (::ioctl(fd, SIOCGIFFLAGS, &request) != 0 || (request.ifr_flags & IFF_UP) == 0)
    return std::nullopt;
  ethtool_ts_info info{};
  info.cmd = ETHTOOL_GET_TS_INFO;
  request.ifr_data = reinterpret_cast<char*>(&info);
  if (::ioctl(fd, SIOCETHTOOL, &request) != 0) return std::nullopt;
  return (info.so_timestamping & SOF_TIMESTAMPING_TX_SOFTWARE) != 0;
}

void put_stamps(Json& facts) {
  const Fd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!socket) return;
  try {
    enable_timestamps(socket.get());
    facts["kernel_stamps"] = true;
  } catch (const std::system_error&) {
    facts["kernel_stamps"] = false;
  }
  for (const std::string& name : interface_names())
    if (const auto stamps = stamps_sent(socket.get(), name.c_str()))
      facts["stamps_sent"][name] = *stamps;
}

}  // namespace

std::string check_host(Nanoseconds observe) {
  Json facts = Json::object();
  put_load(facts, observe);  // before the commands below, which are load too
  put_clock(facts);
  put_qdiscs(facts);
  put_stamps(facts);
  if (const auto labs = stale_labs(); !labs.empty()) facts["stale_labs"] = labs;
  return json_line(facts);
}

}  // namespace pingperf
