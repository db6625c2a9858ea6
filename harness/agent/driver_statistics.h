// The statistics of network drivers, as ethtool -S prints them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "harness/agent/counter_texts.h"
#include "sockets/core/fd.h"

namespace pingperf {

// Returns the names of the network interfaces of this process's namespace.
std::vector<std::string> interface_names();

// Reads the statistics of the network interfaces of this process's namespace by ioctl(2).
class DriverStatistics {
 public:
  // Looks for the interfaces that are up, except lo, and for the names of their statistics.
  void find();
  // Returns the present values by "veth0 rx_queue_0_drops".
  CounterValues read();

 private:
  struct Interface {
    std::string name;
    std::vector<std::string> statistics;
  };

  bool call(const std::string& name, void* command) const;
  bool is_up(const std::string& name) const;
  std::uint32_t number_of_statistics(const std::string& name) const;
  std::vector<std::string> names_of_statistics(const std::string& name) const;

  Fd socket_;
  std::vector<Interface> interfaces_;
  std::vector<std::uint64_t> buffer_;
};

}  // namespace pingperf
