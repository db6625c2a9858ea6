// The errors of one file, to report them together.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "harness/base/usage_error.h"
#include "harness/experiment/yaml.h"

namespace pingperf {

// Collects errors, the first of each location in the file: others follow from it, or come from
// another combination of a matrix. Throws all of them as one UsageError, a line each, in the order
// of the file.
class ErrorList {
 public:
  static constexpr std::size_t kMaxErrors = 10;

  // Calls `read` and keeps the errors of a UsageError. Returns false if there was one. Throws once
  // the list is full, so that a file full of errors is not read to its end.
  template <typename Read>
  bool attempt(Read read) {
    try {
      read();
      return true;
    } catch (const UsageError& e) {
      add(e.what());
      return false;
    }
  }

  // Calls `read` with the value of a key, if the map has it, and keeps its errors.
  template <typename Read>
  void read_key(const Node& map, std::string_view key, Read read) {
    if (const Node* const value = map.find(key)) attempt([&] { read(*value); });
  }

  // Calls `read` with each item. Throws the errors of all of them.
  template <typename Items, typename Read>
  static void for_each(const Items& items, Read read) {
    ErrorList errors;
    for (const auto& item : items) errors.attempt([&] { read(item); });
    errors.throw_if_any();
  }

  void add(const std::string& lines);  // of one or more errors
  void add_at(const Mark& mark, const std::string& message);
  bool empty() const { return errors_.empty(); }
  void throw_if_any() const;

 private:
  std::vector<std::string> errors_;
};

}  // namespace pingperf
