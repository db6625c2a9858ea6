// Fuzzes environment.json of a stored run, which --resume and `compare` read. Any bytes are read or
// give a one-line error.
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

// A temporary run directory with an environment.json. The destructor removes it.
class Run {
 public:
  explicit Run(const std::string& environment = "{}") {
    std::string name = (fs::temp_directory_path() / "pingperf-fuzz-XXXXXX").string();
    require(::mkdtemp(name.data()) != nullptr, "a temporary directory can be made");
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
void allow_usage_error(Read read) {
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
  allow_usage_error([] { recorded_overrides(run.path()); });
  allow_usage_error([] {
    resumed_environment_json(run.path(), {"pingperf"}, {{1, "{}", "{}"}}, {});
  });
  const auto compare = [](const fs::path& base, const fs::path& now) {
    for (const std::string& line : environment_differences(base, now)) require_one_line(line);
  };
  allow_usage_error([&] { compare(run.path(), other.path()); });
  allow_usage_error([&] { compare(other.path(), run.path()); });
  return 0;
}
