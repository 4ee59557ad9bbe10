"""One gateway as a child process: started from a configuration, found by its log, ended by its pid."""

import http.client
import json
import os
import re
import resource
import signal
import subprocess
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / os.environ.get("TOCSIN_BUILD", "build/release")
BINARY = BUILD / "tocsin"

# No test waits this long unless something is broken; slow machines and sanitizers fit well inside.
PATIENCE_SECONDS = 30

_METRIC = re.compile(r"^(?P<name>[a-zA-Z_:][\w:]*)(?:\{(?P<labels>.*)\})? (?P<value>\S+)$")
_LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')


def as_yaml(settings):
    """JSON is YAML, but for the length of a line: a text breaks where it breaks anyway."""
    text = json.dumps(settings, indent=1, ensure_ascii=False)
    assert r"\\n" not in text
    return text.replace(r"\n", "\\n\\\n")


def eventually(probe, wanted, what="the value"):
    """Asks probe() until its answer satisfies wanted (a value or a predicate); returns that answer. Gives up
    on an answer that has not changed for PATIENCE_SECONDS, and on any after four times that."""
    matches = wanted if callable(wanted) else lambda answer: answer == wanted
    last, changed = None, time.monotonic()
    end = changed + 4 * PATIENCE_SECONDS
    while True:
        answer = probe()
        if matches(answer):
            return answer
        now = time.monotonic()
        if answer != last:
            last, changed = answer, now
        assert now < min(end, changed + PATIENCE_SECONDS), f"{what} stayed at {answer!r}"
        time.sleep(0.005)


def parse_metrics(text):
    """{(name, frozenset of (label, value)): number} of a page in the text format."""
    samples = {}
    for line in text.splitlines():
        if line.startswith("#"):
            continue
        match = _METRIC.match(line)
        assert match, f"not a sample: {line!r}"
        labels = frozenset(_LABEL.findall(match["labels"] or ""))
        assert (match["name"], labels) not in samples, f"twice on the page: {line!r}"
        samples[match["name"], labels] = float(match["value"])
    return samples


class Gateway:
    """A running gateway. `settings` is the configuration as Python values, `environment` what it finds
    beside ours, `binary` another path of the binary."""

    def __init__(self, settings, folder, descriptors=None, environment=None, binary=BINARY):
        self.config_path = folder / "tocsin.yaml"
        self.config_path.write_text(as_yaml(settings))
        self.stdout_path = folder / "stdout"
        self._lines = []
        self._changed = threading.Condition()
        self._ended = False
        self._killed = False
        self.failure = None
        self.expected_errors = set()  # messages of errors that it may log
        self.expects_text = False  # something else than its log is written to standard error
        with open(self.stdout_path, "wb") as stdout:
            self.process = subprocess.Popen(
                [binary, "run", "-c", self.config_path], stdin=subprocess.DEVNULL, stdout=stdout,
                stderr=subprocess.PIPE, env={**os.environ, **(environment or {})},
                preexec_fn=lambda: _limit_descriptors(descriptors))
        self._reader = threading.Thread(target=self._read_log, daemon=True)
        self._reader.start()

    # --- its log -----------------------------------------------------------------------------------

    def _read_log(self):
        for raw in self.process.stderr:
            with self._changed:
                self._lines.append(raw.decode(errors="backslashreplace").rstrip("\n"))
                self._changed.notify_all()
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def log(self):
        """What it logged so far, as dictionaries; a line that is no JSON (a sanitizer's) as None."""
        with self._changed:
            return [_parse_line(line) for line in self._lines]

    def wait_for_log(self, message):
        """The first line with that message, once it is there."""
        def found():
            return next((entry for entry in self.log() if entry and entry["message"] == message), None)
        with self._changed:
            self._changed.wait_for(lambda: found() or self._ended, PATIENCE_SECONDS)
        entry = found()
        assert entry, f"never logged {message!r}; its log:\n" + "\n".join(self._lines)
        return entry

    def wait_for_text(self, words):
        """The first line that holds the words, whatever its format."""
        def found():
            return next((line for line in self._lines if words in line), None)
        with self._changed:
            self._changed.wait_for(lambda: found() or self._ended, PATIENCE_SECONDS)
            assert found(), f"never wrote {words!r}; its log:\n" + "\n".join(self._lines)
            return found()

    def wait_until_ready(self):
        self.wait_for_log("ready")
        return self

    # --- where it listens ----------------------------------------------------------------------------

    def address(self, listener="public"):
        entry = next(entry for entry in self.log()
                     if entry and entry["message"] == "listening" and entry["listener"] == listener)
        host, port = entry["address"].rsplit(":", 1)
        return host, int(port)

    def admin_address(self):
        host, port = self.wait_for_log("ready")["admin"].rsplit(":", 1)
        return host, int(port)

    def admin(self, path, method="GET"):
        """(status, headers, text) of one request to the admin address."""
        connection = http.client.HTTPConnection(*self.admin_address(), timeout=PATIENCE_SECONDS)
        try:
            connection.request(method, path)
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read().decode()
        finally:
            connection.close()

    def configure(self, settings):
        """Writes another configuration, which a reload will read."""
        self.config_path.write_text(as_yaml(settings))

    def reload(self):
        """(status, answer) of the admin call that lets it read its configuration again."""
        status, _, text = self.admin("/v1/reload", "POST")
        return status, json.loads(text)

    def reconfigure(self, settings):
        """Puts another configuration in place; the answer of the reload that must take it."""
        self.configure(settings)
        status, answer = self.reload()
        assert status == 200, answer
        return answer

    def metrics(self):
        status, _, text = self.admin("/metrics")
        assert status == 200
        return parse_metrics(text)

    def metric(self, name, **labels):
        return self.metrics()[name, frozenset(labels.items())]

    def open_connections(self, listener="public"):
        return self.metric("tocsin_http_connections", listener=listener)

    def descriptors(self):
        """How many it has open, as the kernel counts."""
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def open_files(self):
        """The paths of what it has open."""
        paths = set()
        for number in os.listdir(f"/proc/{self.process.pid}/fd"):
            try:
                paths.add(os.readlink(f"/proc/{self.process.pid}/fd/{number}"))
            except FileNotFoundError:
                pass  # closed since
        return paths

    def resident_bytes(self):
        """What of its memory is in RAM."""
        status = Path(f"/proc/{self.process.pid}/status").read_text(encoding="ascii")
        return int(re.search(r"^VmRSS:\s+(\d+) kB$", status, re.MULTILINE)[1]) * 1024

    # --- its end -------------------------------------------------------------------------------------

    def signal(self, number):
        self.process.send_signal(number)

    def wait(self):
        """Its exit code, after its log was read to the end."""
        code = self.process.wait(PATIENCE_SECONDS)
        self._reader.join(PATIENCE_SECONDS)
        return code

    def kill(self):
        """Ends it as a crash does: stop() expects nothing of it then."""
        self.process.kill()
        self.wait()
        self._killed = True

    def stop(self):
        """Ends it the polite way; fails when it does not go, complains, or a sanitizer reports."""
        if self._killed:
            return
        if self.process.poll() is None:
            self.signal(signal.SIGTERM)
        try:
            code = self.wait()
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.wait()
            raise AssertionError("it did not end on SIGTERM; its log:\n" + "\n".join(self._lines)) from None
        strange = [line for line in self._lines if _parse_line(line) is None]
        assert self.expects_text or not strange, "it wrote more than log lines:\n" + "\n".join(self._lines)
        assert code == 0, f"it ended with {code}; its log:\n" + "\n".join(self._lines)
        bad = [entry for entry in filter(None, self.log())
               if entry["level"] in ("error", "critical") and entry["message"] not in self.expected_errors]
        assert not bad, f"it logged errors: {bad}"


def _limit_descriptors(most):
    if most is not None:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def _parse_line(line):
    try:
        entry = json.loads(line)
    except ValueError:
        return None
    return entry if isinstance(entry, dict) and "message" in entry else None
