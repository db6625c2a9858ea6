// The arguments of a program's command: {name} stands for a value, {{ and }} for a brace.
//
// Names are the columns of the parameters (message_size_bytes), `address` and `port` of the server,
// `next_port` (the port above, free as well), and `seed`.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "harness/engines/program.h"

namespace pingperf {

// The values of a trial.
struct ProgramValues {
  const Options& options;
  std::string address;
  std::uint16_t port = 0;
  std::uint64_t seed = 0;
};

// Calls `on_text` for the parts of an argument that stand for themselves and `on_name` for the
// names in braces, in their order. Returns the error of unbalanced braces.
std::optional<std::string> scan_argument(std::string_view text,
                                         const std::function<void(std::string_view)>& on_text,
                                         const std::function<void(std::string_view)>& on_name);

// Returns the error of an argument: unbalanced braces, or a name that is unknown.
std::optional<std::string> error_of_argument(std::string_view text);

// Returns the parameters that the ends name in their arguments, conditions and environment, in
// YAML: "message_size".
std::vector<std::string_view> parameters_named(const ProgramEnd& end);

// Returns the first placeholder of the arguments to be used that has no value in `options`:
// "rate_bps".
std::optional<std::string> missing_value(const ProgramEnd& end, const Options& options);

// Returns the text with each placeholder replaced. A value is never read again, so it stays one
// argument whatever it contains. error_of_argument() must have accepted the text.
std::string expand(std::string_view text, const ProgramValues& values);

// Returns the arguments of the command, without those whose condition is not met.
std::vector<std::string> expand(const ProgramEnd& end, const ProgramValues& values);

}  // namespace pingperf
