#include "tools/format_cli.h"

#include <CLI/CLI.hpp>

namespace pingperf {

void add_format(CLI::App& command, std::string& format, std::vector<std::string> formats,
                const char* text) {
  command.add_option("--format", format, text)
      ->capture_default_str()
      ->check(CLI::IsMember(std::move(formats)));
}

}  // namespace pingperf
