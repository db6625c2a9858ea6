// The tree of a YAML document: its content, and the places in errors about refused documents.
#include "harness/experiment/yaml.h"

#include <fmt/core.h>
#include <gmock/gmock.h>

#include "harness/base/usage_error.h"

namespace pingperf {
namespace {

using testing::EndsWith;
using testing::HasSubstr;

std::string yaml_error(const std::string& yaml) {
  try {
    parse_yaml(yaml, "test.yaml");
    return "";
  } catch (const UsageError& e) {
    return e.what();
  }
}

TEST(Yaml, KeepsTheOrderOfKeysAndTheirPlaces) {
  const Node root = parse_yaml("b: 1\na:\n  - x\n  - {c: d}\n", "test.yaml");
  ASSERT_EQ(root.entries.size(), 2u);
  EXPECT_EQ(root.entries[0].key, "b");
  EXPECT_EQ(root.entries[1].mark.to_string(), "test.yaml:2:1");
  const Node& map = root.find("a")->items[1];
  EXPECT_EQ(map.find("c")->scalar, "d");
  EXPECT_EQ(map.find("c")->mark.to_string(), "test.yaml:4:9");
}

TEST(Yaml, DistinguishesNothingFromTheTextNull) {
  const Node root = parse_yaml("{a: null, b: 'null', c: ~, d: , e: ''}", "test.yaml");
  for (const char* key : {"a", "c", "d"}) {
    EXPECT_EQ(root.find_entry(key)->value.type, Node::Type::null) << key;
    EXPECT_EQ(root.find(key), nullptr) << key;
  }
  EXPECT_TRUE(root.find("b")->quoted);
  EXPECT_EQ(root.find("e")->type, Node::Type::scalar);
  EXPECT_EQ(root.find_entry("f"), nullptr);
}

TEST(Yaml, TabsAreLegalInTextAndBeforeComments) {
  const Node root =
      parse_yaml("a: |\n  one\n  \ttwo\nb: 1\t# one\n\t# two\nc: [1,\t2]\n", "t.yaml");
  EXPECT_EQ(root.find("a")->scalar, "one\n\ttwo\n");
  EXPECT_EQ(root.find("b")->scalar, "1");
  EXPECT_EQ(root.find("c")->items.size(), 2u);
}

TEST(Yaml, AMergeKeyAddsTheEntriesThatTheMapLacks) {
  const Node root = parse_yaml(
      "x: &x {a: 1, b: 2}\ny: &y {b: 3, c: 4}\none: {<<: *x, b: 9}\ntwo: {<<: [*x, *y], d: 5}\n",
      "test.yaml");
  const Node& one = *root.find("one");
  EXPECT_EQ(one.entries.size(), 2u);
  EXPECT_EQ(one.find("a")->scalar, "1");
  EXPECT_EQ(one.find("b")->scalar, "9");
  const Node& two = *root.find("two");
  EXPECT_EQ(two.entries.size(), 4u);
  EXPECT_EQ(two.find("b")->scalar, "2");  // of the first map
  EXPECT_EQ(two.find("c")->scalar, "4");
  EXPECT_THAT(yaml_error("a: {<<: 1}\n"),
              EndsWith("1:5: '<<' merges a map or a list of maps, such as *anchor"));
  EXPECT_THAT(yaml_error("a: {<<: [1]}\n"), EndsWith("1:5: '<<' merges maps only"));
}

TEST(Yaml, AnAliasIsACopyOfItsAnchor) {
  const Node root = parse_yaml("a: &x {k: v}\nb: *x\n", "test.yaml");
  EXPECT_EQ(root.find("b")->find("k")->scalar, "v");
}

TEST(Yaml, ReadsWhatEditorsOfOtherSystemsWrite) {
  const Node root = parse_yaml(
      "\xEF\xBB\xBF"
      "a: µs\r\nb: 2\r\n",
      "test.yaml");
  EXPECT_EQ(root.find("a")->scalar, "µs");
  EXPECT_EQ(root.find("b")->scalar, "2");
}

TEST(Yaml, ADuplicateKeyNamesTheLineOfTheFirst) {
  EXPECT_EQ(yaml_error("a:\n  b: 1\na: 2\n"),
            "test.yaml:3:1: duplicate key 'a': it stands already on line 1");
}

TEST(Yaml, OtherEncodingsAreRefusedWhereTheyBegin) {
  const std::string right = "not UTF-8: save the file in that encoding";
  EXPECT_EQ(yaml_error("a: 1\nb: caf\xE9\n"), "test.yaml:2:7: " + right);  // Latin-1
  for (const char* bytes : {"\x80", "\xC0\xAF", "\xED\xA0\x80", "\xF5\x80\x80\x80", "\xE2\x82"})
    EXPECT_THAT(yaml_error(std::string("a: ") + bytes), EndsWith(right));
  for (const char* text : {"é", "€", "😀"}) EXPECT_EQ(yaml_error(std::string("a: ") + text), "");
}

TEST(Yaml, AMissingBlankAndAWrongIndentationAreNamed) {
  EXPECT_EQ(yaml_error("a:\r\n  kind:throughput\r\n\r\n  engine: blocking\n"),
            "test.yaml:2:8: not YAML: a blank must follow the colon: 'kind: throughput'");
  EXPECT_EQ(yaml_error("a:\n  kind: throughput\n   engine: blocking\n"),
            "test.yaml:3:10: not YAML: illegal map value: indent the lines of a map alike, write a "
            "blank after the colon of a key, and quote a text that has a colon");
}

TEST(Yaml, AnErrorIsOneLineWithoutControlCharacters) {
  EXPECT_EQ(yaml_error("\"a\\nb\\e\": 1\n\"a\\nb\\e\": 2\n"),
            "test.yaml:2:1: duplicate key 'a\\nb\\x1b': it stands already on line 1");
}

TEST(Yaml, NestingIsBoundedAlsoThroughAliases) {
  EXPECT_THAT(yaml_error("a: " + std::string(100, '[') + std::string(100, ']')),
              HasSubstr("nested too deeply"));
  std::string text = "a0: &a0 [1]\n";
  for (int i = 1; i < 4; ++i)
    text += fmt::format("a{0}: &a{0} {1}*a{2}{3}\n", i, std::string(30, '['), i - 1,
                        std::string(30, ']'));
  EXPECT_THAT(yaml_error(text), HasSubstr("nested too deeply"));
}

TEST(Yaml, ALargeFlatFileIsNoBomb) {
  std::string text = "a: [";
  for (int i = 0; i < 300'000; ++i) text += "1, ";
  EXPECT_EQ(yaml_error("b: [[" + text.substr(4) + "]]"), "");
}

TEST(Yaml, NestedAnchorsCannotMultiplyTheirCopies) {
  std::string text = "a: ";
  for (int i = 0; i < 50; ++i) text += "&x" + std::to_string(i) + " [";
  for (int i = 0; i < 100'000; ++i) text += "1, ";
  EXPECT_THAT(yaml_error(text + std::string(50, ']')), HasSubstr("too large for an experiment"));
}

TEST(YamlSet, MakesMissingMapsAndMarksWhatItSets) {
  Node root = parse_yaml("a: {b: [1, 2]}", "test.yaml");
  apply_set(root, "a.b.1=[x, y]");
  apply_set(root, "c.d.e=5s");
  EXPECT_EQ(root.find("a")->find("b")->items[1].items[0].scalar, "x");
  const Node& added = *root.find("c")->find("d")->find("e");
  EXPECT_EQ(added.scalar, "5s");
  EXPECT_EQ(added.mark.to_string(), "--set 'c.d.e=5s'");
}

}  // namespace
}  // namespace pingperf
