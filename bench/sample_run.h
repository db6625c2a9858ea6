// A generated run of any length, to measure the cost of its rows.
#pragma once

#include <cstdint>
#include <filesystem>

#include "harness/results/record.h"

namespace pingperf {

// A bulk trial like those of quickstart.yaml, with a histogram at its client.
// The record refers to the case, so a SampleTrial cannot be copied or moved.
struct SampleTrial {
  explicit SampleTrial(std::uint64_t seed = 1);
  SampleTrial(const SampleTrial&) = delete;
  SampleTrial& operator=(const SampleTrial&) = delete;

  Case trial_case;
  TrialRecord record;
};

// Writes the trials.csv of a run with that many trials of ten cases. Rates vary by a tenth.
void write_sample_trials(const std::filesystem::path& file, std::size_t trials, std::uint64_t seed);

// A trials.csv in the folder for temporary files. The destructor removes it.
class SampleFile {
 public:
  explicit SampleFile(std::size_t trials);
  ~SampleFile();
  SampleFile(const SampleFile&) = delete;
  SampleFile& operator=(const SampleFile&) = delete;

  const std::filesystem::path& path() const noexcept { return path_; }
  std::uintmax_t size() const { return std::filesystem::file_size(path_); }

 private:
  const std::filesystem::path path_;
};

}  // namespace pingperf
