#include "tools/format_cli.h"

#include <CLI/CLI.hpp>

namespace pingperf {

void add_format(CLI::App& command, std::string& format) {
  command.add_option("--format", format, "table for people, json for scripts")
      ->capture_default_str()
      ->check(CLI::IsMember({"table", "json"}));
}

}  // namespace pingperf
