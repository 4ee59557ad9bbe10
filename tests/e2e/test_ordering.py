"""Deliveries of one key one after the other, whatever becomes of each."""

import json

from gateway_process import eventually
from notifications import Client, settings, webhook
from test_shared_store import shared


def numbers_by_key(sink):
    """{key: numbers in the order of their first attempts}."""
    seen = {}
    for request in sink.received():
        note = json.loads(request["body"])
        key, number = note["title"].split("-")
        if int(number) not in seen.setdefault(key, []):
            seen[key].append(int(number))
    return seen


def send(client, keys, count):
    return [client.accepted({"topic": "t", "key": key, "title": f"{key}-{number}"})
            for number in range(count) for key in keys]


def test_a_key_waits_for_its_retry_and_no_other(start_gateway, sink, tmp_path):
    retry = {"max_attempts": 50, "initial": "300ms", "max": "300ms", "jitter": "none"}
    gateway = start_gateway(settings(tmp_path, {"hook": webhook(sink, ordering="key", retry=retry)}))
    client = Client(gateway)
    sink.mode("status", "503")
    first = client.accepted({"topic": "t", "key": "a", "title": "a-0"})
    eventually(lambda: sink.count() > 0, True)
    others = send(client, ["a"], 5)[1:]
    assert all(client.states(one)["hook"] == "ready" for one in others)
    sink.mode("ok")
    for one in [first, *others]:
        eventually(lambda one=one: client.states(one)["hook"], "delivered")
    assert numbers_by_key(sink)["a"] == sorted(numbers_by_key(sink)["a"])
    client.close()


def test_order_holds_between_two_gateways_on_one_store_and_when_one_dies(start_gateway, sink, tmp_path):
    """What belongs together is accepted now by one, now by the other."""
    config = shared(tmp_path, {"hook": webhook(sink, ordering="key", concurrency=4, timeout="30s")})
    one, two = start_gateway(config), start_gateway(config)
    sink.mode("slow", "0.01")
    clients = [Client(one), Client(two)]
    keys = [f"k{i}" for i in range(8)]
    sent = [clients[(number + place) % 2].accepted({"topic": "t", "key": key, "title": f"{key}-{number}"})
            for number in range(20) for place, key in enumerate(keys)]
    for gateway in (one, two):
        eventually(lambda gateway=gateway: gateway.metric("tocsin_deliveries_total", output="hook", result="delivered"),
                   lambda count: count > 0)
    one.kill()
    for ntf in sent:
        eventually(lambda ntf=ntf: clients[1].states(ntf)["hook"], "delivered")
    assert numbers_by_key(sink) == {key: list(range(20)) for key in keys}
    assert two.metric("tocsin_deliveries_total", output="hook", result="lost") == 0
    clients[1].close()


def test_order_holds_over_kills(start_gateway, sink, tmp_path):
    outputs = {"hook": webhook(sink, ordering="key", on_ambiguous="resend")}
    keys = [f"k{i}" for i in range(7)]
    sink.mode("slow", "0.005")
    gateway = start_gateway(settings(tmp_path, outputs))
    client = Client(gateway)
    sent = send(client, keys, 20)
    client.close()
    for _ in range(3):
        eventually(lambda: sink.count() > 10, True)
        gateway.kill()
        gateway = start_gateway(settings(tmp_path, outputs))
    client = Client(gateway)
    for one in sent:
        eventually(lambda one=one: client.states(one)["hook"], "delivered")
    assert numbers_by_key(sink) == {key: list(range(20)) for key in keys}
    client.close()
