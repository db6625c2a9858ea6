// Files of `copy_files:` on the host of an agent, in a temporary folder that ends with the agent.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "harness/agent/protocol.h"
#include "harness/base/process.h"

namespace pingperf {

// Returns the requests that copy `file` to the relative `path` at an agent, in pieces. Throws
// UsageError that names the file if it cannot be read.
std::vector<CopyFile> pieces_of(const std::string& path, const std::string& file);

// The agent's side. Owns the folder, which a child process removes after the agent has ended,
// however it ended.
class CopiedFiles {
 public:
  // Creates the folder below $TMPDIR, or /tmp. Throws std::system_error.
  CopiedFiles();
  CopiedFiles(CopiedFiles&&) = default;
  ~CopiedFiles();

  // Writes a piece. Throws std::system_error, or ProtocolError for a path outside the folder.
  void put(const CopyFile& piece);

  const std::string& folder() const noexcept { return folder_; }
  pid_t remover() const noexcept { return remover_; }

 private:
  std::string folder_;
  Fd lifeline_;  // its end tells the remover that the agent has ended
  pid_t remover_ = -1;
};

}  // namespace pingperf
