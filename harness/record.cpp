#include "harness/record.h"

#include <array>

namespace pingperf {

std::string_view name(Status status) {
  static constexpr std::array<std::string_view, 5> names = {"ok", "failed", "timeout",
                                                            "interrupted", "refused"};
  return names[static_cast<std::size_t>(status)];
}

}  // namespace pingperf
