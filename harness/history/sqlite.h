// SQLite, wrapped: a database, its statements and its transactions. sqlite.cpp alone includes its
// header.
#pragma once

#include <cstdint>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <string_view>

struct sqlite3;
struct sqlite3_stmt;

namespace pingperf {

// SQLite failed for another reason than the content of the file: "FILE: the error".
class DatabaseError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// One prepared statement. Parameters and columns are counted from 0. All functions throw UsageError
// if the file is damaged or no database, and DatabaseError on other errors.
class SqlStatement {
 public:
  SqlStatement(sqlite3* database, const std::string& file, std::string_view sql);
  ~SqlStatement();
  SqlStatement(const SqlStatement&) = delete;
  SqlStatement& operator=(const SqlStatement&) = delete;

  // Binds all parameters, in order, after a reset.
  template <typename... Values>
  SqlStatement& with(const Values&... values) {
    reset();
    int index = 0;
    (bind(index++, values), ...);
    return *this;
  }
  // Advances to the next row. Returns false if there is none.
  bool step();
  // Runs a statement that has no rows, or whose rows do not matter.
  void run();

  std::int64_t integer(int column) const;
  double number(int column) const;
  // Valid until the next step.
  std::string_view text(int column) const;

 private:
  void reset();
  void bind(int index, std::int64_t value);
  void bind(int index, double value);
  void bind(int index, std::string_view value);

  sqlite3* database_;
  const std::string& file_;
  sqlite3_stmt* statement_ = nullptr;
};

// One connection. Waits up to ten seconds for other writers.
class Database {
 public:
  enum class Access { read, write };

  // Opens the file. `write` creates it if it does not exist. Throws UsageError if it
  // cannot be opened.
  Database(const std::filesystem::path& file, Access access);
  ~Database();
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  // Runs statements that return nothing.
  void run(const std::string& sql);
  SqlStatement prepare(std::string_view sql) { return {database_, file_, sql}; }
  // Returns the first column of the first row, or 0.
  std::int64_t integer(std::string_view sql);
  std::int64_t last_id() const;
  // Lets readers and one writer work at the same time (sqlite.org/wal.html).
  void use_write_ahead_log();

  const std::string& file() const noexcept { return file_; }

 private:
  std::string file_;
  sqlite3* database_ = nullptr;
};

// A transaction: rolled back unless it is committed.
class Transaction {
 public:
  // A writer takes its lock at once, so that what it has read cannot change before it writes.
  Transaction(Database& database, Database::Access access);
  ~Transaction();
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;
  void commit();

 private:
  Database& database_;
  bool open_ = true;
};

}  // namespace pingperf
