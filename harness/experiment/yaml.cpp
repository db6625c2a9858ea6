#include "harness/experiment/yaml.h"

#include <fmt/core.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <map>
#include <optional>
#include <sstream>

#include "harness/base/lines.h"
#include "harness/base/units.h"
#include "harness/experiment/host_reader.h"

namespace pingperf {
namespace {

constexpr std::size_t kMaxNodes = 1'000'000;
constexpr std::size_t kMaxDepth = 64;

// Builds the tree from yaml-cpp's events. The tree of yaml-cpp itself would merge duplicate keys
// without an error, and would expand nested anchors without a limit.
class Builder final : public YAML::EventHandler {
 public:
  explicit Builder(const std::string& source) : source_(source) {}

  Node take() { return root_ ? std::move(*root_) : Node{}; }

  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    Node node;
    node.mark = location(mark);
    add(std::move(node), anchor);
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const auto found = anchors_.find(anchor);
    if (found == anchors_.end())
      fail_at(location(mark), "this alias stands inside its own anchor: a cycle of anchors");
    count(size_of(found->second), location(mark));
    if (open_.size() + depth_of(found->second) > kMaxDepth) too_deep(location(mark));
    add(found->second, 0);
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    Node node;
    node.mark = location(mark);
    node.scalar = value;
    node.quoted = tag == "!";
    const bool is_null = !node.quoted && (value.empty() || value == "~" || value == "null");
    node.type = is_null ? Node::Type::null : Node::Type::scalar;
    add(std::move(node), anchor);
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    open(Node::Type::sequence, mark, anchor);
  }
  void OnSequenceEnd() override { close(); }

  void OnMapStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    open(Node::Type::map, mark, anchor);
  }
  void OnMapEnd() override { close(); }

 private:
  // A list or map that has not ended yet.
  struct Open {
    Node node;
    YAML::anchor_t anchor;
    std::optional<std::pair<std::string, Mark>> key{};  // a key whose value has not come yet
    std::map<std::string, int> lines{};                 // the line of each key so far
    std::vector<Node::Entry> merged{};                  // by '<<'
  };

  Mark location(const YAML::Mark& mark) const { return {source_, mark.line + 1, mark.column + 1}; }

  void open(Node::Type type, const YAML::Mark& mark, YAML::anchor_t anchor) {
    Open level{{}, anchor};
    level.node.type = type;
    level.node.mark = location(mark);
    if (open_.size() >= kMaxDepth) too_deep(level.node.mark);
    if (!open_.empty() && open_.back().node.type == Node::Type::map && !open_.back().key)
      fail_at(level.node.mark, "a key must be a text, not a list or a map");
    open_.push_back(std::move(level));
  }

  void close() {
    Open level = std::move(open_.back());
    open_.pop_back();
    take_merged(level);
    add(std::move(level.node), level.anchor);
  }

  static std::size_t size_of(const Node& node) {
    std::size_t size = 1;
    for (const Node& item : node.items) size += size_of(item);
    for (const Node::Entry& entry : node.entries) size += size_of(entry.value);
    return size;
  }

  // Returns how deeply lists and maps are nested.
  static std::size_t depth_of(const Node& node) {
    std::size_t depth = 0;
    for (const Node& item : node.items) depth = std::max(depth, 1 + depth_of(item));
    for (const Node::Entry& entry : node.entries)
      depth = std::max(depth, 1 + depth_of(entry.value));
    return depth;
  }

  [[noreturn]] static void too_deep(const Mark& mark) {
    fail_at(mark, "nested too deeply for an experiment");
  }

  // Counts copies too: an anchor keeps one, and an alias makes one.
  void count(std::size_t nodes, const Mark& mark) {
    nodes_ += nodes;
    if (nodes_ > kMaxNodes) fail_at(mark, "too large for an experiment: aliases of aliases?");
  }

  void add(Node node, YAML::anchor_t anchor) {
    count(1, node.mark);
    if (anchor != 0) {
      count(size_of(node), node.mark);
      anchors_[anchor] = node;
    }
    if (open_.empty()) {
      root_ = std::move(node);
      return;
    }
    Open& parent = open_.back();
    if (parent.node.type == Node::Type::sequence)
      parent.node.items.push_back(std::move(node));
    else if (!parent.key)
      set_key(parent, node);
    else
      add_entry(parent, std::move(node));
  }

  void set_key(Open& parent, const Node& node) {
    if (node.type != Node::Type::scalar) fail_at(node.mark, "a key must be a text");
    const auto [first, is_new] = parent.lines.emplace(node.scalar, node.mark.line);
    if (!is_new)
      fail_at(node.mark, fmt::format("duplicate key '{}': it stands already on line {}",
                                     node.scalar, first->second));
    parent.key = {node.scalar, node.mark};
  }

  void add_entry(Open& parent, Node node) {
    if (parent.key->first == "<<") return add_merged(parent, std::move(node));
    parent.node.entries.push_back({parent.key->first, parent.key->second, std::move(node)});
    parent.key.reset();
  }

  // `<<: *anchor` or `<<: [*a, *b]`: the entries of these maps, unless the map itself or an earlier
  // one has the key (https://yaml.org/type/merge.html).
  void add_merged(Open& parent, Node node) {
    const Mark mark = parent.key->second;
    parent.key.reset();
    if (node.type == Node::Type::map) {
      Node list;
      list.items.push_back(std::move(node));
      node = std::move(list);
    } else if (node.type != Node::Type::sequence) {
      fail_at(mark, "'<<' merges a map or a list of maps, such as *anchor");
    }
    for (Node& map : node.items) {
      if (map.type != Node::Type::map) fail_at(mark, "'<<' merges maps only");
      for (Node::Entry& entry : map.entries) parent.merged.push_back(std::move(entry));
    }
  }

  static void take_merged(Open& level) {
    for (Node::Entry& entry : level.merged)
      if (std::as_const(level.node).find_entry(entry.key) == nullptr)
        level.node.entries.push_back(std::move(entry));
  }

  const std::string& source_;
  std::vector<Open> open_;
  std::map<YAML::anchor_t, Node> anchors_;
  std::optional<Node> root_;
  std::size_t nodes_ = 0;
};

// yaml-cpp's own message for a tab does not name the tab. Called for a text that is not YAML.
void refuse_tabs(const std::string& text, const std::string& source) {
  std::istringstream lines(text);
  int number = 0;
  for (std::string line; std::getline(lines, line);) {
    ++number;
    const std::size_t first = line.find_first_not_of(" \t");
    const std::size_t tab = line.find('\t');
    if (tab != std::string::npos && first != std::string::npos && tab < first)
      fail_at({source, number, static_cast<int>(tab) + 1},
              "a tab in the indentation: YAML wants spaces");
  }
}

// Returns the number of bytes of the well-formed UTF-8 character at the begin of `text` (table 3-7
// of the Unicode standard). Returns 0 if there is none.
std::size_t utf8_length(std::string_view text) {
  const auto byte = [&](std::size_t i) -> unsigned {
    return i < text.size() ? static_cast<unsigned char>(text[i]) : 0;
  };
  const auto continues = [&](std::size_t i) { return byte(i) >= 0x80 && byte(i) <= 0xBF; };
  const unsigned lead = byte(0), second = byte(1);
  if (lead < 0x80) return 1;
  const unsigned lowest = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
  const unsigned highest = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;
  if (second < lowest || second > highest) return 0;
  if (lead >= 0xC2 && lead <= 0xDF) return 2;
  if (lead >= 0xE0 && lead <= 0xEF) return continues(2) ? 3 : 0;
  if (lead >= 0xF0 && lead <= 0xF4) return continues(2) && continues(3) ? 4 : 0;
  return 0;
}

// yaml-cpp would accept any bytes, which would spoil the files of the run.
void refuse_other_encodings(const std::string& text, const std::string& source) {
  Mark mark{source, 1, 1};
  for (std::size_t at = 0; at < text.size(); ++mark.column) {
    const std::size_t length = utf8_length(std::string_view(text).substr(at));
    if (length == 0) fail_at(mark, "not UTF-8: save the file in that encoding");
    if (text[at] == '\n') mark = {source, mark.line + 1, 0};
    at += length;
  }
}

// Returns what to change, for messages of yaml-cpp that do not say it.
std::string_view remedy_of(std::string_view message) {
  struct Remedy {
    std::string_view message, remedy;
  };
  static constexpr Remedy kRemedies[] = {
      {"illegal map value", ": quote a text that has a colon"},
      {"illegal map key", ": quote a text that has a colon or a question mark"},
      {"unknown token", ": quote a text that begins with @, ` or %"},
      {"end of map not found", ": are these lines indented alike?"},
      {"end of sequence not found", ": are these lines indented alike?"},
      {"end of map flow not found", ": a { has no }, or a , is missing"},
      {"end of sequence flow not found", ": a [ has no ], or a , is missing"},
      {"illegal EOF in scalar", ": a quotation mark has no other"},
      {"the referenced anchor is not defined", ": quote a text that begins with *"},
  };
  for (const Remedy& remedy : kRemedies)
    if (message.starts_with(remedy.message)) return remedy.remedy;
  return "";
}

// Explains "illegal map value" if the value began on the line before: that line has no blank after
// its colon, or is indented less. Returns if the line itself has a text with a colon.
void refuse_joined_lines(const std::string& text, const std::string& source,
                         const YAML::Mark& mark) {
  std::istringstream lines(text);
  std::string line, before;
  int number_before = 0;
  for (int i = 0; i <= mark.line && std::getline(lines, line); ++i) {
    const std::size_t first = line.find_first_not_of(" \r");
    if (i == mark.line || first == std::string::npos || line[first] == '#') continue;
    before = line.substr(0, line.find('\r'));
    number_before = i + 1;
  }
  if (line.substr(0, static_cast<std::size_t>(mark.column)).find(": ") != std::string::npos) return;
  const std::size_t indentation = before.find_first_not_of(' ');
  const std::size_t colon = before.find(':');
  if (indentation == line.find_first_not_of(' ') && colon != std::string::npos &&
      before.find(' ', indentation) == std::string::npos && colon + 1 < before.size())
    fail_at({source, number_before, static_cast<int>(colon) + 2},
            fmt::format("not YAML: a blank must follow the colon: '{}: {}'",
                        before.substr(indentation, colon - indentation), before.substr(colon + 1)));
  fail_at({source, mark.line + 1, mark.column + 1},
          "not YAML: illegal map value: indent the lines of a map alike, write a blank after the "
          "colon of a key, and quote a text that has a colon");
}

Node parse(const std::string& text, const std::string& source) {
  refuse_other_encodings(text, source);
  std::istringstream in(text);
  try {
    YAML::Parser parser(in);
    Builder builder(source);
    if (!parser.HandleNextDocument(builder)) return Node{};
    Builder second(source);
    if (parser.HandleNextDocument(second))
      fail_at(second.take().mark, "a second YAML document: an experiment is one");
    return builder.take();
  } catch (const YAML::Exception& e) {
    refuse_tabs(text, source);
    if (e.msg == "illegal map value") refuse_joined_lines(text, source, e.mark);
    fail_at({source, e.mark.line + 1, e.mark.column + 1},
            fmt::format("not YAML: {}{}", e.msg, remedy_of(e.msg)));
  }
}

}  // namespace

std::string Mark::to_string() const {
  return line == 0 ? source : fmt::format("{}:{}:{}", source, line, column);
}

const Node::Entry* Node::find_entry(std::string_view key) const {
  const auto found = std::ranges::find(entries, key, &Entry::key);
  return found == entries.end() ? nullptr : &*found;
}

const Node* Node::find(std::string_view key) const {
  const Entry* const entry = find_entry(key);
  return entry == nullptr || entry->value.type == Type::null ? nullptr : &entry->value;
}

std::string_view describe(Node::Type type) {
  switch (type) {
    case Node::Type::scalar:
      return "a text or number";
    case Node::Type::sequence:
      return "a list";
    case Node::Type::map:
      return "a map";
    default:
      return "nothing";
  }
}

void fail_at(const Mark& mark, const std::string& message) {
  throw UsageError(one_line(mark.to_string() + ": " + message));
}

Node parse_yaml(const std::string& text, const std::string& source) {
  return parse(text, source);
}

namespace {

void set_marks(Node& node, const Mark& mark) {
  node.mark = mark;
  for (Node& item : node.items) set_marks(item, mark);
  for (Node::Entry& entry : node.entries) {
    entry.mark = mark;
    set_marks(entry.value, mark);
  }
}

// Returns the child that a step of a path names. Adds it if the parent is a map or null.
Node& step_into(Node& parent, const std::string& step, const Mark& mark) {
  if (step.empty()) fail_at(mark, "an empty step in the path: write PATH=VALUE, e.g. plan.seed=2");
  if (parent.type == Node::Type::sequence) {
    const auto index = parse_count(step);
    if (!index || *index >= parent.items.size())
      fail_at(mark, fmt::format("'{}' is no item of a list of {}, counted from 0", step,
                                parent.items.size()));
    return parent.items[*index];
  }
  if (parent.type == Node::Type::scalar)
    fail_at(mark, fmt::format("'{}' is below a value that is not a map", step));
  parent.type = Node::Type::map;
  if (const Node::Entry* const entry = parent.find_entry(step))
    return const_cast<Node::Entry*>(entry)->value;
  parent.entries.push_back({step, mark, Node{}});
  parent.entries.back().value.mark = mark;
  return parent.entries.back().value;
}

// Returns a warning that names the keys of `before` that `after` lacks; "" if it has all.
std::string warning_of_dropped(const Node& before, const Node& after, const Mark& mark) {
  // One way to reach the host replaces another.
  const std::vector<std::string_view> replaced = ways_to_reach();
  std::string keys;
  for (const Node::Entry& entry : before.entries)
    if (!after.find(entry.key) && std::ranges::count(replaced, entry.key) == 0)
      keys += (keys.empty() ? "" : ", ") + entry.key;
  if (keys.empty()) return "";
  return fmt::format("{} replaces the whole host and drops {}: repeat them in the value",
                     mark.source, keys);
}

}  // namespace

std::string apply_set(Node& root, const std::string& expression) {
  const Mark mark{fmt::format("--set '{}'", expression), 0, 0};
  const std::size_t equals = expression.find('=');
  if (equals == std::string::npos || equals == 0)
    fail_at(mark, "write PATH=VALUE, e.g. workloads.bulk.duration=5s");
  if (equals + 1 == expression.size())
    fail_at(mark, "the value is missing; PATH=null removes the key");
  Node value;
  try {
    value = parse(expression.substr(equals + 1), mark.source);
  } catch (const UsageError&) {
    fail_at(mark, "the value is not YAML");
  }
  set_marks(value, mark);
  Node* target = &root;
  Node* parent = nullptr;
  std::istringstream path(expression.substr(0, equals));
  std::string step;
  while (std::getline(path, step, '.')) {
    parent = target;
    target = &step_into(*target, step, mark);
  }
  std::string warning;
  if (expression.starts_with("hosts.")) warning = warning_of_dropped(*target, value, mark);
  const bool unsets = value.type == Node::Type::null && parent->type == Node::Type::map;
  *target = std::move(value);
  if (unsets) std::erase_if(parent->entries, [&](const auto& e) { return &e.value == target; });
  return warning;
}

void mark_as_stored(Node& root) {
  root.mark.in_stored_run = true;
  for (Node& item : root.items) mark_as_stored(item);
  for (Node::Entry& entry : root.entries) {
    entry.mark.in_stored_run = true;
    mark_as_stored(entry.value);
  }
}

}  // namespace pingperf
