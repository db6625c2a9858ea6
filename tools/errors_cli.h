// The one line for a wrong command line.
#pragma once

#include <string>
#include <vector>

namespace CLI {
class App;
class ParseError;
}  // namespace CLI

namespace pingperf {

// Returns the line that names the command, what is wrong with its arguments, and what would be
// right. `words` are the arguments.
std::string command_line_error(const CLI::App& app, const std::vector<std::string>& words,
                               const CLI::ParseError& error);

}  // namespace pingperf
