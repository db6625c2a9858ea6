#include "harness/agent/copied_files.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>

#include "harness/base/io.h"
#include "harness/base/usage_error.h"
#include "sockets/core/error.h"
#include "sockets/core/hex.h"

namespace pingperf {
namespace {

namespace fs = std::filesystem;

// Runs in the child. Waits for the end of the agent, whose pipe `lifeline` is, and removes the
// folder. Holds no other descriptor, because the controller waits for the end of the agent's pipes.
[[noreturn]] void remove_after(int lifeline, const std::string& folder) {
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGQUIT}) ::signal(signal, SIG_IGN);
  ::dup2(lifeline, STDIN_FILENO);
  close_files_from(STDIN_FILENO + 1);
  char byte;
  while (::read(STDIN_FILENO, &byte, 1) < 0 && errno == EINTR) {
  }
  std::error_code ignored;
  fs::remove_all(folder, ignored);
  ::_exit(0);
}

}  // namespace

std::vector<CopyFile> pieces_of(const std::string& path, const std::string& file) {
  constexpr std::size_t kPiece = 256 * 1024;  // its hexadecimal digits fit into a request
  const auto refuse = [&](std::string_view reason) -> UsageError {
    return UsageError(fmt::format("copy_files: cannot read {}: {}", file, reason));
  };
  struct stat status {};
  if (::stat(file.c_str(), &status) != 0) throw refuse(std::strerror(errno));
  if (S_ISDIR(status.st_mode)) throw refuse("is a directory");
  if (!S_ISREG(status.st_mode)) throw refuse("is not a regular file");
  const std::optional<std::string> content = read_file(file);
  if (!content) throw refuse(std::strerror(errno));
  std::vector<CopyFile> pieces;
  for (std::size_t at = 0; at == 0 || at < content->size(); at += kPiece)
    pieces.push_back({path, status.st_mode & 0777u, at > 0,
                      to_hex(std::string_view(*content).substr(at, kPiece))});
  return pieces;
}

CopiedFiles::CopiedFiles() {
  const char* const parent = std::getenv("TMPDIR");
  folder_ = fmt::format("{}/pingperf-files-XXXXXX", parent && *parent ? parent : "/tmp");
  if (::mkdtemp(folder_.data()) == nullptr)
    throw std::system_error(errno, std::generic_category(), "create " + folder_);
  Pipe pipe = make_pipe();
  remover_ = check(::fork(), "fork");
  if (remover_ == 0) remove_after(pipe.read.get(), folder_);
  lifeline_ = std::move(pipe.write);
}

CopiedFiles::~CopiedFiles() {
  if (!lifeline_) return;  // moved
  lifeline_ = Fd();
  while (::waitpid(remover_, nullptr, 0) < 0 && errno == EINTR) {
  }
  std::error_code ignored;
  fs::remove_all(folder_, ignored);  // if someone killed the remover
}

void CopiedFiles::put(const CopyFile& piece) {
  const fs::path relative = fs::path(piece.path).lexically_normal();
  if (relative.empty() || relative.is_absolute() || *relative.begin() == "..")
    throw ProtocolError("'path' is not below a folder: " + excerpt(piece.path));
  if (piece.data.size() % 2 != 0) throw ProtocolError("'data' has half a byte");
  const std::optional<std::string> bytes = from_hex(piece.data);
  if (!bytes) throw ProtocolError("'data' is not hexadecimal");
  const fs::path file = folder_ / relative;
  fs::create_directories(file.parent_path());
  const int how = O_WRONLY | O_CREAT | O_CLOEXEC | (piece.appends ? O_APPEND : O_TRUNC);
  const Fd fd(check(::open(file.c_str(), how, 0700), "write " + file.string()));
  write_all(fd.get(), *bytes, "write " + file.string());
  // Writable, because the next piece opens it again.
  check(::fchmod(fd.get(), (piece.mode & 0777) | S_IWUSR), "chmod " + file.string());
}

}  // namespace pingperf
