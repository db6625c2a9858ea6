// The option --format of the commands that print in several formats.
#pragma once

#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace pingperf {

// Adds --format with the default that `format` has.
void add_format(CLI::App& command, std::string& format,
                std::vector<std::string> formats = {"table", "json"},
                const char* text = "table for people, json for scripts");

}  // namespace pingperf
