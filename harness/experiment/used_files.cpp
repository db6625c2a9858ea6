#include "harness/experiment/used_files.h"

#include <algorithm>

namespace pingperf {

std::vector<UsedFile> take_used_files(std::string& text) {
  std::vector<UsedFile> files;
  const std::string begin = "\n" + std::string(kUsedFile);
  for (std::size_t at = text.rfind(begin); at != std::string::npos; at = text.rfind(begin)) {
    const std::size_t path = at + begin.size(), end = std::min(text.find('\n', path), text.size());
    files.insert(files.begin(),
                 {text.substr(path, end - path), text.substr(std::min(end + 1, text.size()))});
    text.resize(at + 1);
  }
  return files;
}

const UsedFile* find_used_file(const std::vector<UsedFile>& files, std::string_view path) {
  const auto file = std::ranges::find(files, path, &UsedFile::path);
  return file == files.end() ? nullptr : &*file;
}

}  // namespace pingperf
