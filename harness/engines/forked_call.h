// Calls code that may call exit(), or never return, in a child process.
#pragma once

#include <functional>
#include <optional>
#include <string>

namespace pingperf {

// Returns nothing if `call` returns. Returns its error if it throws or calls exit(): the
// exception's text, or its output on stderr. Returns an empty text if it is killed or takes longer
// than 5 s. Throws std::system_error if fork(2) fails.
std::optional<std::string> error_of_forked_call(const std::function<void()>& call);

}  // namespace pingperf
