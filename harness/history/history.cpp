#include "harness/history/history.h"

#include <fmt/core.h>

#include <algorithm>
#include <iterator>

#include "harness/base/counted.h"
#include "harness/base/json.h"
#include "harness/base/parse_number.h"
#include "harness/base/usage_error.h"
#include "harness/experiment/old_names.h"
#include "harness/results/run_set.h"

namespace pingperf {
namespace {

constexpr std::int64_t kApplication = 0x70696e67;  // "ping"

// The statements that make the tables of each version from those of the version before. New ones
// are appended; old ones never change. `median` is ordered by metric and run: adding a run appends
// in a few places, and a trend reads one range.
constexpr const char* kMigrations[] = {
    R"(CREATE TABLE run(id INTEGER PRIMARY KEY, identity TEXT NOT NULL UNIQUE, name TEXT NOT NULL,
         experiment TEXT NOT NULL, started_at TEXT NOT NULL, machine TEXT NOT NULL,
         directory TEXT NOT NULL, facts TEXT NOT NULL);
       CREATE TABLE content(run INTEGER PRIMARY KEY, environment TEXT NOT NULL, trials TEXT NOT NULL);
       CREATE TABLE label(run INTEGER NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL,
         PRIMARY KEY(run, key)) WITHOUT ROWID;
       CREATE TABLE metric(id INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE);
       CREATE TABLE case_name(id INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE);
       CREATE TABLE parameters(id INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE);
       CREATE TABLE median(metric INTEGER NOT NULL, run INTEGER NOT NULL, case_name INTEGER NOT NULL,
         parameters INTEGER NOT NULL, value REAL NOT NULL, trials INTEGER NOT NULL,
         PRIMARY KEY(metric, run, case_name)) WITHOUT ROWID;)",
    // The engine `null` became `noop`, a word of the same length.
    R"(UPDATE case_name SET text =
         substr(replace(text || '/', '/engine=null/', '/engine=noop/'), 1, length(text));
       UPDATE parameters SET text =
         substr(replace(' ' || text || ' ', ' engine=null ', ' engine=noop '), 2, length(text));)",
};
static_assert(std::size(kMigrations) == History::kVersion);

std::unique_ptr<Database> open_database(const std::filesystem::path& file,
                                        Database::Access access) {
  if (access == Database::Access::read && !std::filesystem::exists(file))
    throw UsageError(
        fmt::format("{}: no such file: 'pingperf history add RUN' makes a history", file.string()));
  if (access == Database::Access::write && file.has_parent_path())
    std::filesystem::create_directories(file.parent_path());
  return std::make_unique<Database>(file, access);
}

constexpr const char* kRunColumns =
    "SELECT id, name, experiment, started_at, machine, directory, facts FROM run";

HistoryRun run_of(const SqlStatement& row) {
  HistoryRun run;
  run.id = row.integer(0);
  run.name = row.text(1);
  run.experiment = row.text(2);
  run.started_at = row.text(3);
  run.machine = row.text(4);
  run.directory = row.text(5);
  const Json facts = parse_json(row.text(6));
  for (const auto& [key, value] : facts.items())
    if (value.is_string()) run.facts[key] = value.get<std::string>();
  return run;
}

// Returns true if the run has all labels.
bool has_labels(const HistoryRun& run, const std::map<std::string, std::string>& labels) {
  return std::ranges::all_of(labels, [&](const auto& label) {
    const auto found = run.labels.find(label.first);
    return found != run.labels.end() && found->second == label.second;
  });
}

// Returns the names of a fact for each end: "pair 2 client kernel" and "pair 2 server kernel" for
// "pair 2 kernel", which both ends share. A fact of one end has its own name only.
std::vector<std::string> names_by_end(const std::string& fact) {
  const std::size_t last_word = fact.rfind(' ') + 1;  // 0 if there is one word
  const std::string prefix = fact.substr(0, last_word), word = fact.substr(last_word);
  if (prefix.ends_with("client ") || prefix.ends_with("server ")) return {fact};
  return {prefix + "client " + word, prefix + "server " + word};
}

std::map<std::string, std::string> facts_by_end(const HistoryRun& run) {
  std::map<std::string, std::string> facts;
  for (const auto& [key, value] : run.facts)
    for (const std::string& name : names_by_end(key)) facts[name] = value;
  return facts;
}

std::string stored_identity(const HistoryEntry& entry) {
  return entry.run_id.empty() ? entry.identity : entry.identity + "\n" + entry.run_id;
}

}  // namespace

std::size_t index_since(const std::vector<HistoryRun>& runs, const std::string& since) {
  const std::size_t equals = since.find('=');
  const auto is_first = [&](const HistoryRun& run) {
    if (equals == std::string::npos) return run.started_at >= since;
    return has_labels(run, {{since.substr(0, equals), since.substr(equals + 1)}});
  };
  const auto first = std::ranges::find_if(runs, is_first);
  if (first != runs.end()) return static_cast<std::size_t>(first - runs.begin());
  throw UsageError(fmt::format("--since: none of the {} {} {}", counted(runs.size(), "run"),
                               equals == std::string::npos ? "started since" : "has the label",
                               since));
}

std::vector<std::string> changed_facts(const HistoryRun& before, const HistoryRun& after) {
  std::vector<std::string> lines;
  const auto compare = [&](const std::map<std::string, std::string>& facts, const std::string& key,
                           const std::string& value) {
    const auto old = facts.find(key);
    if (old != facts.end() && old->second != value)
      lines.push_back(fmt::format("{}: {}, now {}", key, old->second, value));
  };
  const std::map<std::string, std::string> before_by_end = facts_by_end(before);
  for (const auto& [key, value] : after.facts) {
    if (before.facts.contains(key))
      compare(before.facts, key, value);
    else
      for (const std::string& name : names_by_end(key)) compare(before_by_end, name, value);
  }
  return lines;
}

History::History(const std::filesystem::path& file, Access access)
    : database_(open_database(file, access)) {
  check_version(access);
  if (access == Access::write) return;
  reading_ = std::make_unique<Transaction>(*database_, access);
  database_->integer("SELECT count(*) FROM sqlite_schema");  // begins to read
}

void History::check_version(Access access) {
  const auto version = [&] { return database_->integer("PRAGMA user_version"); };
  // In this order: another writer can create the tables and set the id at any moment.
  const bool is_empty = database_->integer("SELECT count(*) FROM sqlite_schema") == 0;
  const std::int64_t application = database_->integer("PRAGMA application_id");
  if (application != kApplication && (application != 0 || !is_empty))
    throw UsageError(file() + ": a SQLite database, but no history of pingperf");
  if (version() > kVersion)
    throw UsageError(
        fmt::format("{}: of version {}, and this pingperf reads up to version {}: "
                    "install a newer pingperf",
                    file(), version(), kVersion));
  if (access == Access::read && version() == 0)
    throw UsageError(file() + ": an empty history: add runs with 'pingperf history add RUN'");
  if (access == Access::read) return;  // of any version: case_names() and parameters() map names
  database_->use_write_ahead_log();
  if (version() == kVersion) return;
  Transaction transaction(*database_, Access::write);
  for (auto next = static_cast<std::size_t>(version()); next < std::size(kMigrations); ++next)
    database_->run(kMigrations[next]);
  database_->run(
      fmt::format("PRAGMA application_id = {}; PRAGMA user_version = {}", kApplication, kVersion));
  transaction.commit();
}

History::Added History::add(const HistoryEntry& entry) {
  Transaction transaction(*database_, Access::write);
  // The id is a last line of the identity. Without one, a run is also that of any id: the lines
  // below '\v' begin with '\n'.
  const std::string identity = stored_identity(entry);
  const std::string last = entry.run_id.empty() ? entry.identity + "\v" : identity;
  SqlStatement stored = database_->prepare(
      "SELECT id, trials = ? AND environment = ? AND machine = ? FROM run JOIN content ON run = id "
      "WHERE identity IN (?, ?) OR (identity > ? AND identity < ?) ORDER BY identity DESC");
  Added result = Added::added;
  std::int64_t id = 0;
  if (stored
          .with(entry.trials, entry.environment, entry.run.machine, identity, entry.identity,
                identity, last)
          .step()) {
    id = stored.integer(0);
    result = stored.integer(1) != 0 ? Added::unchanged : Added::updated;
    if (result == Added::updated) erase(id);
  }
  if (result != Added::unchanged) insert(entry, id);
  if (id == 0) id = database_->integer("SELECT max(id) FROM run");
  if (set_labels(id, entry.run.labels) && result == Added::unchanged) result = Added::updated;
  transaction.commit();
  return result;
}

// An id of 0 means a new one.
void History::insert(const HistoryEntry& entry, std::int64_t id) {
  const HistoryRun& run = entry.run;
  database_->prepare("INSERT INTO run VALUES(nullif(?, 0), ?, ?, ?, ?, ?, ?, ?)")
      .with(id, stored_identity(entry), run.name, run.experiment, run.started_at, run.machine,
            run.directory, Json(run.facts).dump(-1, ' ', false, Json::error_handler_t::replace))
      .run();
  if (id == 0) id = database_->last_id();
  database_->prepare("INSERT INTO content VALUES(?, ?, ?)")
      .with(id, entry.environment, entry.trials)
      .run();
  std::map<std::string, std::int64_t> metrics, cases, parameters;  // each is looked up once
  const auto cached = [&](auto& cache, const char* table, const std::string& text) {
    const auto found = cache.find(text);
    return found != cache.end() ? found->second : cache[text] = number_of(table, text);
  };
  SqlStatement insert_median = database_->prepare("INSERT INTO median VALUES(?, ?, ?, ?, ?, ?)");
  for (const HistoryMedian& median : entry.medians)
    insert_median
        .with(cached(metrics, "metric", median.metric), id,
              cached(cases, "case_name", median.case_name),
              cached(parameters, "parameters", median.parameters), median.value,
              static_cast<std::int64_t>(median.trials))
        .run();
}

void History::erase(std::int64_t id) {
  for (const char* const sql :
       {"DELETE FROM run WHERE id = ?", "DELETE FROM content WHERE run = ?",
        "DELETE FROM median WHERE metric IN (SELECT id FROM metric) AND run = ?"})
    database_->prepare(sql).with(id).run();
}

// Returns the number of a text in a table of texts. Adds it if it is new.
std::int64_t History::number_of(const char* table, const std::string& text) {
  SqlStatement find = database_->prepare(fmt::format("SELECT id FROM {} WHERE text = ?", table));
  if (find.with(text).step()) return find.integer(0);
  database_->prepare(fmt::format("INSERT INTO {}(text) VALUES(?)", table)).with(text).run();
  return database_->last_id();
}

// Returns true if a label is new or has changed.
bool History::set_labels(std::int64_t id, const std::map<std::string, std::string>& labels) {
  bool changed = false;
  for (const auto& [key, value] : labels) {
    SqlStatement same =
        database_->prepare("SELECT 1 FROM label WHERE run = ? AND key = ? AND value = ?");
    if (same.with(id, key, value).step()) continue;
    database_->prepare("INSERT OR REPLACE INTO label VALUES(?, ?, ?)").with(id, key, value).run();
    changed = true;
  }
  return changed;
}

void History::read_labels(std::vector<HistoryRun>& runs) {
  std::map<std::int64_t, HistoryRun*> by_id;
  for (HistoryRun& run : runs) by_id[run.id] = &run;
  SqlStatement labels = database_->prepare("SELECT run, key, value FROM label");
  while (labels.step())
    if (const auto found = by_id.find(labels.integer(0)); found != by_id.end())
      found->second->labels[std::string(labels.text(1))] = labels.text(2);
}

std::vector<HistoryRun> History::runs(const HistoryFilter& filter) {
  std::vector<HistoryRun> runs;
  SqlStatement rows = database_->prepare(
      fmt::format("{} WHERE (?1 = '' OR experiment = ?1) AND (?2 = '' OR machine = ?2) "
                  "ORDER BY started_at, id",
                  kRunColumns));
  rows.with(filter.experiment, filter.machine);
  while (rows.step()) runs.push_back(run_of(rows));
  read_labels(runs);
  if (!filter.since.empty())
    runs.erase(runs.begin(),
               runs.begin() + static_cast<std::ptrdiff_t>(index_since(runs, filter.since)));
  std::erase_if(runs, [&](const HistoryRun& run) { return !has_labels(run, filter.labels); });
  if (filter.last && runs.size() > *filter.last)
    runs.erase(runs.begin(), runs.end() - static_cast<std::ptrdiff_t>(*filter.last));
  return runs;
}

std::optional<HistoryRun> History::run(std::string_view id_or_name) {
  SqlStatement row = database_->prepare(
      fmt::format("{} WHERE id = ? OR name = ? ORDER BY started_at DESC LIMIT 1", kRunColumns));
  const std::int64_t id = parse_number<std::int64_t>(id_or_name).value_or(0);
  if (!row.with(id, id_or_name).step()) return std::nullopt;
  std::vector<HistoryRun> runs = {run_of(row)};
  read_labels(runs);
  return runs.front();
}

std::string History::trials(std::int64_t run) {
  SqlStatement row = database_->prepare("SELECT trials FROM content WHERE run = ?");
  return row.with(run).step() ? std::string(row.text(0)) : "";
}

std::string History::environment(std::int64_t run) {
  SqlStatement row = database_->prepare("SELECT environment FROM content WHERE run = ?");
  return row.with(run).step() ? std::string(row.text(0)) : "";
}

std::vector<HistoryPoint> History::points(const std::string& metric,
                                          const std::set<std::int64_t>& runs) {
  std::vector<HistoryPoint> points;
  if (runs.empty()) return points;
  SqlStatement rows = database_->prepare(
      "SELECT run, case_name, parameters, value FROM median "
      "WHERE metric = (SELECT id FROM metric WHERE text = ?) AND run BETWEEN ? AND ?");
  rows.with(metric, *runs.begin(), *runs.rbegin());
  auto wanted = runs.begin();  // both are in the order of the numbers
  while (rows.step()) {
    const std::int64_t run = rows.integer(0);
    while (wanted != runs.end() && *wanted < run) ++wanted;
    if (wanted != runs.end() && *wanted == run)
      points.push_back({run, rows.integer(1), rows.integer(2), rows.number(3)});
  }
  return points;
}

std::vector<std::string> History::metrics() {
  std::vector<std::string> names;
  SqlStatement rows = database_->prepare("SELECT text FROM metric ORDER BY text");
  while (rows.step()) names.emplace_back(rows.text(0));
  return names;
}

std::map<std::int64_t, std::string> History::case_names() {
  std::map<std::int64_t, std::string> names;
  SqlStatement rows = database_->prepare("SELECT id, text FROM case_name");
  while (rows.step()) names[rows.integer(0)] = with_current_names(std::string(rows.text(1)));
  return names;
}

std::string History::parameters(std::int64_t id) {
  SqlStatement row = database_->prepare("SELECT text FROM parameters WHERE id = ?");
  return row.with(id).step() ? with_current_names(std::string(row.text(0))) : "";
}

void History::remove(const std::vector<HistoryRun>& runs) {
  Transaction transaction(*database_, Access::write);
  for (const HistoryRun& run : runs) {
    erase(run.id);
    database_->prepare("DELETE FROM label WHERE run = ?").with(run.id).run();
  }
  transaction.commit();
  if (!runs.empty()) database_->run("VACUUM");
}

}  // namespace pingperf
