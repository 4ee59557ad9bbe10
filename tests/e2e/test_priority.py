"""What goes first at an output that is behind: what a route says, else the level."""

import json

import pytest

from gateway_process import eventually
from notifications import Client, settings, webhook

ROUTE = """\
function route(n)
  if n.labels.pace == "fast" then return {outputs = {"chat"}, priority = "critical"} end
  if n.labels.pace == "calm" then return {outputs = {"chat"}, priority = "normal"} end
end
"""
FAST = 20  # by each of the two kinds of route
CALM = 40


@pytest.fixture(name="config")
def fixture_config(tmp_path, sink):
    script = tmp_path / "route.lua"
    script.write_text(ROUTE)
    routes = [{"script": str(script)},
              {"match": {"topic": "login.*"}, "outputs": ["chat"], "priority": "critical"},
              {"outputs": ["chat"]}]

    def make(workers):
        return settings(tmp_path, {"chat": webhook(sink, concurrency=1)}, routes=routes, gateway={"workers": workers})

    return make


def send_all(gateway):
    """More than the lane holds in memory, what is fast last."""
    client = Client(gateway)
    client.accepted({"topic": "t", "title": "first"})
    for i in range(CALM):
        client.accepted({"topic": "t", "level": "emergency", "title": f"calm {i}", "labels": {"pace": "calm"}})
    for i in range(FAST):
        client.accepted({"topic": "t", "level": "info", "title": f"fast {i}", "labels": {"pace": "fast"}})
        client.accepted({"topic": "login.code", "level": "debug", "title": f"fast login {i}"})
    client.close()


def delivered(sink):
    return [json.loads(request["body"])["title"] for request in sink.received() if request["answer"] == "ok"]


def check_order(sink):
    eventually(lambda: len(delivered(sink)), 1 + CALM + 2 * FAST)
    fast = [place for place, title in enumerate(delivered(sink)) if title.startswith("fast")]
    assert len(fast) == 2 * FAST
    # One of nine is the others', and a few began while the next page was claimed.
    assert fast[-1] < 1 + 2 * FAST * 9 // 8 + 15, fast


@pytest.mark.parametrize("workers", [1, 4])
def test_a_routes_priority_goes_before_the_level(start_gateway, sink, config, workers):
    sink.mode("status", "429", "2")
    gateway = start_gateway(config(workers))
    send_all(gateway)
    sink.mode("ok")
    check_order(sink)


@pytest.mark.parametrize("workers", [1, 4])
def test_a_priority_survives_the_gateway(start_gateway, sink, config, workers):
    sink.mode("status", "429", "60")
    gateway = start_gateway(config(workers))
    send_all(gateway)
    gateway.kill()
    sink.mode("ok")
    start_gateway(config(workers))
    check_order(sink)
