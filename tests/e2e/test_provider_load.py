"""Seed loads on a provider that misbehaves: nothing is lost, and nothing is doubled but by one delivery id."""

import json

import pytest

from gateway_process import eventually
from load import Load
from notifications import Client, dead_letters, settings, webhook

REFUSED = {"status 503": 0.03, "reset": 0.01, "close": 0.01}
RETRY = {"max_attempts": 12, "initial": "20ms", "max": "200ms", "jitter": "full"}
BATCHES, BATCH = 10, 1000


@pytest.mark.parametrize("workers", [1, 4])
def test_what_fails_before_acceptance_is_neither_lost_nor_doubled(start_gateway, sink, tmp_path, workers):
    sink.plan("hook", mix=REFUSED, seed=workers)
    gateway = start_gateway({**settings(tmp_path, {"hook": webhook(sink, concurrency=64, retry=RETRY)}),
                             "gateway": {"workers": workers}})
    client = Client(gateway)
    for batch in range(BATCHES):
        items = [json.dumps({"topic": "seed", "title": f"{number}", "external_id": f"seed-{number}"})
                 for number in range(batch * BATCH, (batch + 1) * BATCH)]
        status, _, answer = client.lines(items)
        assert status == 202
        assert {item["status"] for item in answer["results"]} == {"accepted"}
    total = BATCHES * BATCH
    report = eventually(lambda: sink.report("hook", seed=total), lambda seen: seen["accepted"] == total,
                        "what the provider accepted")
    assert report["series"]["seed"] == {"seen": total, "missing": 0, "first_missing": []}
    assert report["duplicates"] == 0
    assert report["requests"] > total
    assert report["in_flight_max"] <= 64
    assert dead_letters(gateway) == []


def test_failures_after_acceptance_and_kills_repeat_only_under_one_delivery_id(start_gateway, sink, tmp_path):
    sink.plan("hook", mix={**REFUSED, "ok-reset": 0.02, "ok-close": 0.02, "ok-hang": 0.002}, seed=5)
    config = settings(tmp_path, {"hook": webhook(sink, concurrency=64, timeout="1s", retry=RETRY)})
    load = Load()
    for life in range(4):
        gateway = start_gateway(config)
        load.to(gateway)
        wanted = (life + 1) * 300
        eventually(load.count, lambda count, wanted=wanted: count >= wanted, "what was accepted")
        load.to(None)
        gateway.kill()
    gateway = start_gateway(config)
    load.to(gateway)
    load.end()
    report = eventually(lambda: sink.report("hook"), lambda seen: seen["accepted"] == load.count(),
                        "what the provider accepted")
    assert report["duplicates"] > 0, "nothing was repeated: what was this test about?"
    assert dead_letters(gateway) == []
