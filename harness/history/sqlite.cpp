#include "harness/history/sqlite.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <sqlite3.h>
#include <unistd.h>

#include <chrono>
#include <thread>

#include "harness/base/usage_error.h"

namespace pingperf {
namespace {

constexpr int kBusyTimeoutMs = 10'000;

[[noreturn]] void fail(sqlite3* database, const std::string& file) {
  const int code = sqlite3_errcode(database);
  const char* const text = sqlite3_errmsg(database);
  if (code == SQLITE_NOTADB) throw UsageError(file + ": no SQLite database");
  if (code == SQLITE_CORRUPT)
    throw UsageError(
        fmt::format("{}: damaged ({}): restore a copy, or add the runs to a new file", file, text));
  if (code == SQLITE_BUSY)
    throw DatabaseError(
        fmt::format("{}: another writer has locked it for {} s", file, kBusyTimeoutMs / 1000));
  throw DatabaseError(fmt::format("{}: {}", file, text));
}

bool is_writable(const std::string& path) {
  return ::faccessat(AT_FDCWD, path.c_str(), W_OK, AT_EACCESS) == 0;
}

// Returns the URI of a file that nobody changes now (sqlite.org/uri.html).
std::string immutable(const std::string& file) {
  std::string uri = "file:";
  for (const char c : file) {
    const bool is_special = c == '%' || c == '?' || c == '#';
    uri += is_special ? fmt::format("%{:02x}", c) : std::string(1, c);
  }
  return uri + "?immutable=1";
}

}  // namespace

SqlStatement::SqlStatement(sqlite3* database, const std::string& file, std::string_view sql)
    : database_(database), file_(file) {
  if (sqlite3_prepare_v2(database, sql.data(), static_cast<int>(sql.size()), &statement_,
                         nullptr) != SQLITE_OK)
    fail(database_, file_);
}

SqlStatement::~SqlStatement() {
  sqlite3_finalize(statement_);
}

bool SqlStatement::step() {
  const int code = sqlite3_step(statement_);
  if (code != SQLITE_ROW && code != SQLITE_DONE) fail(database_, file_);
  return code == SQLITE_ROW;
}

void SqlStatement::run() {
  while (step()) {
  }
  reset();
}

void SqlStatement::reset() {
  sqlite3_reset(statement_);
}

std::int64_t SqlStatement::integer(int column) const {
  return sqlite3_column_int64(statement_, column);
}

double SqlStatement::number(int column) const {
  return sqlite3_column_double(statement_, column);
}

std::string_view SqlStatement::text(int column) const {
  const auto* const bytes = static_cast<const char*>(sqlite3_column_blob(statement_, column));
  const int size = sqlite3_column_bytes(statement_, column);
  return bytes ? std::string_view(bytes, static_cast<std::size_t>(size)) : std::string_view();
}

void SqlStatement::bind(int index, std::int64_t value) {
  if (sqlite3_bind_int64(statement_, index + 1, value) != SQLITE_OK) fail(database_, file_);
}

void SqlStatement::bind(int index, double value) {
  if (sqlite3_bind_double(statement_, index + 1, value) != SQLITE_OK) fail(database_, file_);
}

void SqlStatement::bind(int index, std::string_view value) {
  const char* const bytes = value.data() ? value.data() : "";  // a null pointer would be NULL
  if (sqlite3_bind_text64(statement_, index + 1, bytes, value.size(), SQLITE_TRANSIENT,
                          SQLITE_UTF8) != SQLITE_OK)
    fail(database_, file_);
}

// A reader in WAL mode writes files next to the database. A user who may not write can read if
// those files exist, or if there is no log, because then all data are in the database
// (sqlite.org/wal.html#readonly).
Database::Database(const std::filesystem::path& file, Access access) : file_(file.string()) {
  std::string name = file_;
  int flags = SQLITE_OPEN_READWRITE | (access == Access::write ? SQLITE_OPEN_CREATE : 0);
  const std::filesystem::path directory = std::filesystem::absolute(file).parent_path();
  if (access == Access::read && !(is_writable(file_) && is_writable(directory))) {
    flags = SQLITE_OPEN_READONLY | SQLITE_OPEN_URI;
    if (!std::filesystem::exists(file_ + "-wal")) name = immutable(file_);
  }
  if (sqlite3_open_v2(name.c_str(), &database_, flags, nullptr) != SQLITE_OK) {
    const std::string text = fmt::format("{}: {}", file_, sqlite3_errmsg(database_));
    sqlite3_close(database_);
    throw UsageError(text);
  }
  sqlite3_busy_timeout(database_, kBusyTimeoutMs);
}

Database::~Database() {
  sqlite3_close(database_);
}

void Database::run(const std::string& sql) {
  if (sqlite3_exec(database_, sql.c_str(), nullptr, nullptr, nullptr) != SQLITE_OK)
    fail(database_, file_);
}

std::int64_t Database::integer(std::string_view sql) {
  SqlStatement statement = prepare(sql);
  return statement.step() ? statement.integer(0) : 0;
}

std::int64_t Database::last_id() const {
  return sqlite3_last_insert_rowid(database_);
}

void Database::use_write_ahead_log() {
  // SQLite does not wait for others when it changes the mode, so this waits.
  for (int tries = 0;; ++tries) {
    const int code =
        sqlite3_exec(database_, "PRAGMA journal_mode = WAL", nullptr, nullptr, nullptr);
    if (code == SQLITE_OK) return;
    if (code != SQLITE_BUSY || tries == kBusyTimeoutMs / 20) fail(database_, file_);
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
}

Transaction::Transaction(Database& database, Database::Access access) : database_(database) {
  database_.run(access == Database::Access::write ? "BEGIN IMMEDIATE" : "BEGIN");
}

Transaction::~Transaction() {
  if (!open_) return;
  try {
    database_.run("ROLLBACK");
  } catch (const std::exception&) {  // SQLite has rolled back already
  }
}

void Transaction::commit() {
  database_.run("COMMIT");
  open_ = false;
}

}  // namespace pingperf
