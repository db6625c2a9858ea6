// Matrix, exclude and include, compared with the documentation of GitHub Actions.
#include "harness/experiment/matrix.h"

#include <gtest/gtest.h>

#include "harness/base/usage_error.h"

namespace pingperf {
namespace {

std::vector<std::string> expand(const std::string& yaml) {
  const Node node = parse_yaml(yaml, "test");
  std::vector<std::string> texts;
  for (const Combination& c :
       expand_matrix(node.find("matrix"), node.find("exclude"), node.find("include"))) {
    std::string text;
    for (const Assignment& a : c)
      text += (text.empty() ? "" : " ") + a.key + "=" + value_text(a.value);
    texts.push_back(text);
  }
  return texts;
}

using Texts = std::vector<std::string>;

TEST(Matrix, NoMatrixIsOneCase) {
  EXPECT_EQ(expand("a: b"), Texts{""});
}

TEST(Matrix, IsTheProductInOrder) {
  EXPECT_EQ(expand("matrix: {a: [1, 2], b: [x, y]}"),
            (Texts{"a=1 b=x", "a=1 b=y", "a=2 b=x", "a=2 b=y"}));
}

TEST(Matrix, ExcludeRemovesWhatMatchesInAllItsKeys) {
  EXPECT_EQ(expand("{matrix: {a: [1, 2], b: [x, y]}, exclude: [{a: 1, b: x}]}"),
            (Texts{"a=1 b=y", "a=2 b=x", "a=2 b=y"}));
  EXPECT_EQ(expand("{matrix: {a: [1, 2], b: [x, y]}, exclude: [{a: 1}]}"),
            (Texts{"a=2 b=x", "a=2 b=y"}));
}

// The example of "Expanding or adding matrix configurations" in GitHub's documentation.
TEST(Matrix, IncludeFollowsGithubsOwnExample) {
  EXPECT_EQ(
      expand(R"(
matrix: {fruit: [apple, pear], animal: [cat, dog]}
include:
  - {color: green}
  - {color: pink, animal: cat}
  - {fruit: apple, shape: circle}
  - {fruit: banana}
  - {fruit: banana, animal: cat}
)"),
      (Texts{"fruit=apple animal=cat color=pink shape=circle",
             "fruit=apple animal=dog color=green shape=circle", "fruit=pear animal=cat color=pink",
             "fruit=pear animal=dog color=green", "fruit=banana", "fruit=banana animal=cat"}));
}

TEST(Matrix, IncludeAloneIsAListOfCases) {
  EXPECT_EQ(expand("include: [{a: 1}, {a: 2, b: 3}]"), (Texts{"a=1", "a=2 b=3"}));
}

TEST(Matrix, ExcludeComesBeforeInclude) {
  EXPECT_EQ(expand("{matrix: {a: [1, 2]}, exclude: [{a: 2}], include: [{a: 2, b: 3}]}"),
            (Texts{"a=1", "a=2 b=3"}));
}

TEST(Matrix, IncludeMayReplaceWhatIncludeAddedButNotWhatTheMatrixHas) {
  EXPECT_EQ(expand("{matrix: {a: [1, 2]}, include: [{b: x}, {a: 1, b: y}]}"),
            (Texts{"a=1 b=y", "a=2 b=x"}));
}

TEST(Matrix, TooManyEntriesForTooManyCombinationsAreRefusedAtOnce) {
  std::string values, entries;
  for (int i = 0; i < 300; ++i) values += std::to_string(i) + ", ";
  for (int i = 0; i < 200; ++i) entries += "{c: 1}, ";
  const std::string matrix = "matrix: {a: [" + values + "], b: [" + values + "]}";
  EXPECT_THROW(expand("{" + matrix + ", include: [" + entries + "]}"), UsageError);
  EXPECT_THROW(expand("{" + matrix + ", exclude: [" + entries + "]}"), UsageError);
}

TEST(Matrix, AValueCanBeAMap) {
  EXPECT_EQ(expand("matrix: {pin: [{client: 0, server: 1}]}"), Texts{"pin=client:0+server:1"});
}

}  // namespace
}  // namespace pingperf
