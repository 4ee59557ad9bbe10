#!/usr/bin/env python3
"""A million notifications for a receiver that is far too slow.

    tests/bench/backlog/bench_backlog.py [--count 1000000] [--concurrency 32] [--workers 1]

Sends batches of 500 as NDJSON while the receiver takes a second for each request, then a critical one,
then lets the receiver go as fast as it can. Shows memory and backlog every tenth of the way, where the
critical one arrived, that none is missing, repeated or out of order, and the rates of both phases. The
receiver is tests/provider, so delivery is measured against a Python program. Takes about 700 bytes
of disk per notification, in a temporary folder (TMPDIR).
"""

import argparse
import json
import os
import pathlib
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "tests" / "e2e"))
from gateway_process import Gateway  # noqa: E402
from notifications import Client, settings, webhook  # noqa: E402
from sink import Sink  # noqa: E402

BATCH = 500
MIB = 1 << 20


def row(*cells):
    print(("{:>12}" * len(cells)).format(*cells), flush=True)


def show(gateway, store, phase, count, seconds):
    backlog = gateway.metric("tocsin_outbox_backlog", output="hook")
    size = sum(path.stat().st_size for path in store.glob("outbox.db*"))
    row(phase, count, f"{backlog:.0f}", f"{gateway.resident_bytes() / MIB:.1f}", f"{size / MIB:.0f}", f"{seconds:.1f}")


def send_all(gateway, store, count):
    client = Client(gateway)
    body = "x" * 200
    began = time.monotonic()
    for first in range(0, count, BATCH):
        status, _, answer = client.lines(
            [{"topic": "orders.paid", "title": f"n{i}", "body": body} for i in range(first, first + BATCH)])
        assert status == 202 and all(result["status"] == "accepted" for result in answer["results"]), answer
        if (first + BATCH) % (count // 10) == 0:
            show(gateway, store, "sent", first + BATCH, time.monotonic() - began)
    return time.monotonic() - began


def send_critical(gateway, sink):
    """How many came before it, of those that had not come when it was sent."""
    client = Client(gateway)
    before = sink.count()
    sent = client.accepted({"topic": "orders.paid", "title": "urgent", "level": "critical"})
    while client.states(sent) != {"hook": "delivered"}:
        time.sleep(0.05)
    return before


def receive_all(gateway, store, sink, count):
    sink.mode("ok")
    began, first, shown = time.monotonic(), sink.count(), 0
    while (taken := sink.count()) < count + 1:
        if taken // (count // 10) > shown:
            shown = taken // (count // 10)
            show(gateway, store, "received", taken, time.monotonic() - began)
        time.sleep(0.1)
    return (count + 1 - first) / (time.monotonic() - began)


def check(sink, count, before):
    order, urgent_at, keys = [], None, set()
    with open(sink.path, encoding="utf-8") as lines:
        for at, line in enumerate(lines):
            request = json.loads(line)
            keys.add(request["headers"]["idempotency-key"])
            title = json.loads(request["body"])["title"]
            if title == "urgent":
                urgent_at = at
            else:
                order.append(int(title[1:]))
    assert len(order) == len(set(order)) == count and len(keys) == count + 1
    furthest = max(abs(number - at) for at, number in enumerate(order))
    print(f"none missing, none twice; furthest from its place: {furthest}; "
          f"requests between sending the critical one and its arrival: {urgent_at - before}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=1_000_000)
    parser.add_argument("--concurrency", type=int, default=32)
    parser.add_argument("--workers", type=int, default=1)
    arguments = parser.parse_args()
    count = arguments.count // (10 * BATCH) * (10 * BATCH)
    with tempfile.TemporaryDirectory() as folder:
        store = pathlib.Path(folder)
        sink = Sink(store)
        output = webhook(sink, concurrency=arguments.concurrency, timeout="60s")
        config = settings(store, {"hook": output}, gateway={"workers": arguments.workers})
        config["admin"] = {"address": "127.0.0.1:0"}
        config["listeners"]["public"]["address"] = "127.0.0.1:0"
        config["listeners"]["public"]["limits"] = {"requests_per_connection_max": "unlimited"}
        gateway = Gateway(config, store).wait_until_ready()
        print(f"{count} notifications, {arguments.concurrency} at a time, {arguments.workers} workers, "
              f"{os.cpu_count()} CPUs")
        row("", "count", "backlog", "RSS MiB", "store MiB", "s")
        try:
            sink.mode("slow", "1")
            seconds = send_all(gateway, store, count)
            before = send_critical(gateway, sink)
            rate = receive_all(gateway, store, sink, count)
            print(f"accepted {count / seconds:.0f}/s, then delivered {rate:.0f}/s")
            check(sink, count, before)
        finally:
            gateway.stop()
            sink.stop()


if __name__ == "__main__":
    main()
