"""Drives a headless Chromium over a pipe, by its DevTools protocol: opens files, reports what went
wrong, evaluates JavaScript and takes pictures."""

import base64
import fcntl
import json
import os
import select
import shutil
import subprocess
import tempfile
import time

PATH = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


def high_pipe():
    """Returns a pipe whose ends are neither 3 nor 4: Chromium expects its own ends there."""
    low = os.pipe()
    high = [fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, 10) for end in low]
    for end in low:
        os.close(end)
    return high


class Chromium:
    """One page at a time. Use it in a `with` statement. `problems` are the console errors and
    exceptions of the page, and `requests` the addresses that it has requested."""

    def __init__(self, **how):
        self.buffer, self.last_id = b"", 0
        self.session = self.context = None
        self.profile = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        read_end, self.out = high_pipe()
        self.into, write_end = high_pipe()
        self.process = subprocess.Popen(
            ["bash", "-c", f'exec "$@" 3<&{read_end} 4>&{write_end}', "bash", PATH, "--headless=new", "--no-sandbox",
             "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--remote-debugging-pipe",
             f"--user-data-dir={self.profile.name}", "about:blank"],
            pass_fds=(read_end, write_end), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        os.close(read_end)
        os.close(write_end)
        self.new_page(**how)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.returncode is not None:
            return
        self.process.kill()
        self.process.wait()
        os.close(self.out)
        os.close(self.into)
        self.profile.cleanup()

    def new_page(self, width=1200, height=900, dark=False, scale=1):
        """Replaces the page by an empty one, which shares no storage with the page before."""
        self.session = None
        if self.context:
            self.call("Target.disposeBrowserContext", browserContextId=self.context)
        self.context = self.call("Target.createBrowserContext")["browserContextId"]
        target = self.call("Target.createTarget", url="about:blank", browserContextId=self.context)["targetId"]
        self.problems, self.requests, self.events = [], [], []
        self.session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(domain + ".enable")
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=scale,
                  mobile=width < 600)
        self.theme(dark)

    def theme(self, dark):
        value = "dark" if dark else "light"
        self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": value}])

    def open(self, file):
        self.events.clear()
        self.call("Page.navigate", url=f"file://{file}")
        self.wait_for("Page.loadEventFired")

    def evaluate(self, expression):
        """Returns the value of a JavaScript expression, which must be JSON."""
        done = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in done:
            raise AssertionError(done["exceptionDetails"])
        return done["result"].get("value")

    def picture(self, file, whole_page=True, clip=None):
        more = {"clip": {**clip, "scale": 1}} if clip else {}
        png = self.call("Page.captureScreenshot", captureBeyondViewport=whole_page, **more)["data"]
        with open(file, "wb") as out:
            out.write(base64.b64decode(png))

    def call(self, method, **parameters):
        self.last_id += 1
        message = {"id": self.last_id, "method": method, "params": parameters}
        if self.session:
            message["sessionId"] = self.session
        os.write(self.out, json.dumps(message).encode() + b"\0")
        while True:
            answer = self.receive()
            if answer.get("id") == self.last_id:
                if "error" in answer:
                    raise AssertionError(f"{method}: {answer['error']}")
                return answer["result"]

    def wait_for(self, event):
        while event not in self.events:
            self.receive()

    def receive(self, seconds=60):
        end = time.monotonic() + seconds
        while b"\0" not in self.buffer:
            if not select.select([self.into], [], [], max(0, end - time.monotonic()))[0]:
                raise AssertionError("Chromium does not answer")
            received = os.read(self.into, 1 << 20)
            if not received:
                raise AssertionError("Chromium ended")
            self.buffer += received
        message, _, self.buffer = self.buffer.partition(b"\0")
        message = json.loads(message)
        if message.get("sessionId") == self.session:  # else: of a closed page
            self.note(message.get("method"), message.get("params", {}))
        return message

    def note(self, method, parameters):
        if method:
            self.events.append(method)
        if method == "Runtime.exceptionThrown":
            self.problems.append(parameters["exceptionDetails"])
        elif method == "Runtime.consoleAPICalled" and parameters["type"] in ("error", "warning", "assert"):
            self.problems.append(parameters["args"])
        elif method == "Log.entryAdded" and parameters["entry"]["level"] in ("error", "warning"):
            self.problems.append(parameters["entry"]["text"])
        elif method == "Network.requestWillBeSent":
            self.requests.append(parameters["request"]["url"])
