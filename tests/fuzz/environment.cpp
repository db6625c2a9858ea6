// environment.json of a stored run: what --resume and compare read of it, or one line of error.
#include "harness/results/environment.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "harness/base/json.h"
#include "harness/base/usage_error.h"
#include "tests/fuzz/fuzz.h"

using namespace pingperf;

namespace {

namespace fs = std::filesystem;

constexpr const char* kOther = R"({"overrides": {"set": [], "only": ""}, "hosts": {
  "client": {"kernel": "Linux 6.1", "cpus": 2, "boot_id": "a", "sysctls": {"tcp_rmem": "4096"}},
  "server": {"kernel": "Linux 6.1"}}})";

// A directory of a run, for as long as the process lives.
class Run {
 public:
  explicit Run(const std::string& environment = "{}") {
    std::string name = (fs::temp_directory_path() / "pingperf-fuzz-XXXXXX").string();
    require(::mkdtemp(name.data()) != nullptr, "there is a temporary directory");
    path_ = name;
    write(environment);
  }
  Run(const Run&) = delete;
  Run& operator=(const Run&) = delete;
  ~Run() { fs::remove_all(path_); }
  void write(const std::string& environment) const {
    std::ofstream(path_ / "environment.json", std::ios::binary) << environment;
  }
  const fs::path& path() const noexcept { return path_; }

 private:
  fs::path path_;
};

template <typename Read>
void try_to(Read read) {
  try {
    read();
  } catch (const UsageError& e) {
    require_one_line(e.what());
  }
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const Run run;
  static const Run other(kOther);
  const std::string text = text_of(data, size);
  run.write(text);
  try_to([] { recorded_overrides(run.path()); });
  try_to([] { resumed_environment_json(run.path(), {"pingperf"}, {{1, "{}", "{}"}}, {}); });
  const auto compare = [](const fs::path& base, const fs::path& now) {
    for (const std::string& line : environment_differences(base, now)) require_one_line(line);
  };
  try_to([&] { compare(run.path(), other.path()); });
  try_to([&] { compare(other.path(), run.path()); });
  return 0;
}
