"""A receiver that is far too slow: what waits is on the disk, in order, and takes no memory."""

import json

import pytest

from gateway_process import eventually
from notifications import Client, settings, webhook

CONCURRENCY = 32
EARLY, TOTAL, BATCH = 5_000, 30_000, 500
MIB = 1 << 20


def send(client, titles):
    for first in range(0, len(titles), BATCH):
        items = [{"topic": "orders.paid", "title": title, "body": "x" * 200} for title in titles[first:first + BATCH]]
        status, _, body = client.lines(items)
        assert status == 202 and {result["status"] for result in body["results"]} == {"accepted"}


@pytest.mark.parametrize("workers", [1, 4])
def test_a_slow_receiver_costs_no_memory_and_no_order(start_gateway, sink, tmp_path, workers):
    output = webhook(sink, concurrency=CONCURRENCY, timeout="60s")
    gateway = start_gateway(settings(tmp_path, {"hook": output}, gateway={"workers": workers}))
    client = Client(gateway)
    sink.mode("slow", "1")
    titles = [f"n{i}" for i in range(TOTAL)]
    send(client, titles[:EARLY])
    early = gateway.resident_bytes()
    send(client, titles[EARLY:])
    late = gateway.resident_bytes()
    assert late - early < 24 * MIB, (early, late)

    # Not in memory, so in the store.
    waiting = TOTAL - sink.count() - 2 * CONCURRENCY
    eventually(lambda: gateway.metric("tocsin_outbox_backlog", output="hook"), lambda rows: rows >= waiting - CONCURRENCY)
    assert gateway.metric("tocsin_lane_held", output="hook") <= 2 * CONCURRENCY
    assert gateway.metric("tocsin_lane_spilled", output="hook") == 1

    before = sink.count()
    urgent = client.accepted({"topic": "orders.paid", "title": "urgent", "level": "critical"})
    eventually(lambda: client.states(urgent), {"hook": "delivered"})
    sink.mode("ok")
    eventually(sink.count, TOTAL + 1)
    requests = sink.received()
    received = [json.loads(request["body"])["title"] for request in requests]
    # Before all that waits, in the store and in memory: only attempts may be in its way.
    assert received.index("urgent") <= before + 2 * CONCURRENCY

    received.remove("urgent")
    assert len(set(received)) == TOTAL
    # In order, as far as a receiver of so many requests at a time can tell.
    assert max(abs(int(title[1:]) - i) for i, title in enumerate(received)) <= CONCURRENCY
    assert len({request["headers"]["idempotency-key"] for request in requests}) == TOTAL + 1
    eventually(lambda: gateway.metric("tocsin_outbox_backlog", output="hook"), 0)
    eventually(lambda: gateway.metric("tocsin_lane_held", output="hook"), 0)
    assert gateway.resident_bytes() - early < 24 * MIB


def test_a_backlog_keeps_its_order_over_a_stop(start_gateway, sink, tmp_path):
    config = settings(tmp_path, {"hook": webhook(sink, concurrency=1, timeout="30s")},
                      gateway={"shutdown_grace": "1s"})
    sink.mode("hang")
    gateway = start_gateway(config)
    titles = [f"n{i}" for i in range(200)]
    send(Client(gateway), titles)
    eventually(sink.count, 1)
    gateway.stop()

    sink.mode("ok")
    gateway = start_gateway(config)
    send(Client(gateway), ["after"])
    eventually(sink.count, 1 + len(titles) + 1)
    assert sink.titles() == ["n0", *titles, "after"]


def test_what_comes_after_the_backlog_goes_directly_again(start_gateway, sink, tmp_path):
    gateway = start_gateway(settings(tmp_path, {"hook": webhook(sink, concurrency=CONCURRENCY)}))
    client = Client(gateway)
    sink.mode("slow", "0.2")
    send(client, [f"n{i}" for i in range(1000)])
    eventually(lambda: gateway.metric("tocsin_lane_spilled", output="hook"), 1)
    sink.mode("ok")
    eventually(sink.count, 1000)
    eventually(lambda: gateway.metric("tocsin_lane_spilled", output="hook"), 0)
    send(client, ["after"])
    eventually(lambda: sink.titles()[-1], "after")
    assert gateway.metric("tocsin_lane_spilled", output="hook") == 0
