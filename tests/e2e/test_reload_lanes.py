"""What an output was told by its receiver, it still knows after reloads: its lane does not belong to a
configuration."""

import json
import time

import pytest

from conftest import complete
from gateway_process import eventually
from notifications import Client, command, settings, webhook

pytestmark = pytest.mark.sanitize


def configured(folder, sink, number):
    """Each another one: another instance of the output, another pace, another filter."""
    changed = [webhook(sink, f"/hook/{number}"), webhook(sink, f"/hook/{number - 1}", concurrency=number + 1)]
    return complete(settings(folder, {"hook": changed[number % 2]},
                             filters=[{"type": "level", "min": ["trace", "debug", "info"][number % 3]}]))


def shown(gateway):
    [output] = json.loads(gateway.admin("/v1/outputs")[2])["outputs"]
    return output


def closed_over_three_reloads(gateway, tmp_path, sink, reason):
    """Nothing is sent meanwhile, neither by a configuration that comes nor by one that goes."""
    eventually(lambda: shown(gateway).get("reason"), reason, "why it is paused")
    before = len(sink.received())
    client = Client(gateway)
    for number in (1, 2, 3):
        assert gateway.reconfigure(configured(tmp_path, sink, number))["snapshot"] == number + 1
        client.accepted({"topic": "a", "level": "error"})
        assert shown(gateway)["reason"] == reason and shown(gateway)["in_flight"] == 0
    eventually(lambda: gateway.metric("tocsin_config_snapshots"), 1, "snapshots")
    assert shown(gateway)["reason"] == reason and len(sink.received()) == before


def test_a_receiver_that_asked_for_a_pause_gets_it(start_gateway, tmp_path, sink):
    gateway = start_gateway(configured(tmp_path, sink, 0))
    sink.mode("status", "429", "6")
    client = Client(gateway)
    began = time.monotonic()
    sent = client.accepted({"topic": "a", "level": "error"})
    eventually(lambda: len(sink.received()), 1, "attempts")
    sink.mode("ok")
    closed_over_three_reloads(gateway, tmp_path, sink, "the receiver asked for a pause")
    eventually(lambda: client.states(sent), {"hook": "delivered"}, "its state")
    assert time.monotonic() - began > 5.9
    eventually(lambda: len(sink.received()), 5, "attempts")
    # What it turned away kept its place, and spent nothing.
    assert [one["headers"]["tocsin-attempt"] for one in sink.received()[:2]] == ["1", "1"]


def test_an_output_whose_credentials_were_refused_stays_paused(start_gateway, tmp_path, sink):
    gateway = start_gateway(configured(tmp_path, sink, 0))
    gateway.expected_errors.add("output paused: its credentials are refused")
    sink.mode("status", "401")
    Client(gateway).accepted({"topic": "a", "level": "error"})
    eventually(lambda: len(sink.received()), 1, "attempts")
    sink.mode("ok")
    closed_over_three_reloads(gateway, tmp_path, sink,
                              "its credentials were refused; one attempt a minute finds out")


def test_an_output_that_an_operator_pauses_begins_nothing_until_he_lets_it(start_gateway, tmp_path, sink):
    gateway = start_gateway(configured(tmp_path, sink, 0))
    client = Client(gateway)
    sink.mode("slow", "1")
    begun = client.accepted({"topic": "a", "level": "error"})
    eventually(lambda: len(sink.received()), 1, "attempts")
    assert command(gateway, "outputs", "pause", "hook") == {"output": "hook", "status": "paused"}
    assert command(gateway, "outputs", "pause", "hook")["status"] == "was paused already"
    waiting = [client.accepted({"topic": "a", "level": "error", "title": str(i)}) for i in range(30)]
    eventually(lambda: client.states(begun), {"hook": "delivered"}, "what had begun")
    sink.mode("ok")
    closed_over_three_reloads(gateway, tmp_path, sink, "an operator paused it; see outputs resume")
    assert gateway.metric("tocsin_lane_paused", output="hook", reason="operator") == 1
    [top] = command(gateway, "top", "--once")["outputs"]
    assert top["state"] == "paused"
    assert len(sink.received()) == 1
    assert command(gateway, "outputs", "resume", "hook")["status"] == "resumed"
    for one in waiting:
        eventually(lambda one=one: client.states(one), {"hook": "delivered"}, one)
    assert gateway.metric("tocsin_lane_paused", output="hook", reason="operator") == 0
    actions = [entry["action"] for entry in gateway.log() if entry and entry.get("action")]
    assert [action for action in actions if action.startswith("output.")] == ["output.pause"] * 2 + ["output.resume"]
