// Lab: a network of namespaces on this machine, made for one run and removed after it.
//
//   client ns          router ns           server ns
//   client0 ────────── toclient  toserver ────────── server0
//
// The bottleneck is on the router's egress, in both directions: in two namespaces alone TCP would
// keep most of its own queue out of the qdisc (TCP small queues), and the lab would hide
// bufferbloat.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "harness/base/json_fwd.h"
#include "harness/experiment/experiment.h"

namespace pingperf {

// Throws UsageError at the lab's place in its file when this host cannot make it: tries the
// queueing disciplines that it takes in a namespace of its own, without root where users may.
void check_lab(const LabOptions& options);

// Owns the namespaces: makes them, and removes them with everything in them.
class Lab {
 public:
  // Throws CommandError; then nothing is left.
  explicit Lab(const LabOptions& options);
  Lab(const Lab&) = delete;
  Lab& operator=(const Lab&) = delete;
  ~Lab();

  // The two ends as the hosts of an experiment.
  Host client() const;
  Host server() const;

  // The links, addresses and queueing disciplines as the kernel has them now, for environment.json.
  Json facts() const;

 private:
  struct Namespace {
    std::string name;
    std::vector<std::string> devices;
  };

  void make(const LabOptions& options);
  void connect(const Namespace& a, const std::string& device_a, const Namespace& b,
               const std::string& device_b, int number, const LabOptions& options);
  void remove() noexcept;

  std::vector<Namespace> namespaces_;  // client, server, router
};

// The namespaces of labs whose owner is gone; nothing when they cannot be seen.
std::vector<std::string> stale_labs();

// Removes the labs whose owner is gone, as a kill -9 leaves them, with the processes in them.
// Returns their names. Throws CommandError.
std::vector<std::string> remove_stale_labs();

// Goes on, for a user who is not root, in namespaces of their own in which a lab can be made: calls
// unshare(1) with this program and its arguments, and returns only where that is not needed. Throws
// CommandError when the kernel does not let users have namespaces.
void enter_user_namespaces(const std::vector<std::string>& command_line);

}  // namespace pingperf
