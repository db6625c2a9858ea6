// XdpProgram: gives the frames of one flow to an AF_XDP socket.
#pragma once

#include <string>

#include "sockets/core/fd.h"
#include "sockets/transport/transport.h"

namespace pingperf {

// An XDP program on an interface. It redirects the frames that have the EtherType and the mark of a
// trial, and passes all others to the kernel. The attachment is a bpf_link, so the kernel removes
// it with the process, even after kill -9.
class XdpProgram {
 public:
  // Attaches the program by the driver, or behind the driver if that has no XDP. Throws
  // std::system_error.
  XdpProgram(const std::string& interface, const FlowMark& mark);

  // Redirects the frames of a queue to a socket from now on. Throws std::system_error.
  void redirect_to(int socket, std::uint32_t queue);

 private:
  Fd map_;  // queue -> socket
  Fd link_;
};

}  // namespace pingperf
