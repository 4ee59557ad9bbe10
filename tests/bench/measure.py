"""What every bench shares: servers under test, their cost read from /proc, interleaved rounds, reports.

Machines are shared and noisy, so a figure means something only beside another one of the same run:
rounds go A B A B ..., and what is reported is the median of the per-round ratios with its range.
CPU comes from the scheduler's own account (/proc/PID/task/*/schedstat, nanoseconds), memory is PSS.
"""

import contextlib
import json
import os
import pathlib
import re
import signal
import socket
import statistics
import subprocess
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]


_given_ports = set()


def free_port():
    """One that was never given to this process before: the system may choose the same twice."""
    while True:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        if port not in _given_ports:
            _given_ports.add(port)
            return port


def wait_for_port(port, deadline_s=10.0):
    until = time.monotonic() + deadline_s
    while True:
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=1):
                return
        except OSError:
            if time.monotonic() > until:
                raise RuntimeError(f"nothing listens on port {port}") from None
            time.sleep(0.002)


class Server:
    """A server process under test with all its children."""

    def __init__(self, name, command, port, version, env=None):
        self.name, self.port, self.version = name, port, version
        self.log = tempfile.TemporaryFile()
        self.process = subprocess.Popen(
            command, stdout=self.log, stderr=self.log, env={**os.environ, **(env or {})}
        )
        try:
            wait_for_port(port)
        except RuntimeError:
            self.log.seek(0)
            raise RuntimeError(f"{name} did not start: {self.log.read().decode()}") from None

    def pids(self):
        found, todo = [], [self.process.pid]
        while todo:
            pid = todo.pop()
            found.append(pid)
            for children in pathlib.Path(f"/proc/{pid}/task").glob("*/children"):
                todo += [int(child) for child in children.read_text().split()]
        return found

    def cpu_ns(self):
        total = 0
        for pid in self.pids():
            for stat in pathlib.Path(f"/proc/{pid}/task").glob("*/schedstat"):
                with contextlib.suppress(FileNotFoundError):
                    total += int(stat.read_text().split()[0])
        return total

    def pss_bytes(self):
        total = 0
        for pid in self.pids():
            text = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text()
            total += int(re.search(r"^Pss:\s+(\d+) kB", text, re.M).group(1)) * 1024
        return total

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def wrk(url, connections, seconds, threads=1):
    """Runs wrk and returns what it saw; latencies in milliseconds."""
    command = ["wrk", f"-t{threads}", f"-c{connections}", f"-d{seconds}s", "--latency", url]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    if re.search(r"Non-2xx|Socket errors", text):
        raise RuntimeError("wrk saw failures:\n" + text)
    unit = {"us": 0.001, "ms": 1.0, "s": 1000.0}

    def percentile(mark):
        value, suffix = re.search(rf"{mark}%\s+([\d.]+)(us|ms|s)", text).groups()
        return float(value) * unit[suffix]

    return {
        "requests": int(re.search(r"(\d+) requests in", text).group(1)),
        "per_second": float(re.search(r"Requests/sec:\s+([\d.]+)", text).group(1)),
        "p50_ms": percentile(50),
        "p99_ms": percentile(99),
    }


def ratios(rounds, ours, theirs, figure):
    """Median, least and greatest of ours/theirs over the rounds."""
    each = [r[ours][figure] / r[theirs][figure] for r in rounds if r[theirs][figure]]
    return {"median": statistics.median(each), "min": min(each), "max": max(each)}


def median_of(rounds, name, figure):
    return statistics.median(r[name][figure] for r in rounds)


def show(title, header, rows):
    print(f"\n{title}")
    table = [header] + rows
    widths = [max(len(str(row[i])) for row in table) for i in range(len(header))]
    for row in table:
        print("  " + "  ".join(str(cell).rjust(w) if i else str(cell).ljust(w)
                               for i, (cell, w) in enumerate(zip(row, widths))))


def machine():
    model = re.search(r"model name\s*:\s*(.*)", pathlib.Path("/proc/cpuinfo").read_text())
    return {"cores": os.cpu_count(), "cpu": model.group(1) if model else "?", "kernel": os.uname().release}


def write_json(path, document):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document, indent=2) + "\n")
    print(f"\nwritten: {path.relative_to(ROOT) if path.is_relative_to(ROOT) else path}")
