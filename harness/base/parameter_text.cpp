#include "harness/base/parameter_text.h"

#include <fmt/core.h>

#include <cmath>

namespace pingperf {
namespace {

std::string text_of(const std::string& value, const Parameter&) {
  return value;
}
std::string text_of(bool value, const Parameter&) {
  return value ? "true" : "false";
}
std::string text_of(std::uint64_t value, const Parameter&) {
  return std::to_string(value);
}
std::string text_of(double value, const Parameter&) {
  return number_text(value);
}
std::string text_of(Nanoseconds value, const Parameter& parameter) {
  const bool is_short = parameter.column.ends_with("_us");
  return number_text(is_short ? static_cast<double>(value) / 1e3 : to_seconds(value));
}

}  // namespace

std::string parameter_text(const Parameter& parameter, const Options& options) {
  return std::visit(
      [&](auto field) {
        const auto& value = options.*field;
        return value ? text_of(*value, parameter) : std::string();
      },
      parameter.field);
}

// Writes a count as an integer. Beyond 2^53, a double does not hold every integer exactly.
std::string number_text(double value) {
  if (!std::isfinite(value)) return "";
  if (value == std::floor(value) && std::abs(value) < 9007199254740992.0)
    return fmt::format("{:.0f}", value);
  return fmt::format("{}", value);
}

std::string number_text(const std::optional<double>& value) {
  return value ? number_text(*value) : std::string();
}

}  // namespace pingperf
