// The option --format of the commands that print a table or JSON.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

namespace pingperf {

// Adds --format table|json with the default that `format` has.
inline void add_format(CLI::App& command, std::string& format) {
  command.add_option("--format", format, "table for people, json for scripts")
      ->capture_default_str()
      ->check(CLI::IsMember({"table", "json"}));
}

}  // namespace pingperf
