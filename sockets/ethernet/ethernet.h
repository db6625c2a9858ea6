// Ethernet: frames of an EtherType of our own, without IP.
//
//   bytes 0 … 13   Ethernet header: destination, source, EtherType
//   bytes 14 … 21  mark: "pp", version, 1 = ping or 2 = pong, then 4 bytes of the flow's token
//   bytes 22 … 37  DatagramHeader: number, value
//   the rest       payload
//
// A message is a whole frame without its checksum. The kernel passes only the frames of the flow
// and direction to an end, by a filter for the mark.
#pragma once

#include "sockets/transport/transport.h"

namespace pingperf {

inline constexpr std::uint16_t kEtherType = 0x88b5;  // for local experiments (IEEE 802 §9.2.3)
inline constexpr std::size_t kEthernetHeader = 14;
inline constexpr std::size_t kMinFrame = 60;  // a device pads shorter frames (IEEE 802.3 §4A.2.3.2)
inline constexpr std::size_t kMaxXdpFrame = 3840;  // of engine xdp
inline constexpr std::size_t kFrameMark = 22;      // Ethernet header and mark

// One flow, which opens with hello and answer like a datagram flow, by a packet socket (packet(7)).
// The socket is bound to the interface of the options.
extern const TransportOps kEthernet;

// The first bytes of the frames that an end sends: Ethernet header and mark.
using FrameStart = std::span<const char, kFrameMark>;

// Returns the mark of the frames that the sender of `sent` receives.
FlowMark received_mark(FrameStart sent);
// Returns the options' interface of the end that sends the frames.
const std::string& interface_of(const Options& options, FrameStart sent);

// Returns an error if an interface is missing or message_size cannot be that of a frame, as
// Engine::validate.
std::optional<std::string> validate_ethernet(const Options& options);

// Returns why the interface of this host cannot carry the frames of the options: it does not exist,
// is down or is not an Ethernet interface, or its MTU is below their size.
std::optional<std::string> interface_unusable(const std::string& interface, const Options& options);

inline constexpr std::string_view kPacketSummary = "packet sockets: whole frames, without IP";
inline constexpr std::string_view kXdpSummary =
    "AF_XDP sockets: an XDP program takes whole frames before the network stack";

// Return why this process cannot use packet sockets, or AF_XDP sockets and XDP programs, as
// Engine::unavailable.
std::optional<std::string> packet_unavailable();
std::optional<std::string> xdp_unavailable();

}  // namespace pingperf
