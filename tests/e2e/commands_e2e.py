"""Runs the commands that need no experiment: ping, pong and sink.

Usage: commands_e2e.py PATH_OF_PINGPERF [unittest arguments]
"""

import json
import os
import signal
import socket

import support
from support import eventually, free_port, pingperf


class Commands(support.EndToEnd):
    def test_ping_reads_like_ping_and_pong_serves_one_after_another(self):
        port = free_port()
        pong, _ = self.serve("pong", port=port)
        to = f"127.0.0.1:{port}"
        # One client is killed while a second one waits for its turn. Then comes a client of v1.
        holder = self.start("ping", to, "--frequency", 20)
        self.assertIn("PING", holder.stdout.readline())
        self.assertIn("seq=0 time=", holder.stdout.readline())
        waiting = self.start("ping", to, "--count", 10, "--frequency", 0)
        waiting.stdout.readline()
        self.assertIn("waiting for the server", waiting.stdout.readline())
        holder.kill()
        out, _ = waiting.communicate(timeout=20)
        self.assertIn("10 sent, 10 received, 0 lost", out)
        self.assertIn("for the server's turn, which is in no round trip", out)
        self.assertEqual(waiting.returncode, 0)
        done = pingperf("ping", to, "--once", "--count", 3, "--frequency", 20)
        self.assertIn("3 sent, 3 received, 0 lost", done.stdout)
        self.assertRegex(done.stdout, r"rtt min/p50/max = ")
        done = pingperf("ping", to, "--once")
        self.assertRegex(done.stdout, r"1 sent, 1 received, 0 lost \(0%\), [1-9][0-9.]* (µs|ms|s)\n")
        # Ctrl-C on a client prints its summary and is no failure.
        client = self.start("ping", to)
        client.stdout.readline()
        client.stdout.readline()
        client.send_signal(signal.SIGINT)
        out, _ = client.communicate(timeout=10)
        self.assertEqual(client.returncode, 0)
        self.assertIn("ping statistics", out)
        pong.send_signal(signal.SIGINT)
        self.assertEqual(pong.wait(timeout=10), 0)

    def test_init_writes_experiments_that_check_and_overwrites_nothing(self):
        for starter in ("quickstart", "ci", "two-hosts", "program"):
            self.assertEqual(pingperf("init", starter, cwd=self.folder).returncode, 0)
            done = pingperf("check", f"{starter}.yaml", cwd=self.folder)
            self.assertEqual(done.returncode, 0, done.stderr)
            text = (self.folder / f"{starter}.yaml").read_text()
            self.assertTrue(text.startswith("# "))
            self.assertNotIn("yaml-language-server", text)
        (self.folder / "quickstart.yaml").write_text("mine\n")
        done = pingperf("init", cwd=self.folder)
        self.assertEqual(done.returncode, 2)
        self.assertIn("quickstart.yaml: exists already", done.stderr)
        self.assertEqual((self.folder / "quickstart.yaml").read_text(), "mine\n")

    def test_a_misspelt_command_gets_the_one_that_was_meant(self):
        done = pingperf("rnu", "x.yaml")
        self.assertEqual(done.returncode, 2)
        self.assertEqual(done.stderr, "pingperf: unknown command 'rnu', did you mean 'run'?\n")

    def test_a_wrong_command_line_is_one_line_with_the_command_and_the_remedy(self):
        for words, line in (
                (["x.yaml"], "pingperf: unknown command 'x.yaml': to run the experiment: pingperf run x.yaml"),
                (["run", "x.yaml", "--repetitions", "5"], r"pingperf run: unknown option '--repetitions'.*; a value of the experiment: --set plan\.repetitions=5"),
                (["run", "x.yaml", "--sesions=5"], "pingperf run: unknown option '--sesions', did you mean '--sessions'[?]"),
                (["ping", "-W", "1", "localhost"], "pingperf ping: unknown option '-W'; known: .*--count.*"),
                (["ping", "localhost", "5207"], "pingperf ping: unexpected argument '5207'"),
                (["compare", "a", "b", "c"], "pingperf compare: unexpected argument 'c': put a glob in quotes.*"),
                (["history", "show"], r"pingperf history show: RUN is required \(pingperf history show --help\)"),
                (["--verison"], "pingperf: unknown option '--verison', did you mean '--version'[?]"),
                (["history", "lst"], "pingperf history: unknown command 'lst', did you mean 'list'[?]"),
                (["history"], "pingperf history: A subcommand is required .*"),
                (["report", "--ouput", "x"], "pingperf report: unknown option '--ouput', did you mean '--output'[?]"),
                (["export", "r", "--format", "json"], r"pingperf export: --format: json not in .*markdown.*")):
            with self.subTest(words=words):
                done = pingperf(*words)
                self.assertEqual((done.returncode, done.stdout), (2, ""))
                self.assertRegex(done.stderr, f"^{line}\n$")

    def test_ping_takes_the_short_options_of_ping8_and_units(self):
        path = self.folder / "pong"
        self.start("pong", "--transport", "unix", "--bind", path)
        self.assertTrue(eventually(path.exists))
        done = pingperf("ping", path, "--transport", "unix", "-c", 3, "-i", "0.01", "-s", "1KiB", "--format", "json")
        self.assertEqual(done.returncode, 0, done.stderr)
        summary = json.loads(done.stdout)
        self.assertEqual((summary["sent"], summary["message_size_bytes"]), (3, 1024))
        self.assertGreater(summary["elapsed_s"], 0.015)
        done = pingperf("ping", path, "--transport", "unix", "-c", 3, "-i", "10ms", "--quiet")
        self.assertEqual(done.returncode, 0, done.stderr)
        for words, line in ((["-s", "1K"], "--size: '1K' is not a size of 1 to 65507 bytes, did you mean '1KiB'?"),
                            (["-s", "70000"], "--size: '70000' is not a size of 1 to 65507 bytes: write e.g. 64, 1400B or 1KiB"),
                            (["-i", "1e-9"], "--interval: '1e-9' is neither 0 nor a time of 1us to 24h: write e.g. 1, 0.2 or 10ms"),
                            (["-i", "nan"], "--interval: 'nan' is neither 0 nor .*"),
                            (["-i", "10 ms"], "--interval: '10 ms' is neither 0 nor .*, did you mean '10ms'?"),
                            (["-i", "0.0000001"], "--interval: '0.0000001' is neither 0 nor .*"),
                            (["-i", "2d"], "--interval: '2d' is neither 0 nor .*"),
                            (["--frequency", "5/s"], "--frequency: '5/s' is not a frequency of 0 to 1MHz.*")):
            with self.subTest(words=words):
                done = pingperf("ping", "localhost", *words)
                self.assertEqual(done.returncode, 2)
                self.assertRegex(done.stderr, f"^{line.replace('?', '[?]')}\n$")

    def test_ping_in_json(self):
        path = self.folder / "pong"
        self.start("pong", "--transport", "unix", "--bind", path)
        self.assertTrue(eventually(path.exists))
        to = ["ping", path, "--transport", "unix"]
        done = pingperf(*to, "--count", 20, "--frequency", 0, "--format", "json")
        self.assertEqual(done.returncode, 0, done.stderr)
        summary = json.loads(done.stdout)
        self.assertEqual((summary["sent"], summary["received"], summary["lost"]), (20, 20, 0))
        rtt = summary["rtt_ns"]
        self.assertTrue(0 < rtt["min"] <= rtt["p50"] <= rtt["p90"] <= rtt["max"])
        self.assertIsNone(rtt["p99"])  # twenty pings are too few
        quiet = pingperf(*to, "--count", 2, "--frequency", 20, "--quiet")
        self.assertEqual(len(quiet.stdout.splitlines()), 3, quiet.stdout)

    def test_ping_without_a_pong_fails_and_says_why(self):
        done = pingperf("ping", "127.0.0.1:1", "--count", 1)
        self.assertEqual(done.returncode, 3)
        self.assertIn("Connection refused", done.stderr)

    def test_ping_goes_on_while_the_server_is_away(self):
        port = free_port()
        pong, _ = self.serve("pong", port=port)
        client = self.start("ping", f"127.0.0.1:{port}", "--frequency", 10)
        client.stdout.readline()
        self.assertIn("seq=0 time=", client.stdout.readline())
        pong.kill()
        pong.wait()

        def line_with(text):
            for line in client.stdout:
                if text in line:
                    return line
            return ""

        self.assertTrue(line_with("Connection refused"))
        self.serve("pong", port=port)
        self.assertRegex(line_with("the pongs are back"), r"after \S+ \S+: \d+ lost")
        client.send_signal(signal.SIGINT)
        out, _ = client.communicate(timeout=10)
        self.assertEqual(client.returncode, 0)
        self.assertRegex(out, r"1 outage, \S+ \S+ in all")
        self.assertRegex(out, r"\d+ lost: connect to .*: Connection refused")

    def test_ctrl_c_ends_a_connect_that_nobody_answers(self):
        with socket.create_server(("127.0.0.1", 0), backlog=0) as full:
            port = full.getsockname()[1]
            queued = [socket.socket() for _ in range(4)]
            for one in queued:  # the kernel drops what exceeds the queue
                self.addCleanup(one.close)
                one.setblocking(False)
                one.connect_ex(("127.0.0.1", port))
            client = self.start("ping", f"127.0.0.1:{port}")
            client.stdout.readline()
            self.assertIn("Connection timed out", client.stdout.readline())
            client.send_signal(signal.SIGINT)
            out, _ = client.communicate(timeout=10)
        self.assertEqual(client.returncode, 3)
        self.assertRegex(out, r"\d+ sent, 0 received")

    def client(self, *own):
        client = socket.socket(type=socket.SOCK_DGRAM)
        self.addCleanup(client.close)
        client.settimeout(10)
        client.bind(own or ("127.0.0.1", 0))
        return client

    def assert_no_answer(self, client):
        """Call it after the answer to a later datagram, because the server answers in order."""
        client.setblocking(False)
        self.assertRaises(BlockingIOError, client.recv, 65536)

    def test_pongs_cannot_be_set_at_each_other(self):
        _, port = self.serve("pong", "--transport", "udp")
        sources = [("127.0.0.2", port)]
        if os.geteuid() == 0:
            sources.append(("127.0.0.2", 7))
        for source in sources:
            echo, client = self.client(*source), self.client()
            for one in (echo, client):
                one.sendto(b"ping", ("127.0.0.1", port))
            self.assertEqual(client.recv(100), b"ping")
            self.assert_no_answer(echo)

    def test_a_sink_cannot_be_set_at_what_echoes(self):
        _, port = self.serve("sink", "--transport", "udp")
        client = self.client()

        def send(datagram):
            client.sendto(datagram, ("127.0.0.1", port))

        hello = b"\xff" * 8 + os.urandom(16)
        send(hello)
        welcome = client.recv(65536)
        self.assertEqual(welcome[8:], hello[8:])
        send(welcome)
        send(hello + bytes(1000))
        send(hello)
        self.assertEqual(client.recv(65536), welcome)
        self.assert_no_answer(client)

    def test_a_sink_takes_one_client_after_the_other(self):
        port = free_port()
        sink, _ = self.serve("sink", port=port)
        for size in (1, 2, 3):
            with socket.create_connection(("127.0.0.1", port), timeout=10) as client:
                client.sendall(b"x" * size)
                client.shutdown(socket.SHUT_WR)
                client.recv(1)  # returns when the sink has closed
            self.assertIn(f": {size} B in ", sink.stdout.readline())


if __name__ == "__main__":
    support.main()
