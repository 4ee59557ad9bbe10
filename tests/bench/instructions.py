#!/usr/bin/env python3
"""What one unit of work takes in user mode: instructions and allocations, and whose they are.

    tests/bench/instructions.py [JOB ...] [--binary build/release/tocsin] [--top 14]

    plain     a fixed answer           batch    a notification of an NDJSON batch of 100
    logged    with request id and log  deliver  a notification, sent to an HTTP sink and settled
    ingest    a notification, output paused

Counted by callgrind, so the same on a busy machine; what the kernel does is not in it. 32 kept
connections send at once, 8 for batches. Needs valgrind, nginx, and the plugins.
"""

import argparse
import collections
import contextlib
import os
import pathlib
import re
import socket
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE / "http"), str(HERE / "deliver")]
import bench_deliver  # noqa: E402
import bench_http  # noqa: E402
import gateway_load  # noqa: E402
import measure  # noqa: E402

JOBS = ("plain", "logged", "ingest", "batch", "deliver")
ROOMS = {room.name for room in (measure.ROOT / "gateway").iterdir() if room.is_dir()}
ALLOCATING = {"malloc", "calloc", "realloc"}


class Profile:
    """The costs and calls of a callgrind file, by function."""

    def __init__(self, path):
        self.cost = collections.Counter()
        self.allocations = collections.Counter()
        self.names = {"fn": {}, "ob": {}}
        here = called = {"fn": "", "ob": ""}
        skip = False
        for line in path.read_text().splitlines():
            if match := re.match(r"(c?)(fn|ob)=\((\d+)\)(?: (.*))?$", line):
                called_one, kind, number, name = match.groups()
                known = self.names[kind].setdefault(number, name)
                if called_one:
                    called = {**called, kind: known}
                else:
                    here = {**here, kind: known}
                    called = dict(here)
            elif line.startswith("calls="):
                if called["fn"] in ALLOCATING:
                    self.allocations[self.owner(here)] += int(line[6:].split()[0])
                called = dict(here)
                skip = True  # the next line is what the callee cost
            elif re.match(r"[+*\d-]", line):
                if not skip:
                    self.cost[self.owner(here)] += int(line.split()[1])
                skip = False

    @staticmethod
    def owner(place):
        """A room of the gateway, or a library."""
        library = pathlib.Path(place["ob"] or "")
        space = re.search(r"tocsin::(\w+)::", place["fn"] or "")
        if library.name == "tocsin":
            return space.group(1) if space and space.group(1) in ROOMS else "base"
        if "plugins" in library.parts:
            return space.group(1) if space else "plugins"
        return re.sub(r"\.so.*", "", library.name) or "?"


def under_callgrind(binary, folder):
    """A program that is `binary` under callgrind, which counts once it is told to."""
    out, script = folder / "callgrind.out", folder / "counted"
    script.write_text(f"""\
#!/bin/sh
test "$1" = version && exec {binary} version
exec valgrind --quiet --tool=callgrind --instr-atstart=no --callgrind-out-file={out} {binary} "$@"
""")
    script.chmod(0o755)
    return script, out


def requests_of(job):
    if job in ("plain", "logged"):
        return b"GET / HTTP/1.1\r\nHost: 127.0.0.1:12345\r\n\r\n"
    line = gateway_load.BODY.replace("STAMP_STAMP_STAMP_20", "batch") + "\n"
    body = line * 100 if job == "batch" else gateway_load.BODY
    path, kind = ("/batch", "x-ndjson") if job == "batch" else ("", "json")
    return (f"POST /v1/notifications{path} HTTP/1.1\r\nHost: bench\r\nContent-Type: application/{kind}\r\n"
            f"Content-Length: {len(body)}\r\n\r\n{body}").encode()


def read_answer(client):
    answer = b""
    while b"\r\n\r\n" not in answer:
        answer += client.recv(65536)
    head, _, body = answer.partition(b"\r\n\r\n")
    left = int(re.search(rb"content-length: (\d+)", head, re.I).group(1)) - len(body)
    while left > 0:
        left -= len(client.recv(65536))
    if not re.match(rb"HTTP/1.1 20[02] ", head):
        raise RuntimeError(head.decode())


def ask(clients, request, rounds):
    for _ in range(rounds):
        for client in clients:
            client.sendall(request)
        for client in clients:
            read_answer(client)
    return rounds * len(clients)


def start(job, script, folder, stack):
    """The gateway for that job, and the port it takes requests on."""
    if job in ("plain", "logged"):
        config, ports = bench_http.tocsin_config(folder, 1)
        server = measure.Server("tocsin", [script, "run", "-c", str(config)], ports["bare"], "")
        measure.wait_for_port(port := ports["bare" if job == "plain" else "logged"])
    else:
        output = gateway_load.HELD
        if job == "deliver":
            folder.chmod(0o755)
            sink = bench_deliver.nginx_sink(folder)
            stack.callback(sink.stop)
            output = bench_deliver.webhook(sink.port)
        server = gateway_load.gateway(script, folder, "store", output)
        port = server.port
    stack.callback(server.stop)
    return server, port


def settle(server, job, expected):
    while job == "deliver" and gateway_load.metrics(server)[bench_deliver.DELIVERED] < expected:
        time.sleep(0.2)


def count(job, binary):
    with tempfile.TemporaryDirectory(prefix="tocsin-bench-") as name, contextlib.ExitStack() as stack:
        folder = pathlib.Path(name)
        script, out = under_callgrind(binary, folder)
        server, port = start(job, script, folder, stack)
        many = 8 if job == "batch" else 32
        clients = [socket.create_connection(("127.0.0.1", port)) for _ in range(many)]
        request, units = requests_of(job), 100 if job == "batch" else 1

        def control(*what):
            subprocess.run(["callgrind_control", *what, str(server.process.pid)], check=True,
                           capture_output=True)
        warm = ask(clients, request, 3 if job == "batch" else 20)
        settle(server, job, warm)
        control("-i", "on")
        asked = ask(clients, request, 3 if job == "batch" else 60)
        settle(server, job, warm + asked)
        control("-i", "off")
        control("-d")
        for client in clients:
            client.close()
        return Profile(out.with_name(out.name + ".1")), asked * units


def main():
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("jobs", nargs="*", choices=[*JOBS, []], default=[])
    options.add_argument("--binary", default=str(measure.ROOT / "build/release/tocsin"))
    options.add_argument("--top", type=int, default=14)
    arguments = options.parse_args()
    measure.wait_for_port.__defaults__ = (60.0,)  # valgrind starts slowly
    for job in arguments.jobs or JOBS:
        profile, units = count(job, os.path.abspath(arguments.binary))
        rows = [[owner, f"{cost / units:.0f}", f"{profile.allocations[owner] / units:.2f}"]
                for owner, cost in profile.cost.most_common(arguments.top)]
        rows.append(["all", f"{sum(profile.cost.values()) / units:.0f}",
                     f"{sum(profile.allocations.values()) / units:.2f}"])
        measure.show(f"{job}: in user mode for each of {units}", ["whose", "instructions", "mallocs"], rows)


if __name__ == "__main__":
    main()
