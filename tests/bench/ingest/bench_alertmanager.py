#!/usr/bin/env python3
"""Alerts in: the gateway beside Prometheus Alertmanager, interleaved.

    tests/bench/ingest/bench_alertmanager.py [--rounds 5] [--seconds 4] [--alertmanager PATH]

What each does for a request, since they are not the same:

    tocsin         POST /v1/notifications, or /batch: decodes strictly, filters by level, routes, gives an id, and
                   answers 202 once notification and delivery are on the disk (SQLite, synchronous=FULL, commits
                   shared by what came meanwhile). The output is paused, so all of it waits in the store.
    alertmanager   POST /api/v2/alerts: decodes, checks labels, hashes them to a fingerprint, puts the alert into a
                   map in memory, hands it to the dispatcher's group, and answers 200. Nothing is on the disk; what
                   was accepted is gone with the process. One route to a receiver without integrations, so
                   nothing is sent.

The same bytes of labels and annotations to both, each alert with labels of its own (a stamp), as what comes
from different senders has; Alertmanager would fold equal ones into one. One alert a request, then 64. The gateway
with one worker, Alertmanager with as many threads as Go takes. CPU per alert of the process, accepted/s, p99, and
memory, which grows with the alerts in the one and not in the other. Prints tables and writes
build/bench/alertmanager.json. Needs Debian's prometheus-alertmanager, ninja -C build/release tocsin post_load and
the plugins.
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
BATCH = 64
STAMP = "STAMP_STAMP_STAMP_20"  # becomes the time of sending
CONFIG = """\
route: {receiver: nobody, group_by: [alertname], group_wait: 1h, group_interval: 1h, repeat_interval: 24h}
receivers: [{name: nobody}]
"""


def labels(number):
    return {"alertname": "DiskFull", "severity": "critical", "team": "payments", "region": "eu-west-1",
            "instance": f"db-{number}-{STAMP}"}


ANNOTATIONS = {"summary": "Disk of a database is full", "description": "x" * 200}


def bodies(folder, count):
    """The same alerts in the wire format of each."""
    alerts = [{"labels": labels(i), "annotations": ANNOTATIONS} for i in range(count)]
    notes = [{"topic": "alerts.DiskFull", "level": "critical", "title": ANNOTATIONS["summary"],
              "body": ANNOTATIONS["description"], "labels": labels(i)} for i in range(count)]
    ours, theirs = folder / f"tocsin-{count}.json", folder / f"alertmanager-{count}.json"
    ours.write_text(json.dumps(notes[0] if count == 1 else notes))
    theirs.write_text(json.dumps(alerts))
    return ours, theirs


def alertmanager(binary, folder):
    port = measure.free_port()
    config = folder / "alertmanager.yml"
    config.write_text(CONFIG)
    version = subprocess.run([binary, "--version"], capture_output=True, text=True, check=True)
    command = [binary, f"--config.file={config}", f"--storage.path={folder}/alertmanager", "--log.level=error",
               f"--web.listen-address=127.0.0.1:{port}", "--cluster.listen-address="]
    return measure.Server("alertmanager", command, port, (version.stdout + version.stderr).splitlines()[0])


def per_alert(seen, count):
    return {**seen, "cpu_us": seen["cpu_us"] / count, "per_second": seen["per_second"] * count}


def bench(arguments, folder, count, connections):
    ours, theirs = bodies(folder, count)
    to_batch = ("--path", "/v1/notifications/batch") if count > 1 else ()
    to_peer = ("--path", "/api/v2/alerts", "--status", "200")
    with contextlib.ExitStack() as stack:
        tocsin = gateway_load.gateway(arguments.binary, folder, f"tocsin-{count}", gateway_load.HELD)
        stack.callback(tocsin.stop)
        peer = alertmanager(arguments.alertmanager, folder)
        stack.callback(peer.stop)

        def round_of(seconds):
            return {"tocsin": per_alert(gateway_load.post(tocsin, ours, connections, seconds, *to_batch), count),
                    "alertmanager": per_alert(gateway_load.post(peer, theirs, connections, seconds, *to_peer), count)}
        round_of(1)
        before = {server.name: server.pss_bytes() for server in (tocsin, peer)}
        rounds = [round_of(arguments.seconds) for _ in range(arguments.rounds)]
        after = {server.name: server.pss_bytes() for server in (tocsin, peer)}
        versions = {"tocsin": tocsin.version, "alertmanager": peer.version}
    names = {f"tocsin-{count}": "tocsin"}
    return {"alerts_a_request": count, "connections": connections, "rounds": rounds, "versions": versions,
            "pss_before": {names.get(n, n): b for n, b in before.items()},
            "pss_after": {names.get(n, n): b for n, b in after.items()},
            "ratios": {f: measure.ratios(rounds, "tocsin", "alertmanager", f) for f in FIGURES}}


def show(rows):
    print(f"{rows[0]['versions']['tocsin']} / {rows[0]['versions']['alertmanager']}")
    table = []
    for row in rows:
        def both(figure, digits, rounds=row["rounds"]):
            return " / ".join(f"{measure.median_of(rounds, name, figure):.{digits}f}" for name in ("tocsin", "alertmanager"))

        def memory(name, row=row):
            return f"{row['pss_before'][name] / 2**20:.0f} -> {row['pss_after'][name] / 2**20:.0f}"
        ratio = row["ratios"]
        table.append([f"{row['alerts_a_request']} a request, {row['connections']} connections",
                      both("cpu_us", 1), gateway_load.spread(ratio["cpu_us"]),
                      both("per_second", 0), gateway_load.spread(ratio["per_second"]),
                      both("p99_ms", 1), gateway_load.spread(ratio["p99_ms"]),
                      memory("tocsin"), memory("alertmanager")])
    measure.show("durable (tocsin) / in memory (alertmanager), of one alert",
                 ["row", "CPU us", "ratio", "accepted/s", "ratio", "p99 ms", "ratio", "PSS MiB", "its PSS MiB"], table)


def main():
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--seconds", type=float, default=4)
    options.add_argument("--binary", default=str(measure.ROOT / "build/release/tocsin"))
    options.add_argument("--alertmanager", default="prometheus-alertmanager")
    options.add_argument("--json", type=pathlib.Path, default=measure.ROOT / "build/bench/alertmanager.json")
    arguments = options.parse_args()
    rows = []
    for count, connections in ((1, 32), (1, 256), (BATCH, 8)):
        with tempfile.TemporaryDirectory(prefix="tocsin-bench-") as folder:
            rows.append(bench(arguments, pathlib.Path(folder), count, connections))
    show(rows)
    measure.write_json(arguments.json, {"machine": measure.machine(), "rows": rows})


if __name__ == "__main__":
    main()
