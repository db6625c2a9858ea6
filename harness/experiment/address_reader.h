// Addresses of an experiment file: they are judged where they are written.
#pragma once

#include <string>
#include <string_view>

#include "harness/experiment/yaml.h"

namespace pingperf {

// Throws UsageError at `mark` for an address that no client can dial: every address of a host, a
// multicast or broadcast address, one with a port or in brackets. `key` is address, external or
// bind; bind may be every address.
void check_address(const std::string& text, std::string_view key, const Mark& mark);

// Returns true for a name, which a host has to resolve: no numeric address and no path.
bool is_host_name(const std::string& text);

}  // namespace pingperf
