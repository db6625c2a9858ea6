// The limits of the system that make set-up fail part-way.
#pragma once

#include <cstddef>
#include <exception>
#include <new>
#include <stdexcept>
#include <string>
#include <system_error>
#include <thread>
#include <type_traits>
#include <utility>

namespace pingperf {

// Returns the text of an exception of set-up. Adds the limit that explains it, if there is one:
// "socket: Too many open files (ulimit -n: 1024)".
std::string explained(const std::exception& error);

// Returns true if this network namespace cannot reach its own addresses.
bool is_loopback_down();

// Returns `error` with how far set-up came: "connection 500 of 1000: …". A set-up of one thing has
// nothing in front.
std::string at_number(const char* what, std::size_t number, std::size_t count,
                      const std::string& error);

// Starts a thread for `body`. Throws std::system_error that names the thread and its limits.
template <typename Body>
std::thread start_thread(const std::string& name, Body body) {
  try {
    return std::thread(std::move(body));
  } catch (const std::system_error& e) {
    throw std::system_error(
        e.code(),
        name + " cannot start (see ulimit -u, ulimit -v and the pids limit of the cgroup)");
  }
}

// Calls `step`, the set-up of one of `count` things. Throws std::runtime_error with explained() and
// at_number() if it fails.
template <typename Step>
std::invoke_result_t<Step> set_up_one(const char* what, std::size_t number, std::size_t count,
                                      Step step) {
  try {
    return step();
  } catch (const std::system_error& e) {
    throw std::runtime_error(at_number(what, number, count, explained(e)));
  } catch (const std::bad_alloc& e) {
    throw std::runtime_error(at_number(what, number, count, explained(e)));
  }
}

}  // namespace pingperf
