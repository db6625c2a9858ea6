// RemoteCopy: a temporary copy of this executable on a remote host.
#pragma once

#include <string>
#include <vector>

namespace pingperf {

// Owns a private directory with a copy of this executable on the host that `launch` reaches. A
// running copy survives the removal. The host requires mktemp, dd, chmod, sha256sum and rm.
class RemoteCopy {
 public:
  // Copies over the launcher and compares checksums. Throws CommandError and leaves nothing behind.
  explicit RemoteCopy(std::vector<std::string> launch);
  RemoteCopy(const RemoteCopy&) = delete;
  RemoteCopy& operator=(const RemoteCopy&) = delete;
  ~RemoteCopy() { remove(); }

  std::string path() const { return directory_ + "/pingperf"; }

 private:
  // Runs a command on the host.
  std::string run(const std::vector<std::string>& arguments, int input = -1) const;
  void copy() const;
  void remove() noexcept;

  std::vector<std::string> launch_;
  std::string directory_;
};

}  // namespace pingperf
