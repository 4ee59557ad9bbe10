"""What was settled goes when the store holds more than it may; what waits and dead letters stay."""

import json

from conftest import complete
from gateway_process import eventually
from notifications import Client, settings

MIB = 1 << 20
LEAST = 16 * MIB  # the smallest max_size
BODY = "x" * 40_000
BATCH = 20


def send_settled(client, notifications):
    """The ids of so many notifications, which are delivered at once and take 40 KB each."""
    ids = []
    while len(ids) < notifications:
        status, _, answer = client.batch([{"topic": "orders.paid", "body": BODY} for _ in range(BATCH)])
        assert status == 202, answer
        ids += [result["id"] for result in answer["results"]]
    eventually(lambda: client.states(ids[-1]), {"done": "delivered"})
    return ids


def is_kept(client, notification_id):
    return client.get(notification_id)[0] == 200


def store_bytes(gateway):
    return json.loads(gateway.admin("/v1/health")[2])["store"]["size_bytes"]


def test_a_store_that_holds_too_much_forgets_the_oldest_that_was_settled(start_gateway, tmp_path):
    outputs = {"done": {"type": "null"}, "broken": {"type": "flaky", "script": ["rejected"]}}
    routes = [{"match": {"topic": "broken"}, "outputs": ["broken"]}, {"outputs": ["done"]}]
    config = {**settings(tmp_path, outputs, routes=routes), "history": {"keep": "24h", "max_size": "1GiB"}}
    gateway = start_gateway(config)
    client = Client(gateway)
    dead = client.accepted({"topic": "broken", "body": BODY})
    waits = client.accepted({"topic": "orders.late", "body": BODY, "delay": "1h"})
    eventually(lambda: client.states(dead), {"broken": "dead"})
    settled = send_settled(client, 1000)
    assert store_bytes(gateway) > 2 * LEAST
    assert gateway.metric("tocsin_store_purged_total") == 0

    # A limit that is lowered counts at once.
    config["history"]["max_size"] = "16MiB"
    assert gateway.reconfigure(complete(config))["status"] == "applied"
    eventually(lambda: is_kept(client, settled[0]), False, "whether the oldest is kept")
    # 600 of them are too many for 16 MiB. It forgets in steps of 250, so that fewer than fit may stay, but not 200.
    eventually(lambda: is_kept(client, settled[-600]), False)
    assert all(is_kept(client, one) for one in settled[-200:])
    assert gateway.metric("tocsin_store_purged_total") >= 2 * 600
    assert client.states(dead) == {"broken": "dead"}
    assert client.states(waits) == {"done": "ready"}

    # And what it forgot does not come back with the next start.
    gateway.stop()
    gateway = start_gateway(config)
    client = Client(gateway)
    assert not is_kept(client, settled[0]) and is_kept(client, settled[-1])
    assert client.states(dead) == {"broken": "dead"}
    assert client.states(waits) == {"done": "ready"}
