#include "harness/experiment/lab_reader.h"

#include <fmt/core.h>

#include "harness/base/units.h"
#include "harness/experiment/error_list.h"
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
}

std::uint64_t read_mtu(const Node& node) {
  constexpr std::uint64_t kLeastOfIpv6 = 1280;  // RFC 8200, section 5
  const std::uint64_t mtu = read_key_count(node, "lab", "mtu");
  if (mtu < kLeastOfIpv6)
    fail_at(node.mark,
            fmt::format("mtu: {} is less than IPv6 requires: the addresses of a lab need {}", mtu,
                        kLeastOfIpv6));
  return mtu;
}

// Throws UsageError if a key requires another one.
void check_together(const LabOptions& lab, const Node& node) {
  ErrorList errors;
  errors.read_key(node, "buffer", [&](const Node& n) {
    if (!lab.rate_bps) fail_at(n.mark, "buffer: without a rate there is no queue: add rate");
  });
  for (const char* const key : {"jitter", "reorder"})
    errors.read_key(node, key, [&](const Node& n) {
      if (!lab.delay) fail_at(n.mark, fmt::format("{}: requires delay: add delay", key));
    });
  errors.throw_if_any();
}

}  // namespace

LabOptions read_lab(const Node& node) {
  LabOptions lab;
  ErrorList errors;
  errors.attempt([&] { check_keys(node, "lab", keys_of("lab")); });
  errors.read_key(node, "rate", [&](const Node& n) { lab.rate_bps = read_rate(n); });
  errors.read_key(node, "buffer", [&](const Node& n) { read_buffer(lab, n); });
  errors.read_key(node, "delay", [&](const Node& n) { lab.delay = read_time(n, "delay"); });
  errors.read_key(node, "jitter", [&](const Node& n) { lab.jitter = read_time(n, "jitter"); });
  errors.read_key(node, "loss", [&](const Node& n) { lab.loss = read_share(n, "loss"); });
  errors.read_key(node, "reorder", [&](const Node& n) { lab.reorder = read_share(n, "reorder"); });
  errors.read_key(node, "mtu", [&](const Node& n) { lab.mtu = read_mtu(n); });
  errors.read_key(node, "offloads",
                  [&](const Node& n) { lab.offloads = read_flag(n, "offloads"); });
  errors.read_key(node, "router", [&](const Node& n) { lab.router = read_flag(n, "router"); });
  if (errors.empty()) check_together(lab, node);
  errors.throw_if_any();
  lab.location = node.mark.to_string();
  return lab;
}

}  // namespace pingperf
