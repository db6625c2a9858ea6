// Asks code that may call exit(), or never return: in a child process.
#pragma once

#include <functional>
#include <optional>
#include <string>

namespace pingperf {

// What `call` has to complain of: nothing when it returns, else what it throws, or prints on stderr
// before it calls exit(). An empty text when it ends otherwise, or takes longer than 5 s. Throws
// std::system_error when there can be no child.
std::optional<std::string> error_of_forked_call(const std::function<void()>& call);

}  // namespace pingperf
