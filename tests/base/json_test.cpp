#include "harness/base/json.h"

#include <gtest/gtest.h>

namespace pingperf {
namespace {

std::string nested(std::size_t depth) {
  return std::string(depth, '[') + std::string(depth, ']');
}

TEST(ParseJson, TakesOrdinaryValues) {
  EXPECT_EQ(parse_json(R"({"a": [1, {"b": "[[\"{{"}]})")["a"][1]["b"], "[[\"{{");
  EXPECT_NO_THROW(parse_json(nested(64)));
}

// A copy of a million levels overflows the stack.
TEST(ParseJson, RefusesDeepNesting) {
  for (const std::size_t depth : {65, 1'000'000})
    EXPECT_THROW(parse_json(nested(depth)), JsonError);
  EXPECT_THROW(parse_json(R"(["\\", )" + nested(64) + "]"), JsonError);
}

TEST(ParseJson, BracketsSideBySideAndInTextsAreNotNesting) {
  std::string flat = "[0";
  for (int i = 0; i < 1000; ++i) flat.append(",").append(nested(1));
  EXPECT_NO_THROW(parse_json(flat + "]"));
  const std::string brackets(1000, '[');
  EXPECT_NO_THROW(parse_json("[\"" + brackets + "\"]"));
}

TEST(ParseJson, NamesTheErrorInOneLine) {
  for (const char* text : {"", "{", "[1,]", "\"\n", "nul", "{\"a\":\n}"}) try {
      parse_json(text);
      ADD_FAILURE() << text;
    } catch (const JsonError& e) {
      EXPECT_EQ(std::string(e.what()).find('\n'), std::string::npos) << e.what();
    }
}

}  // namespace
}  // namespace pingperf
