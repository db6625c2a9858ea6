// YAML as a tree whose nodes know their location in the file. Only yaml.cpp includes yaml-cpp.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "harness/base/usage_error.h"

namespace pingperf {

// A location: a file's line and column from 1, or a --set expression (line 0).
struct Mark {
  std::string source;
  int line = 0;
  int column = 0;
  bool in_stored_run = false;  // names that an earlier version took are read

  std::string to_string() const;  // "configs/a.yaml:12:5" or "--set 'a.b=c'"
};

// One node of the tree. Entries of a map keep the order of the file.
struct Node {
  enum class Type { null, scalar, sequence, map };
  struct Entry;

  Type type = Type::null;
  std::string scalar;   // a null can have one, too: "~", ""
  bool quoted = false;  // "null" in quotes is a text
  std::vector<Node> items;
  std::vector<Entry> entries;
  Mark mark;

  // Returns the value of a key. Returns null if the map has no such key, or no value for it.
  const Node* find(std::string_view key) const;
  // Returns the entry of a key, whose value can be null.
  const Entry* find_entry(std::string_view key) const;
};

struct Node::Entry {
  std::string key;
  Mark mark;  // of the key
  Node value;
};

// Returns "a map", "a list", "a text or number" or "nothing", for errors.
std::string_view describe(Node::Type type);

// Throws UsageError "PLACE: message" in one line.
[[noreturn]] void fail_at(const Mark& mark, const std::string& message);

// Parses one document. Throws UsageError at the location of bytes that are not UTF-8, syntax
// errors, duplicate keys, keys that are not texts, a second document, anchors that contain
// themselves, nesting beyond 64 levels, and more than a million nodes (by aliases of aliases).
Node parse_yaml(const std::string& text, const std::string& source);

// Marks all locations of the tree as those of a stored run.
void mark_as_stored(Node& root);

// Applies an expression such as "workloads.bulk.duration=5s": sets the value at the dotted path.
// The value is YAML, and null removes the key. Adds missing maps. A step into a list is an index
// from 0. Throws UsageError that names the expression.
// Returns a warning if the value is a map that drops keys of a host in the file, else "".
std::string apply_set(Node& root, const std::string& expression);

}  // namespace pingperf
