// RemoteCopy: this executable on a far host, until it runs there.
#pragma once

#include <string>
#include <vector>

namespace pingperf {

// Owns a private directory on the host that `launch` reaches, with a copy of this executable, which
// goes on running once it is removed. Only mktemp, dd, chmod, sha256sum and rm are needed there.
class RemoteCopy {
 public:
  // Copies it over the launcher, and compares checksums. Throws CommandError; then nothing is left.
  explicit RemoteCopy(std::vector<std::string> launch);
  RemoteCopy(const RemoteCopy&) = delete;
  RemoteCopy& operator=(const RemoteCopy&) = delete;
  ~RemoteCopy() { remove(); }

  std::string path() const { return directory_ + "/pingperf"; }

 private:
  // Runs a command there.
  std::string there(const std::vector<std::string>& words, int input = -1) const;
  void copy() const;
  void remove() noexcept;

  std::vector<std::string> launch_;
  std::string directory_;
};

}  // namespace pingperf
