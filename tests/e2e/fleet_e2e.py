"""Lists of hosts: every host is an agent of this machine with a loopback address of its own."""

import support

HOSTS = """
hosts:
  nodes: {{launch: [env, "NODE={{node}}"], names: "n[1-4]"}}
  addresses: "127.0.0.[1-4]"
  pattern: {}
plan: {{repetitions: 1, cooldown: 0ms}}
defaults: {{duration: 200ms, warmup: 0ms}}
"""


class Fleet(support.EndToEnd):
    def test_an_incast_has_a_row_per_end_and_one_of_the_sum(self):
        self.run_ok(self.experiment("name: incast" + HOSTS.format("{incast: {to: n2}}") + """
workloads: {bulk: {kind: throughput, engine: blocking, rate: 20mbit}}
gates: [{metric: throughput_bps, where: {pair: sum}, at_least: 1mbit}]
"""))
        trials = self.trials().set_index("pair")
        self.assertEqual(set(trials.index), {"n1-n2", "n3-n2", "n4-n2", "sum"})
        ends = trials.drop(index="sum")
        self.assertAlmostEqual(trials.throughput_bps["sum"], ends.throughput_bps.sum(), delta=1)
        self.assertGreater(trials.fairness_index["sum"], 0.3)
        summary = support.read_table(self.run_directory() / "summary.csv")
        self.assertIn("bulk/pair=sum", set(summary.case))

    def test_an_all_to_all_measures_disjoint_pairs_at_once(self):
        hosts = HOSTS.format("all_to_all").replace("plan:", "  at_once: 2\nplan:")
        self.run_ok(self.experiment("name: all" + hosts + """
workloads: {ping: {kind: latency, engine: blocking}}
"""))
        trials = self.trials()
        self.assertEqual(len(trials), 6)
        self.assertEqual(set(trials.status), {"ok"})
        for begin in range(0, 6, 2):  # the rounds
            ends = "-".join(trials.pair[begin:begin + 2]).split("-")
            self.assertEqual(len(set(ends)), 4, ends)


if __name__ == "__main__":
    support.main()
