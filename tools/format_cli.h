// The option --format of the commands that print a table or JSON.
#pragma once

#include <string>

namespace CLI {
class App;
}

namespace pingperf {

// Adds --format table|json with the default that `format` has.
void add_format(CLI::App& command, std::string& format);

}  // namespace pingperf
