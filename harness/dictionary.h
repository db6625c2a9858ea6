// The data dictionary of a run's files: results/README.md.
#pragma once

#include <string>

namespace pingperf {

// In Markdown, made from the tables that the files are written from.
std::string data_dictionary();

}  // namespace pingperf
