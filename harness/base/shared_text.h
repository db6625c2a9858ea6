// SharedText: a text that many subjects have in common, for one line instead of one per subject.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace pingperf {

// Texts that differ only in numbers are one: "others took 48 to 54% of the CPU time".
struct SharedText {
  std::string text;
  std::size_t count;    // of the subjects that have it
  std::string subject;  // the first of them
};

using SubjectTexts = std::vector<std::pair<std::string, std::string>>;  // {subject, text}

// Groups the texts. The most frequent comes first, then the earlier one.
std::vector<SharedText> shared_texts(const SubjectTexts& texts);

// Returns a line for each text, but at most `limit`, then the number of the other ones: "failed:
// it" for the one subject that has a text, else "39 of 40 trials: it".
std::string shared_lines(const std::vector<SharedText>& shared, std::size_t of,
                         std::string_view what, std::size_t limit);

}  // namespace pingperf
