#include "harness/experiment/experiment_file.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <fstream>

#include "harness/base/lines.h"
#include "harness/base/usage_error.h"
#include "harness/experiment/host_sources.h"
#include "harness/experiment/odd_characters.h"
#include "harness/experiment/parameter_reader.h"
#include "harness/experiment/used_files.h"

namespace pingperf {
namespace {

constexpr std::uintmax_t kMaxFile = 1 << 20;  // bytes

// Returns true for a file that another program has opened for this process, such as a pipe.
bool is_opened_by_others(const std::filesystem::path& file) {
  return file == "-" || file == "/dev/stdin" || file.string().starts_with("/dev/fd/");
}

// Returns the text of a file or a pipe, "-" for stdin. Throws UsageError.
std::string read_text_file(std::filesystem::path file) {
  const auto refuse = [&](const std::string& why) { throw UsageError(file.string() + ": " + why); };
  if (file == "-") file = "/dev/stdin";
  struct stat status {};
  if (::stat(file.c_str(), &status) != 0) refuse(std::strerror(errno));
  if (S_ISDIR(status.st_mode)) refuse("is a directory, not an experiment file");
  // Nobody may ever write to a named pipe.
  const bool is_open_pipe = S_ISFIFO(status.st_mode) && is_opened_by_others(file);
  if (!S_ISREG(status.st_mode) && !is_open_pipe) refuse("is not a regular file");
  if (static_cast<std::uintmax_t>(status.st_size) > kMaxFile)
    refuse(fmt::format("is larger than an experiment can be ({} bytes, at most {})", status.st_size,
                       kMaxFile));
  std::ifstream in(file, std::ios::binary);
  if (!in) refuse(std::strerror(errno));
  std::string text(kMaxFile + 1, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(in.gcount()));
  if (text.size() > kMaxFile) refuse("is larger than an experiment can be");
  if (text.starts_with("\xff\xfe") || text.starts_with("\xfe\xff"))
    refuse("is UTF-16: save it as UTF-8");
  if (text.starts_with("\xef\xbb\xbf")) text.erase(0, 3);  // a byte-order mark
  return text;
}

// Returns the text with the texts of the files that it uses and the hosts that it looks up.
std::string with_used_files(std::string text, const std::filesystem::path& file, bool no_launch) {
  const Node root = parse_yaml(text, file.string());
  const std::filesystem::path folder = folders_of(file).file;
  const auto append = [&](const std::string& path, const std::string& used) {
    text += fmt::format("\n{}{}\n{}", kUsedFile, path, used);
  };
  if (const Node* const use = root.find("use"))
    for (const Node& item : use->items) {
      const std::string& path = read_text(item, "use");
      try {
        append(path, read_text_file(folder / path));
      } catch (const UsageError& e) {
        fail_at(item.mark, fmt::format("use: {}", e.what()));
      }
    }
  if (const Node* const hosts = root.find("hosts"))
    for (const HostSource& source : host_sources(*hosts)) {
      if (no_launch && !source.command.empty())
        fail_at(source.mark,
                fmt::format("--no-launch: refuses to run: {}", command_line(source.command)));
      append(source.key, look_up(source, folder));
    }
  return text;
}

}  // namespace

Folders folders_of(const std::filesystem::path& file) {
  const std::filesystem::path here = std::filesystem::current_path();
  if (is_opened_by_others(file)) return {here, here};
  return {std::filesystem::absolute(file).lexically_normal().parent_path(), here};
}

std::string read_experiment(const std::filesystem::path& file, bool no_launch) {
  const std::string text = read_text_file(file);
  if (text.find(kUsedFile) != std::string::npos ||
      (text.find("use") == std::string::npos && text.find("nodes") == std::string::npos))
    return text;
  try {
    return with_used_files(text, file, no_launch);
  } catch (const UsageError& e) {
    throw UsageError(with_odd_characters(e.what(), text, file.string()));
  }
}

}  // namespace pingperf
