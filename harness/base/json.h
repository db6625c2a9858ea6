// JSON of agents, libiperf and stored runs.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

#include "harness/base/json_fwd.h"

namespace pingperf {

// A text is not JSON or is nested too deeply. One line.
class JsonError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// Returns the value that `text` holds. The last of duplicate keys wins. Throws JsonError, also if
// lists and objects are nested more than 64 deep, because the library copies and prints them by
// recursion.
Json parse_json(std::string_view text);

// Returns `json` as one line. Bytes that are not UTF-8 are replaced.
std::string json_line(const Json& json);

// Returns null for nothing.
template <typename T>
Json optional_json(const std::optional<T>& value) {
  return value ? Json(*value) : Json();
}

}  // namespace pingperf
