// The limits of the system that make set-up fail part-way.
#pragma once

#include <cstddef>
#include <exception>
#include <string>

namespace pingperf {

// Returns the text of an exception of set-up. Adds the limit that explains it, if there is one:
// "socket: Too many open files (ulimit -n: 1024)".
std::string explained(const std::exception& error);

// Returns `error` with how far set-up came: "connection 500 of 1000: …". A set-up of one thing has
// nothing in front.
std::string at_number(const char* what, std::size_t number, std::size_t count,
                      const std::string& error);

}  // namespace pingperf
