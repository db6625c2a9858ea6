// Opens the path of a trial's frames. The port of an end is set up after its flow was admitted, so
// the client repeats a hello until the server's port answers. The answer also proves that frames
// arrive at the ports.
#pragma once

#include <chrono>
#include <span>
#include <system_error>
#include <thread>
#include <vector>

#include "sockets/core/error.h"
#include "sockets/ethernet/ethernet.h"
#include "sockets/measure/meter.h"

namespace pingperf {

// Sends a frame. Returns false with errno on an error.
template <typename Port>
bool send_frame(Port& port, std::span<const char> frame) noexcept {
  return port.put(frame) && port.flush();
}

inline bool is_hello_frame(std::span<const char> frame) noexcept {
  return frame.size() >= kMinFrame && header_of(frame.data() + kFrameMark).number == kHello;
}

// Makes the sender of a received frame the destination of the frames that start with `start`.
inline void set_destination(std::span<char> start, std::span<const char> received) noexcept {
  std::copy_n(received.data() + sizeof(Mac), sizeof(Mac), start.data());
}

// Client: repeats a hello until a frame of the server arrives. Throws std::system_error if none has
// arrived in two seconds.
template <typename Port>
void open_path(Port& port, FrameStart start, const Meter& meter) {
  constexpr auto kRetry = std::chrono::milliseconds(1);
  const Nanoseconds deadline = now_ns() + 2 * kSecond;
  std::vector<char> hello(kMinFrame);
  std::ranges::copy(start, hello.begin());
  set_header(hello.data() + kFrameMark, {kHello, 0});
  while (!meter.stopped()) {
    if (!send_frame(port, hello)) check(-1, "send of a frame");
    std::this_thread::sleep_for(kRetry);
    bool answered = false;
    for (; !port.template receive<Wait::spin>().empty(); port.release()) answered = true;
    if (answered) return;
    if (now_ns() > deadline)
      throw std::system_error(ETIMEDOUT, std::generic_category(),
                              "no frame of the server arrived at the client's socket");
  }
}

}  // namespace pingperf
