// The errors of one file, to report them together.
#pragma once

#include <string>
#include <vector>

#include "harness/base/usage_error.h"
#include "harness/experiment/yaml.h"

namespace pingperf {

// Collects errors, the first of each place in the file: others follow from it, or come from another
// combination of a matrix. Throws all of them as one UsageError, a line each.
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

  void add(const std::string& lines);  // of one or more errors
  void add_at(const Mark& mark, const std::string& message);
  bool empty() const { return errors_.empty(); }
  void throw_if_any() const;

 private:
  std::vector<std::string> errors_;
};

}  // namespace pingperf
