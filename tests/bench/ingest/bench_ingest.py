#!/usr/bin/env python3
"""Notifications in: the gateway beside the least that does the same durably, interleaved.

    tests/bench/ingest/bench_ingest.py [--rounds 5] [--seconds 4] [--binary build/release/tocsin]

    one by one   202 after the commit, synchronous=FULL, output paused; against minimal_ingest
    keyed        the same with an Idempotency-Key each; against the gateway without
    batches      NDJSON, 100 a request; against replay_commits with the run's mean batch

One worker each, loader and servers on one machine, each with a store of its own. Prints tables and
writes build/bench/ingest.json. Needs ninja -C build/release tocsin minimal_ingest replay_commits
post_load and the plugins.
"""

import argparse
import contextlib
import json
import pathlib
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
import gateway_load  # noqa: E402
import measure  # noqa: E402

FIGURES = ("cpu_us", "per_second", "p50_ms", "p99_ms")
BATCH = 100


def minimal(folder, name):
    port = measure.free_port()
    command = [gateway_load.PROGRAMS / "minimal_ingest", str(port), folder / f"{name}.db"]
    return measure.Server("minimal", command, port, "")


def one_by_one_row(binary, folder, connections, arguments):
    """Rounds of gateway, gateway with keys and minimal loop, each on a store of its own."""
    body = gateway_load.body_file(folder)
    with contextlib.ExitStack() as stack:
        def up(server):
            stack.callback(server.stop)
            return server
        tocsin = up(gateway_load.gateway(binary, folder, f"plain-{connections}", gateway_load.HELD))
        keyed = up(gateway_load.gateway(binary, folder, f"keyed-{connections}", gateway_load.HELD))
        reference = up(minimal(folder, f"minimal-{connections}"))

        def round_of(seconds):
            return {"tocsin": gateway_load.post(tocsin, body, connections, seconds),
                    "minimal": gateway_load.post(reference, body, connections, seconds),
                    "keyed": gateway_load.post(keyed, body, connections, seconds, "--keyed")}
        round_of(1)
        rounds = [round_of(arguments.seconds) for _ in range(arguments.rounds)]
        pss = {server.name: server.pss_bytes() for server in (tocsin, keyed, reference)}
    return {"connections": connections, "rounds": rounds, "pss": pss,
            "to_minimal": {f: measure.ratios(rounds, "tocsin", "minimal", f) for f in FIGURES},
            "keyed_to_plain": {f: measure.ratios(rounds, "keyed", "tocsin", f) for f in FIGURES}}


def show_one_by_one(report):
    for title, ours, theirs, key in (
            ("one by one, output paused: tocsin / minimal loop", "tocsin", "minimal", "to_minimal"),
            ("with Idempotency-Key: keyed / unkeyed", "keyed", "tocsin", "keyed_to_plain")):
        rows = []
        for row in report:
            def median(name, figure, rounds=row["rounds"]):
                return measure.median_of(rounds, name, figure)
            ratio = row[key]
            rows.append([f"{row['connections']} connections",
                         f"{median(ours, 'cpu_us'):.1f} / {median(theirs, 'cpu_us'):.1f}",
                         gateway_load.spread(ratio["cpu_us"]),
                         f"{median(ours, 'per_second'):.0f} / {median(theirs, 'per_second'):.0f}",
                         gateway_load.spread(ratio["per_second"]),
                         gateway_load.spread(ratio["p50_ms"]),
                         f"{median(ours, 'p99_ms'):.1f} / {median(theirs, 'p99_ms'):.1f}",
                         gateway_load.spread(ratio["p99_ms"])])
        measure.show(title, ["row", "CPU us", "ratio", "accepted/s", "ratio", "p50 ratio", "p99 ms",
                             "ratio"], rows)


def replay(folder, number, rows_per_commit, seconds):
    database = folder / f"replay-{number}.db"
    command = [gateway_load.PROGRAMS / "replay_commits", database, gateway_load.body_file(folder),
               f"{rows_per_commit:.2f}", str(seconds)]
    return json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def bench_batches(binary, folder, connections, arguments):
    tocsin = gateway_load.gateway(binary, folder, "batches", gateway_load.HELD)
    body = gateway_load.body_file(folder, BATCH)
    load = ("--path", "/v1/notifications/batch", "--type", "application/x-ndjson")
    rounds = []
    try:
        gateway_load.post(tocsin, body, connections, 1, *load)
        for number in range(arguments.rounds):
            before = gateway_load.metrics(tocsin)
            seen = gateway_load.post(tocsin, body, connections, arguments.seconds, *load)
            after = gateway_load.metrics(tocsin)
            commits = after["tocsin_outbox_commits_total"] - before["tocsin_outbox_commits_total"]
            seen["cpu_us"] /= BATCH
            seen["per_second"] *= BATCH
            seen["rows_per_commit"] = seen["requests"] * BATCH / commits
            bare = replay(folder, number, seen["rows_per_commit"], arguments.seconds)
            rounds.append({"tocsin": seen, "replay": bare})
    finally:
        tocsin.stop()
    report = {"connections": connections, "rounds": rounds}
    for figure in ("cpu_us", "per_second"):
        report[figure] = measure.ratios(rounds, "tocsin", "replay", figure)
    measure.show(
        f"NDJSON, {BATCH} a request, {connections} connections: tocsin / bare SQLite, same commits",
        ["row", "rows a commit", "CPU us", "accepted/s", "ratio"],
        [["batches", f"{measure.median_of(rounds, 'tocsin', 'rows_per_commit'):.0f}",
          f"{measure.median_of(rounds, 'tocsin', 'cpu_us'):.1f} / "
          f"{measure.median_of(rounds, 'replay', 'cpu_us'):.1f}",
          f"{measure.median_of(rounds, 'tocsin', 'per_second'):.0f} / "
          f"{measure.median_of(rounds, 'replay', 'per_second'):.0f}",
          gateway_load.spread(report["per_second"])]])
    return report


def main():
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--seconds", type=float, default=4)
    options.add_argument("--binary", default=str(measure.ROOT / "build/release/tocsin"))
    options.add_argument("--json", type=pathlib.Path, default=measure.ROOT / "build/bench/ingest.json")
    arguments = options.parse_args()
    with tempfile.TemporaryDirectory(prefix="tocsin-bench-") as name:
        folder = pathlib.Path(name)
        one_by_one = [one_by_one_row(arguments.binary, folder, connections, arguments)
                      for connections in (32, 256)]
        show_one_by_one(one_by_one)
        document = {"machine": measure.machine(), "body_bytes": len(gateway_load.BODY),
                    "one_by_one": one_by_one,
                    "batches": bench_batches(arguments.binary, folder, 8, arguments)}
        measure.write_json(arguments.json, document)


if __name__ == "__main__":
    main()
