// JSON that others wrote: agents, libiperf, files of stored runs.
#pragma once

#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string_view>

namespace pingperf {

using Json = nlohmann::json;

// What is no JSON, or none that anyone would write; one line.
class JsonError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// Of duplicate keys the last wins. Throws JsonError, also on lists and objects more than 64 deep:
// the library copies and prints them by recursion.
Json parse_json(std::string_view text);

}  // namespace pingperf
