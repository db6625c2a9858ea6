"""Checks the reports of a run that fails, and the files of a run that is interrupted.

Usage: failures_e2e.py PATH_OF_PINGPERF [unittest arguments]
"""

import ctypes
import errno
import os
import signal
import socket
import struct
import subprocess

import support
from support import NULL_TRIALS, eventually, is_measuring, pingperf, processes_of


LOAD, EQUAL, RESULT = 0x20, 0x15, 0x06  # BPF
ALLOW, REFUSE = 0x7fff0000, 0x00050000 | errno.EPERM


def refuse_calls(*numbers):
    """Makes these system calls fail with EPERM in this process and its children: seccomp(2)."""
    program = [(LOAD, 0, 0, 0)]
    for number in numbers:
        program += [(EQUAL, 0, 1, number), (RESULT, 0, 0, REFUSE)]
    attach([*program, (RESULT, 0, 0, ALLOW)])


def refuse_socket_option(option):
    """Makes setsockopt(2) of an option of SOL_SOCKET fail in the same way."""
    setsockopt, sol_socket = 54, 1
    level, name = 24, 32  # offsets of the second and third argument
    attach([(LOAD, 0, 0, 0), (EQUAL, 0, 5, setsockopt), (LOAD, 0, 0, level), (EQUAL, 0, 3, sol_socket),
            (LOAD, 0, 0, name), (EQUAL, 0, 1, option), (RESULT, 0, 0, REFUSE), (RESULT, 0, 0, ALLOW)])


def attach(program):
    filters = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *f) for f in program))
    header = struct.pack("@HP", len(program), ctypes.addressof(filters))
    set_seccomp, filter_mode, no_new_privileges = 22, 2, 38
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    if prctl(no_new_privileges, 1, 0, 0, 0) or prctl(set_seccomp, filter_mode, header):
        raise OSError(ctypes.get_errno(), "seccomp")


WITHOUT_PONG = """
name: ping
hosts: {server: {external: 127.0.0.1, port: 1}}
plan: {repetitions: 1, timeout: 60s}
workloads: {ping: {kind: latency, engine: blocking, transport: udp}}
"""


class Failures(support.EndToEnd):
    @classmethod
    def setUpClass(cls):
        """Starts the run of WITHOUT_PONG, which waits some seconds, beside the other tests."""
        super().setUpClass()
        file = cls.shared / "experiment.yaml"
        file.write_text(WITHOUT_PONG)
        cls.without_pong = subprocess.Popen([support.PINGPERF, "run", "-o", cls.shared / "results", file],
                                            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        cls.addClassCleanup(cls.without_pong.communicate)
        cls.addClassCleanup(cls.without_pong.kill)

    def test_a_port_that_an_iperf3_server_holds_is_busy_not_a_result(self):
        port = self.stock_iperf3_server()
        file = self.experiment(f"""
name: busy
plan: {{repetitions: 1}}
workloads:
  bulk: {{kind: throughput, port: {port}, matrix: {{engine: [iperf3, blocking]}}}}
""")
        done = pingperf("run", "-o", self.results, file)
        self.assertEqual(done.returncode, 3, done.stderr)
        trials = self.trials()
        self.assertEqual(set(trials.status), {"refused"})
        for error in trials.error:
            self.assertIn("port busy", error)
        self.assertTrue(trials.throughput_bps.isna().all())

    def test_a_missing_pong_is_a_failed_trial_that_says_so(self):
        file = self.experiment("""
name: ping
hosts: {server: {external: 127.0.0.1, port: 1}}
plan: {repetitions: 1}
workloads: {ping: {kind: latency, engine: blocking}}
""")
        done = pingperf("run", "-o", self.results, file)
        self.assertEqual(done.returncode, 3)
        self.assertIn("connect to 127.0.0.1:1: Connection refused", self.trials().iloc[0].error)

    def test_the_missing_pong_of_udp_is_reported_before_the_timeout(self):
        _, errors = self.without_pong.communicate(timeout=60)
        self.assertEqual(self.without_pong.returncode, 3, errors)
        trial = support.read_table(support.run_directory(self.shared / "results") / "trials.csv").iloc[0]
        self.assertEqual(trial.status, "failed")
        self.assertIn("connect to 127.0.0.1:1: Connection refused", trial.error)

    def test_engines_that_the_host_refuses_are_refused_rows_and_the_run_goes_on(self):
        file = self.experiment("""
name: filtered
plan: {repetitions: 1}
defaults: {kind: latency, duration: 50ms, warmup: 0ms}
workloads:
  rtt: {matrix: {engine: [blocking, epoll, io_uring]}}
""")
        io_uring_setup, epoll_pwait2 = 425, 441
        done = pingperf("run", "-o", self.results, file,
                        preexec_fn=lambda: refuse_calls(io_uring_setup, epoll_pwait2))
        self.assertEqual(done.returncode, 3, done.stderr)
        trials = self.trials().set_index("engine")
        self.assertEqual(dict(trials.status),
                         {"blocking": "ok", "epoll": "refused", "io_uring": "refused"})
        for engine in ("epoll", "io_uring"):
            self.assertIn("Operation not permitted", trials.error[engine])

    def test_a_filter_of_single_calls_leaves_what_can_do_without_them(self):
        file = self.experiment("""
name: filtered
plan: {repetitions: 1, timeout: 20s}
defaults: {kind: throughput, duration: 50ms, warmup: 20ms}
workloads:
  standard: {engine: blocking}
  asked: {engine: blocking, receive_low_watermark: 1000}
  ring: {engine: io_uring}
  datagrams: {transport: udp, engine: blocking}
""")
        io_uring_enter, epoll_pwait2 = 426, 441

        def refuse():
            refuse_calls(io_uring_enter, epoll_pwait2)
            refuse_socket_option(socket.SO_RCVLOWAT)

        done = pingperf("run", "-o", self.results, file, preexec_fn=refuse)
        self.assertEqual(done.returncode, 3, done.stderr)
        trials = self.trials().set_index("workload")
        self.assertEqual(dict(trials.status), {"standard": "ok", "asked": "failed", "ring": "refused", "datagrams": "ok"}, done.stderr)
        self.assertIn("receive_low_watermark: Operation not permitted", trials.error["asked"])
        self.assertIn("io_uring is not available", trials.error["ring"])

    def marking(self):
        """Returns an experiment whose launcher, on line 3, leaves a file, and that file."""
        mark = self.folder / "launched"
        return self.experiment(f"""
name: launched
hosts: {{client: {{launch: [sh, -c, 'touch {mark}; exec "$@"', sh]}}}}
plan: {{repetitions: 1}}
workloads:
  nothing: {{kind: throughput, engine: noop, duration: 50ms, warmup: 0ms}}
"""), mark

    def test_commands_of_a_file_are_reported_and_can_be_refused(self):
        file, mark = self.marking()
        line = f"{file}:3:9: runs: sh -c 'touch {mark}; exec \"$@\"' sh "
        refused = pingperf("run", "--no-launch", "-o", self.results, file)
        self.assertEqual(refused.returncode, 2, refused.stderr)
        self.assertEqual(refused.stderr.count("\n"), 1, refused.stderr)
        self.assertTrue(refused.stderr.startswith(f"{file}:3:9: --no-launch: "), refused.stderr)
        checked = pingperf("check", file)
        self.assertIn(line.replace("runs", "would run"), checked.stdout)
        self.assertFalse(mark.exists())
        self.assertFalse(self.results.exists())
        done = self.run_ok(file)
        self.assertEqual(done.stderr.count(line), 1, done.stderr)
        self.assertTrue(mark.exists())
        resumed = pingperf("run", "--no-launch", "--resume", self.run_directory())
        self.assertEqual(resumed.returncode, 2, resumed.stderr)
        self.assertIn("--no-launch", resumed.stderr)

    def test_the_doctor_reports_and_can_refuse_commands_of_a_file(self):
        file, mark = self.marking()
        refused = pingperf("doctor", "--no-launch", file)
        self.assertEqual(refused.returncode, 2)
        self.assertIn(f"{file}:3:9: --no-launch: ", refused.stderr)
        self.assertFalse(mark.exists())
        done = pingperf("doctor", file)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn(f"{file}:3:9: runs: sh -c 'touch ", done.stderr)
        self.assertTrue(mark.exists())

    def test_exit_statuses_count_where_sigchld_is_ignored(self):
        file = self.experiment("""
name: options
plan: {repetitions: 1}
workloads: {bulk: {kind: throughput, engine: iperf3, iperf3_options: --nonsense}}
""")
        done = pingperf("check", file, preexec_fn=lambda: signal.signal(signal.SIGCHLD, signal.SIG_IGN))
        self.assertEqual(done.returncode, 2, done.stdout)

    def killed_after(self, lines):
        """Returns a shell command that runs "$@", and kills it after it has printed so many lines."""
        pid = self.folder / "agent"
        return f"""sh -c 'echo $$ >{pid}; exec "$@"' sh "$@" | (sed -u {lines}q; kill -9 $(cat {pid}))"""

    def test_a_launcher_of_several_lines_makes_rows_of_one(self):
        file = self.experiment(f"""
name: lines
hosts:
  client:
    launch:
      - sh
      - -c
      - |
        {self.killed_after(2)}
        exit 7
      - sh
plan: {{repetitions: 2, cooldown: 0ms}}
workloads: {{nothing: {{kind: throughput, engine: noop, duration: 1ms, warmup: 0ms}}}}
""")
        done = pingperf("run", "-o", self.results, file)
        self.assertEqual(done.returncode, 3, done.stderr)
        self.assertEqual(set(self.trials().status), {"failed"})
        self.assertIn("\\x0a", self.trials().error[0])
        self.assertEqual(len((self.run_directory() / "trials.csv").read_text().splitlines()), 3)

    def test_an_agent_whose_address_was_resolved_is_started_again(self):
        file = self.experiment(f"""
name: again
hosts:
  server:
    address: localhost
    launch:
      - sh
      - -c
      - |
        test -e {self.folder}/agent && exec "$@"
        {self.killed_after(3)}
      - sh
plan: {{repetitions: 3, cooldown: 0ms}}
workloads: {{bulk: {{kind: throughput, engine: blocking, duration: 10ms, warmup: 0ms}}}}
""")
        done = pingperf("run", "-o", self.results, file)
        self.assertEqual(done.returncode, 3, done.stdout + done.stderr)
        self.assertEqual(list(self.trials().status)[::2], ["failed", "ok"])

    def test_an_experiment_of_this_machine_has_no_commands_to_report_or_refuse(self):
        done = self.run_ok("--no-launch", self.experiment(NULL_TRIALS),
                           "--set", "plan.repetitions=1")
        self.assertNotIn("runs:", done.stderr)

    def test_a_trial_that_hangs_is_a_timeout_and_the_run_goes_on(self):
        file = self.experiment("""
name: hang
plan: {repetitions: 1, order: sequential, timeout: 2s}
workloads:
  hangs: {kind: throughput, engine: blocking, messages: 1000000000000, rate: 1mbit}
  works: {kind: throughput, engine: blocking, duration: 100ms, warmup: 0ms}
""")
        done = pingperf("run", "-o", self.results, file)
        self.assertEqual(done.returncode, 3, done.stderr)
        self.assertEqual(list(self.trials().status), ["timeout", "ok"])

    def test_bad_input_is_one_line_exit_2_and_leaves_nothing(self):
        file = self.experiment("name: x\nworkloads:\n  a: {kind: throughput, engine: blokcing}\n")
        done = pingperf("run", "-o", self.results, file)
        self.assertEqual(done.returncode, 2)
        self.assertEqual(len(done.stderr.strip().splitlines()), 1, done.stderr)
        self.assertIn(f"{file}:3:", done.stderr)
        self.assertIn("did you mean 'blocking'", done.stderr)
        self.assertFalse(self.results.exists())

    def test_wrong_usage_is_exit_2(self):
        for arguments in ([], ["run"], ["rnu"], ["run", "no-such-file.yaml"], ["run", "--bogus"],
                          ["run", "--resume", "no-such-run"]):
            self.assertEqual(pingperf(*arguments, cwd=self.folder).returncode, 2, arguments)


class Interruption(support.EndToEnd):
    """A run survives Ctrl-C, kill -9 of the controller, and another controller."""

    def start_run(self, text=NULL_TRIALS, **options):
        return self.start("run", "-o", self.results, self.experiment(text), stderr=subprocess.PIPE,
                          start_new_session=True, **options)

    def rows(self):
        files = list(self.results.glob("*/[0-9]*/trials.csv"))
        return len(files[0].read_text().splitlines()) - 1 if files else 0

    def test_names_that_an_earlier_version_took_are_resumed_but_not_taken_anew(self):
        text = ("name: x\nhosts: {client: {name: NA}}\nvariants: {nan: {}}\nprograms: {None: {kind: latency, "
                "client: [a, '{port}'], server: [b]}}\nplan: {repetitions: 2}\nworkloads: {'null': {kind: "
                "throughput, engine: noop, duration: 1ms, warmup: 0s}}\n")
        refused = pingperf("check", self.experiment(text))
        self.assertEqual(refused.returncode, 2)
        self.assertEqual(refused.stderr.count("as a missing value"), 2, refused.stderr)
        new_names = text.replace("NA", "a").replace("nan", "v").replace("None", "p").replace("'null'", "w")
        done = pingperf("run", "-o", self.results, self.experiment(new_names.replace("2}", "1}")))
        self.assertEqual(done.returncode, 0, done.stderr)
        run = self.run_directory()
        (run / "experiment.yaml").write_text(text)
        rows = (run / "trials.csv").read_text()
        (run / "trials.csv").write_text(rows.replace("x,w,", "x,null,").replace("w/variant=v", "null/variant=nan"))
        resumed = pingperf("run", "--resume", run)
        self.assertEqual(resumed.returncode, 0, resumed.stderr)
        self.assertEqual((run / "trials.csv").read_text().count("null/variant=nan"), 2)
        report = pingperf("report", run)
        self.assertEqual((report.returncode, report.stderr), (0, ""))

    def resume_and_check(self, blocks):
        done = pingperf("run", "--resume", self.run_directory())
        self.assertEqual(done.returncode, 0, done.stderr)
        trials = self.trials()
        self.assertEqual(sorted(trials.block), list(range(1, blocks + 1)))
        self.assertEqual(set(trials.status), {"ok"})

    def test_kill_9_leaves_no_process_and_resume_completes_the_plan(self):
        run = self.start_run()
        self.assertTrue(eventually(lambda: self.rows() >= 3))
        run.kill()
        run.wait()
        self.assertTrue(eventually(lambda: not processes_of(run.pid), 1.0), processes_of(run.pid))
        self.assertGreaterEqual(len(self.trials()), 3)
        self.resume_and_check(8)

    def test_kill_9_in_the_middle_of_an_iperf3_trial(self):
        run = self.start_run("""
name: killed
plan: {repetitions: 2}
workloads:
  bulk: {kind: throughput, engine: iperf3, duration: 1s, warmup: 0ms}
""")
        self.assertTrue(eventually(lambda: self.rows() == 1 and is_measuring(processes_of(run.pid))))
        run.kill()
        run.wait()
        self.assertTrue(eventually(lambda: not processes_of(run.pid), 1.0), processes_of(run.pid))
        self.resume_and_check(2)

    def test_ctrl_c_while_an_agent_starts_ends_the_program_at_once(self):
        run = self.start_run("""
name: starting
hosts: {server: {launch: [sh, -c, exec sleep 1000]}}
workloads:
  bulk: {kind: throughput, engine: blocking}
""")
        self.assertTrue(eventually(lambda: len(processes_of(run.pid)) == 3))
        os.killpg(run.pid, signal.SIGINT)
        _, errors = run.communicate(timeout=9)  # less than the time limit of the agent's hello
        self.assertEqual(run.returncode, 130, errors)
        self.assertTrue(eventually(lambda: not processes_of(run.pid), 1.0))

    def test_ctrl_c_keeps_the_rows_and_says_how_to_go_on(self):
        run = self.start_run("""
name: many
plan: {repetitions: 8, cooldown: 0ms}
workloads:
  bulk: {kind: throughput, engine: blocking, duration: 400ms, warmup: 0ms}
""")
        self.assertTrue(eventually(lambda: self.rows() >= 3 and is_measuring(processes_of(run.pid))))
        os.killpg(run.pid, signal.SIGINT)  # to the whole group, as a terminal does
        _, errors = run.communicate(timeout=10)
        self.assertEqual(run.returncode, 130, errors)
        self.assertIn(f"--resume {self.run_directory()}", errors)
        self.assertIn("interrupted", set(self.trials().status))
        self.assertTrue(eventually(lambda: not processes_of(run.pid), 1.0))
        self.resume_and_check(8)

    def test_kill_9_in_a_search_and_resume_give_the_search_of_one_run(self):
        search = """
name: searched
plan: {repetitions: 3, cooldown: 0ms}
defaults: {engine: blocking, duration: 30ms, warmup: 0ms}
workloads:
  ping:
    kind: latency
    transport: udp
    search: {parameter: frequency, from: 100, to: 1kHz, keep: {rtt_p50_ns: 10s}}
  other: {kind: latency}
"""
        # A trial that gets no CPU has no answer in its window, which ends the search otherwise.
        priority = {"preexec_fn": support.take_priority}
        whole = pingperf("run", "-o", self.folder / "whole", self.experiment(search), **priority)
        self.assertEqual(whole.returncode, 0, whole.stderr)
        run = self.start_run(search, **priority)
        self.assertTrue(eventually(lambda: self.rows() >= 5))
        run.kill()
        run.wait()
        done = pingperf("run", "--resume", self.run_directory(), **priority)
        self.assertEqual(done.returncode, 0, done.stderr)
        trials, expected = self.trials(), support.read_table(
            support.run_directory(self.folder / "whole") / "trials.csv")
        for name in ("ping", "other"):
            of_case = trials[trials["case"] == name]
            self.assertEqual(list(of_case.block), list(range(1, len(of_case) + 1)))
        self.assertEqual((trials["case"] == "other").sum(), 3)
        # Every trial keeps the condition, so both runs try the same values.
        tried, planned = (list(table[table["case"] == "ping"].frequency_hz) for table in (trials, expected))
        self.assertEqual(tried, planned)
        self.assertEqual(tried[-1], 1000)
        result = support.read_table(self.run_directory() / "searches.csv").iloc[0]
        self.assertEqual((result.trials, result.ended_because), (len(tried), "to_kept"))
        self.assertIn("even 1 k/s keeps it", done.stdout)

    def start_sessions(self):
        """Starts a set of runs, and returns when the first is complete and the second one waits."""
        run = self.start("run", "-o", self.results, self.experiment(NULL_TRIALS), "--set", "plan.repetitions=1",
                         "--sessions", 3, "--pause", "1h", stderr=subprocess.PIPE, start_new_session=True)
        line = "it has not started"
        while line and "session 2 of 3" not in line:
            line = run.stderr.readline()
        self.assertIn("session 2 of 3 after a pause", line)
        return run

    def test_kill_9_in_the_pause_of_a_set_leaves_a_complete_run_and_no_process(self):
        run = self.start_sessions()
        self.assertEqual(processes_of(run.pid), [run.pid])  # no agent waits through the pause
        run.kill()
        run.wait()
        self.assertEqual(set(self.trials().status), {"ok"})
        self.resume_and_check(1)

    def test_ctrl_c_in_the_pause_of_a_set_ends_it_and_keeps_the_runs(self):
        run = self.start_sessions()
        os.killpg(run.pid, signal.SIGINT)
        _, errors = run.communicate(timeout=10)
        self.assertEqual(run.returncode, 130, errors)
        self.assertIn("Interrupted: 1 of 3 sessions are complete", errors)
        self.resume_and_check(1)

    def test_a_second_controller_on_the_same_run_is_refused(self):
        self.start_run(NULL_TRIALS.replace("repetitions: 8", "repetitions: 100"))  # longer than the second starts
        self.assertTrue(eventually(lambda: self.rows() >= 1))
        done = pingperf("run", "--resume", self.run_directory())
        self.assertEqual(done.returncode, 2)
        self.assertIn("another pingperf", done.stderr)

    def test_a_torn_last_row_is_run_again(self):
        self.run_ok(self.experiment(NULL_TRIALS), "--set", "plan.repetitions=3",
                    "--set", "workloads.nothing.duration=1ms")
        file = self.run_directory() / "trials.csv"
        file.write_bytes(file.read_bytes()[:-40])
        self.resume_and_check(3)


if __name__ == "__main__":
    support.main()
