"""Lists of hosts: every host is an agent of this machine with a loopback address of its own."""

import json

import network
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
        environment = json.loads((self.run_directory() / "environment.json").read_text())
        # Pairs 3 and 4 are missing: both of their hosts are in earlier pairs.
        self.assertEqual(set(environment["pairs"]), {"1", "2", "5", "6"})

    def test_an_all_to_all_of_1024_nodes_is_planned(self):
        file = self.experiment("""
name: thousand
hosts: {nodes: {srun: "node[0001-1024]"}, pattern: all_to_all, at_once: 512}
plan: {repetitions: 1}
workloads: {ping: {kind: latency, engine: blocking}}
""")
        checked = support.pingperf("check", file, cwd=self.folder).stdout.splitlines()
        self.assertIn("ok: 523776 cases, 523776 trials", checked[0])
        self.assertIn("(on 1024 nodes, first node0001)", checked[1])
        self.assertEqual(len(checked), 2)  # the hosts are alike
        plan = support.pingperf("plan", file, cwd=self.folder).stdout.splitlines()
        self.assertEqual(len(plan), 1 + 523776 + 1)

    def test_a_name_and_an_address_to_bind_to(self):
        self.run_ok(self.experiment("""
name: bind
hosts: {server: {address: localhost, bind: 0.0.0.0}}
plan: {repetitions: 1}
defaults: {duration: 100ms, warmup: 0ms, engine: blocking}
workloads: {ping: {kind: latency, matrix: {transport: [tcp, udp]}}, bulk: {kind: throughput}}
"""))
        self.assertEqual(set(self.trials().status), {"ok"})

    def test_an_unknown_name_is_one_line_before_the_first_trial(self):
        done = support.pingperf("run", self.experiment("""
name: unknown
hosts: {server: {address: no.such.host.invalid}}
workloads: {ping: {kind: latency, engine: blocking}}
"""), cwd=self.folder)
        self.assertEqual(done.returncode, 2)
        self.assertRegex(done.stderr, r":3:9: the host of the client \(.*\): cannot resolve 'no.such.host.invalid': ")


class Addresses(network.Network):
    """Two namespaces with a link whose names and scopes only they know."""

    def setUp(self):
        super().setUp()
        self.ends = ["left", "right"]
        for end in self.ends:
            network.command("ip", "netns", "add", end)
            self.addCleanup(network.command, "ip", "netns", "delete", end)
        network.command("ip", "-n", self.ends[0], "link", "add", "left0", "type", "veth", "peer", "name", "right0",
                        "netns", self.ends[1])
        for end, device, address in zip(self.ends, ("left0", "right0"), ("10.79.0.1/24", "10.79.0.2/24")):
            network.command("ip", "-n", end, "addr", "add", address, "dev", device)
            network.command("ip", "-n", end, "addr", "add", f"fe80::7{address[8]}/64", "dev", device, "nodad")
            network.command("ip", "-n", end, "link", "set", device, "up")

    def run_to(self, address, ip):
        self.run_ok(self.experiment(f"""
name: addresses
hosts:
  nodes: {{netns: [{self.ends[0]}, {self.ends[1]}]}}
  addresses: {address}
  pattern: pairs
plan: {{repetitions: 1}}
defaults: {{duration: 100ms, warmup: 0ms, engine: blocking, ip: {ip}}}
workloads: {{ping: {{kind: latency, matrix: {{transport: [tcp, udp, raw]}}}}, bulk: {{kind: throughput}}}}
"""))
        self.assertEqual(list(self.trials().status), ["ok"] * 4)

    def test_each_end_has_its_own_scope(self):
        self.run_to('["fe80::71%left0", "fe80::72%left0"]', 6)

    def test_the_address_of_an_interface(self):
        network.command("ip", "-n", self.ends[1], "link", "set", "right0", "down")
        network.command("ip", "-n", self.ends[1], "link", "set", "right0", "name", "left0", "up")
        self.run_to("{interface: left0}", 4)


if __name__ == "__main__":
    support.main()
