// RoundRunner: runs the trials of one round at once, each on its own pair of hosts, in one thread.
#pragma once

#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "harness/agent/agents.h"
#include "harness/results/run_directory.h"
#include "harness/results/warnings.h"
#include "harness/run/runner.h"
#include "harness/run/trial_run.h"

namespace pingperf {

class RoundRunner {
 public:
  RoundRunner(const Experiment& experiment, Agents& agents, VariantSwitch& variants,
              RunDirectory& directory, const Interrupt& interrupt, ProgressView& progress,
              const Margins& margins, const Steering& steering);
  RoundRunner(const RoundRunner&) = delete;
  RoundRunner& operator=(const RoundRunner&) = delete;
  ~RoundRunner();

  // Switches the systems to the variant of a round, unless they are in its state. If that fails,
  // the trials of the round will be refused.
  void switch_variant(std::span<const Trial> round);
  // Waits until the hosts of a round are back, at most `plan.host_grace` after each was lost,
  // and up to ten seconds for the first start after that.
  void await_hosts(std::span<const Trial> round);
  // Requests the agents of a round to start the workers of its trials. Called between two rounds,
  // because the start of a process takes CPU time that no trial may lack.
  void prepare(std::span<const Trial> round);
  // Waits for the pause between two trials. Returns at once if the run is interrupted.
  void cool_down();
  // Runs the trials and writes their rows.
  void run(std::span<const Trial> round);

 private:
  struct Attempt;

  std::unique_ptr<Attempt> begin(const Trial& trial);
  void start(Attempt& attempt);
  void listen(HostAgent& agent, End end);
  void deliver(HostAgent& agent, End end, Event event);
  void report_loss(HostAgent& agent, End end);
  void carry_out();
  void note_interrupt();
  void take_outcome(Attempt& attempt, TrialOutcome outcome);
  void finish(Attempt& attempt);
  void add_start_skew(Attempt& attempt);
  void add_quality(Attempt& attempt);
  std::string missing_pairs() const;
  void write_ended();
  void record_sum(const Trial& trial);
  // Returns true for the row of a sum, which no agent runs.
  bool is_sum(const Trial& trial) const;

  const Experiment& experiment_;
  Agents& agents_;
  RunDirectory& directory_;
  const Interrupt& interrupt_;
  ProgressView& progress_;
  const Margins margins_;
  const Steering& steering_;
  TrialWarnings warnings_;
  VariantSwitch& variants_;
  const Variant* failed_variant_ = nullptr;  // in block `failed_block_`
  std::uint64_t failed_block_ = 0;
  std::string switch_error_;  // why the variant of this round could not be made; "": it was

  // State of the present round:
  std::vector<std::unique_ptr<Attempt>> attempts_;
  std::unique_ptr<RoundBarrier> barrier_;
  std::unique_ptr<RoundCounters> counters_;
  std::vector<HostAgent*> listened_;
};

}  // namespace pingperf
