#!/usr/bin/env python3
"""Seed loads: so many notifications over HTTP to a provider with bad manners, and what became of each.

    tests/bench/seed/bench_seed.py [--sizes 10000,30000,50000] [--binary build/release/tocsin]

    refusals   one in twenty requests fails before the provider took the message: 503, reset, closed.
               Nothing may be lost, doubled, or answered with an error
    crashes    requests also fail after the provider took it (hang, reset), and the gateway is killed every
               few seconds while clients send. Nothing may be lost; what comes twice has one delivery id

Prints a table and writes build/bench/seed.json; exits 1 if a promise was broken. One gateway with one
worker, synchronous=FULL, its clients and the provider (Python) share the machine. Needs
ninja -C build/release tocsin post_load and the plugins.
"""

import argparse
import contextlib
import json
import pathlib
import re
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "e2e"))
import gateway_load  # noqa: E402
import measure  # noqa: E402
from gateway_process import Gateway  # noqa: E402
from load import Load  # noqa: E402
from notifications import dead_letters, settings, webhook  # noqa: E402
from sink import Sink  # noqa: E402

BEFORE = {"status 503": 0.03, "reset": 0.01, "close": 0.01}
AFTER = {**BEFORE, "ok-hang": 0.001, "ok-reset": 0.01, "ok-close": 0.01}
RETRY = {"max_attempts": 10, "initial": "50ms", "max": "1s", "jitter": "full"}
REFERENCE_MEAN_MS = 39  # of the system it replaces, for the whole chain
LIFE_SECONDS = 3


def peak_bytes(pid):
    return int(re.search(r"VmHWM:\s+(\d+) kB", pathlib.Path(f"/proc/{pid}/status").read_text()).group(1)) * 1024


def numbered_body(folder):
    path = folder / "numbered"
    path.write_text(gateway_load.BODY.replace("STAMP_STAMP_STAMP_20", "seed-NUMBER_NUMBER_NO__20"))
    return path


def wait_for(provider, count, **expected):
    """The provider's report once it took all, or nothing came for ten seconds."""
    last, since = -1, time.monotonic()
    while True:
        report = provider.report("hook", **expected)
        if report["accepted"] != last:
            last, since = report["accepted"], time.monotonic()
        if report["accepted"] >= count or time.monotonic() - since > 10:
            return report
        time.sleep(0.2)


def run_refusals(binary, folder, count, connections):
    with contextlib.ExitStack() as stack:
        provider = Sink(folder, record=False)
        stack.callback(provider.stop)
        provider.plan("hook", mix=BEFORE, seed=count)
        output = json.dumps(webhook(provider, concurrency=64, retry=RETRY))
        server = gateway_load.gateway(binary, folder, f"seed-{count}", output)
        stack.callback(server.stop)
        begun = time.monotonic()
        seen = gateway_load.post(server, numbered_body(folder), connections, 600, "--count", str(count))
        report = wait_for(provider, count, seed=count)
        return {"count": count, **seen, "seconds": time.monotonic() - begun, "peak": peak_bytes(server.process.pid),
                "lost": report["series"]["seed"]["missing"], "duplicates": report["duplicates"],
                "requests_out": report["requests"]}


def run_crashes(folder, count):
    """Every client keeps each notification until a 202 names it."""
    with contextlib.ExitStack() as stack:
        provider = Sink(folder, record=False)
        stack.callback(provider.stop)
        provider.plan("hook", mix=AFTER, seed=count)
        out = webhook(provider, concurrency=64, timeout="1s", retry=RETRY)
        config = settings(folder, {"hook": out})
        config["listeners"]["public"]["address"] = "127.0.0.1:0"
        config["admin"] = {"address": "127.0.0.1:0"}
        load, kills = Load(clients=8), 0
        stack.callback(load.end)
        while True:
            (folder / f"life-{kills}").mkdir()
            gateway = Gateway(config, folder / f"life-{kills}").wait_until_ready()
            load.to(gateway)
            deadline = time.monotonic() + LIFE_SECONDS
            while time.monotonic() < deadline and load.count() < count:
                time.sleep(0.05)
            if load.count() >= count:
                break
            load.to(None)
            gateway.kill()
            kills += 1
        load.end()
        stack.callback(gateway.stop)
        report = wait_for(provider, load.count())
        dead = len(dead_letters(gateway))
        return {"count": load.count(), "kills": kills, "lost": load.count() - report["accepted"] - dead,
                "dead": dead, "repeats": report["duplicates"], "requests_out": report["requests"]}


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--sizes", default="10000,30000,50000")
    parser.add_argument("--connections", type=int, default=32)
    parser.add_argument("--binary", default=measure.ROOT / "build/release/tocsin")
    arguments = parser.parse_args()
    sizes = [int(size) for size in arguments.sizes.split(",")]
    refusals, crashes = [], []
    for size in sizes:
        with tempfile.TemporaryDirectory() as folder:
            refusals.append(run_refusals(arguments.binary, pathlib.Path(folder), size, arguments.connections))
        with tempfile.TemporaryDirectory() as folder:
            crashes.append(run_crashes(pathlib.Path(folder), size))
    measure.show(f"5% refused before acceptance, {arguments.connections} connections "
                 f"(reference: {REFERENCE_MEAN_MS} ms mean)",
                 ["notifications", "mean ms", "p95 ms", "CPU us", "settled/s", "peak MiB", "lost", "duplicates"],
                 [[r["count"], f"{r['mean_ms']:.2f}", f"{r['p95_ms']:.2f}", f"{r['cpu_us']:.1f}",
                   f"{r['count'] / r['seconds']:.0f}", f"{r['peak'] / 2**20:.1f}", r["lost"], r["duplicates"]]
                  for r in refusals])
    measure.show(f"failures after acceptance too, kill -9 every {LIFE_SECONDS} s",
                 ["notifications", "kills", "lost", "dead letters", "repeats with one id"],
                 [[r["count"], r["kills"], r["lost"], r["dead"], r["repeats"]] for r in crashes])
    measure.write_json(measure.ROOT / "build/bench/seed.json",
                       {"machine": measure.machine(), "refusals": refusals, "crashes": crashes})
    kept = all(r["lost"] == 0 and r["duplicates"] == 0 for r in refusals) and all(r["lost"] == 0 for r in crashes)
    sys.exit(0 if kept else 1)


if __name__ == "__main__":
    main()
