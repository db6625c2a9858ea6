// YAML as a neutral tree with a place for every node. Only yaml.cpp includes yaml-cpp.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "harness/base/usage_error.h"

namespace pingperf {

// Where something stands: a file's line and column from 1, or a --set expression (line 0).
struct Mark {
  std::string source;
  int line = 0;
  int column = 0;

  std::string to_string() const;  // "configs/a.yaml:12:5" or "--set 'a.b=c'"
};

// One node of the tree. Entries of a map keep the order of the file.
struct Node {
  enum class Type { null, scalar, sequence, map };
  struct Entry;

  Type type = Type::null;
  std::string scalar;   // also of a null that was written: "~", ""
  bool quoted = false;  // so that "null" in quotes is a text
  std::vector<Node> items;
  std::vector<Entry> entries;
  Mark mark;

  // The value of a key, or null.
  const Node* find(std::string_view key) const;
  Node* find(std::string_view key);
};

struct Node::Entry {
  std::string key;
  Mark mark;  // of the key
  Node value;
};

// "a map", "a list", "a text or number", "nothing": for errors.
std::string_view describe(Node::Type type);

// Throws UsageError "PLACE: message", as one line.
[[noreturn]] void fail_at(const Mark& mark, const std::string& message);

// Parses one document. Refuses, with its place: what is not UTF-8, syntax errors, tabs in the
// indentation, duplicate keys, keys that are not texts, a second document, anchors that contain
// themselves, nesting beyond 64 levels, and more nodes than any experiment has (a million, by
// aliases of aliases).
Node parse_yaml(const std::string& text, const std::string& source);

// Sets the value at the dotted path of "workloads.bulk.duration=5s" in the tree; the value is YAML.
// Missing maps are made; list items are named by their index from 0. Throws UsageError naming the
// expression.
void apply_set(Node& root, const std::string& expression);

}  // namespace pingperf
