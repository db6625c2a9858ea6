// The texts that an experiment takes from outside its file: the files of `use:`, and the hosts that
// `nodes:` looks up.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace pingperf {

struct UsedFile {
  std::string path;  // as in `use:`, or HostSource::key
  std::string text;
};

// The text of an experiment has the used files behind it, so that the copy in a run's directory is
// complete. A line with this beginning and the path stands before each.
inline constexpr std::string_view kUsedFile = "# ---- used file: ";

// Cuts the used files off the text of an experiment and returns them.
std::vector<UsedFile> take_used_files(std::string& text);

// Returns null if the file was not read.
const UsedFile* find_used_file(const std::vector<UsedFile>& files, std::string_view path);

}  // namespace pingperf
