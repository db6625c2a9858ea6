#include "harness/experiment/lab_reader.h"

#include <fmt/core.h>

#include "harness/base/units.h"
#include "harness/experiment/keys.h"
#include "harness/experiment/parameter_reader.h"

namespace pingperf {
namespace {

double read_share(const Node& node, std::string_view what) {
  const std::string& text = read_text(node, what);
  const auto share = parse_percent(text);
  if (!share || *share < 0 || *share > 1)
    fail_at(node.mark, fmt::format("{}: '{}' is not a share: write e.g. 0.1%", what, text));
  return *share;
}

std::uint64_t read_rate(const Node& node) {
  const std::string& text = read_text(node, "rate");
  const auto rate = parse_rate(text);
  if (!rate || *rate < 8000 || *rate > 1'000'000'000'000)
    fail_at(node.mark, fmt::format("rate: '{}' is not a rate from 8 kbit to 1 Tbit{}", text,
                                   suggest_rate(rate ? "" : text, "100mbit")));
  return *rate;
}

Nanoseconds read_time(const Node& node, std::string_view what) {
  const Nanoseconds time = read_duration(node, what);
  if (time < 0 || time > 60 * kSecond)
    fail_at(node.mark, fmt::format("{}: {} is out of range: from 0us to 60s", what, node.scalar));
  return time;
}

// Reads a buffer: a time at the bottleneck's rate, or a size.
void read_buffer(LabOptions& lab, const Node& node) {
  const std::string& text = read_text(node, "buffer");
  if (parse_duration(text))
    lab.buffer = read_time(node, "buffer");
  else if (const auto size = parse_size(text); size && *size >= 2000 && *size <= (1ULL << 32) - 1)
    lab.buffer_bytes = *size;
  else
    fail_at(node.mark, fmt::format("buffer: '{}' is neither a time nor a size of 2000 B or more: "
                                   "write e.g. 100ms or 256KiB",
                                   text));
  if (!lab.rate_bps) fail_at(node.mark, "buffer: without a rate there is no queue: add rate");
}

}  // namespace

LabOptions read_lab(const Node& node) {
  check_keys(node, "lab", keys_of("lab"));
  LabOptions lab;
  if (const Node* const n = node.find("rate")) lab.rate_bps = read_rate(*n);
  if (const Node* const n = node.find("buffer")) read_buffer(lab, *n);
  if (const Node* const n = node.find("delay")) lab.delay = read_time(*n, "delay");
  if (const Node* const n = node.find("jitter")) lab.jitter = read_time(*n, "jitter");
  if (const Node* const n = node.find("loss")) lab.loss = read_share(*n, "loss");
  if (const Node* const n = node.find("reorder")) lab.reorder = read_share(*n, "reorder");
  if (const Node* const n = node.find("mtu")) {
    constexpr std::uint64_t kLeastOfIpv6 = 1280;  // RFC 8200, section 5
    lab.mtu = read_key_count(*n, "lab", "mtu");
    if (*lab.mtu < kLeastOfIpv6)
      fail_at(n->mark,
              fmt::format("mtu: {} is less than IPv6 requires: the addresses of a lab need {}",
                          *lab.mtu, kLeastOfIpv6));
  }
  if (const Node* const n = node.find("offloads")) lab.offloads = read_flag(*n, "offloads");
  if (const Node* const n = node.find("router")) lab.router = read_flag(*n, "router");
  for (const char* const key : {"jitter", "reorder"})
    if (const Node* const n = node.find(key); n && !lab.delay)
      fail_at(n->mark, fmt::format("{}: requires delay: add delay", key));
  lab.place = node.mark.to_string();
  return lab;
}

}  // namespace pingperf
