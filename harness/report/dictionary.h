// Pages made from the tables of the code: results/README.md and parts of docs/experiment.md.
#pragma once

#include <string>

namespace pingperf {

// In Markdown, made from the tables that the files are written from.
std::string data_dictionary();

// For docs/experiment.md: every parameter that some engine honours; and what each engine honours.
std::string parameters_markdown();
std::string engines_markdown();

}  // namespace pingperf
