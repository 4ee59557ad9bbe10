"""What comes after an outage: the dead letters that wait for their output's breaker."""

import json

import pytest

from gateway_process import eventually
from notifications import Client, command, settings, webhook

pytestmark = pytest.mark.sanitize

NOTE = {"topic": "a", "level": "error"}
BREAKER = {"window_calls": 2, "min_calls": 2, "open_for": "300ms", "max_open_for": "300ms", "half_open_calls": 2}
# Long enough to wait for nothing but the breaker, often enough for every probe that fails.
LETTERS = {"redrive": ["7d"] * 16, "redrive_on_recovery": True}


def hook(sink, **delivery):
    """Gives up after one attempt."""
    return webhook(sink, retry={"max_attempts": 1}, timeout="30s", **delivery)


def given_up(gateway):
    return sum(group["pending"] for group in command(gateway, "dlq", "stats")["groups"])


def breaker(gateway, output="hook"):
    outputs = json.loads(gateway.admin("/v1/outputs")[2])["outputs"]
    return {one["name"]: one for one in outputs}[output]["breaker"]


def test_they_are_the_probes_of_an_output_that_has_nothing_else_to_send(start, sink):
    sink.plan("hook", steps=["status 500"])
    gateway, client = start({"hook": hook(sink, breaker=BREAKER)}, dead_letters=LETTERS)
    sent = [client.accepted({**NOTE, "title": str(i)}) for i in range(5)]
    eventually(lambda: gateway.metric("tocsin_deliveries_total", output="hook", result="dead") >= 5, True, "deaths")
    assert breaker(gateway) in ("open", "half_open")
    sink.plan("hook", steps=["ok"])
    for one in sent:
        eventually(lambda one=one: client.states(one), {"hook": "delivered"}, one)
    eventually(lambda: breaker(gateway), "closed", "the breaker")
    assert sink.report("hook")["accepted"] == 5
    assert gateway.metric("tocsin_dead_letters_redriven_total", output="hook", by="breaker") >= 5


def test_what_of_a_recovery_is_left_goes_on_after_kill_9(start_gateway, sink, tmp_path):
    config = settings(tmp_path, {"hook": hook(sink)}, dead_letters={**LETTERS, "redrive": ["7d"]})
    sink.plan("hook", steps=["status 500"])
    gateway = start_gateway(config, folder=tmp_path / "gateway")
    client = Client(gateway)
    for first in (0, 450):
        status, _, _ = client.lines([{**NOTE, "title": str(i)} for i in range(first, first + 450)])
        assert status == 202
    client.close()
    eventually(lambda: given_up(gateway), 900, "dead letters")
    sink.plan("hook", steps=["ok"], idempotent=True)
    for order in ("open", "closed"):
        command(gateway, "outputs", "breaker", "hook", order)
    # They go 256 a second: as a rule most are left when it dies.
    eventually(lambda: sink.report("hook")["accepted"] > 0, True, "deliveries")
    gateway.kill()
    again = start_gateway(config, folder=tmp_path / "gateway")
    eventually(lambda: given_up(again), 0, "dead letters")
    eventually(lambda: sink.report("hook")["accepted"], 900, "deliveries")


def test_what_waits_of_a_paused_output_is_counted_and_gets_another_time(start, sink):
    gateway, client = start({"hook": webhook(sink, concurrency=1, timeout="30s")})
    sink.mode("slow", "1")
    sent = [client.accepted({**NOTE, "title": str(i)}) for i in range(4)]
    eventually(sink.count, 1, "attempts")
    assert command(gateway, "outputs", "pause", "hook")["status"] == "paused"
    eventually(lambda: client.states(sent[0]), {"hook": "delivered"}, "what had begun")
    sink.mode("ok")
    eventually(lambda: [one["ready"] for one in command(gateway, "outputs")["outputs"]], [3], "what waits")
    health = json.loads(gateway.admin("/v1/health")[2])
    assert health["backlog"]["ready"] == 3 and health["store"]["oldest_ready_age_ms"] >= 0
    eventually(lambda: gateway.metric("tocsin_outbox_backlog", output="hook"), 3, "the backlog")
    status, _, body = client.request("PATCH", f"/v1/notifications/{sent[1]}", {"delay": "1h"})
    assert (status, body) == (200, {"rescheduled": 1, "in_flight": 0, "done": 0})
    assert command(gateway, "outputs", "resume", "hook")["status"] == "resumed"
    for one in sent[2:]:
        eventually(lambda one=one: client.states(one), {"hook": "delivered"}, one)
    assert client.states(sent[1]) == {"hook": "ready"}
    assert sink.titles() == ["0", "2", "3"]


# Takes addresses of one kind, and everything that comes for them.
BOX = """\
return {
  name = "box", kind = "output", doc = "Takes everything.",
  options = {{key = "kind", doc = "The kind of address it takes.", required = true}},
  create = function(cfg)
    return {
      deliver = function() return "delivered" end,
      traits = {address_kind = cfg.kind, has_own_address = false},
    }
  end,
}
"""


def test_a_fallback_that_reaches_nobody_else_is_passed_over(start, tmp_path):
    def box(kind, **delivery):
        return {"type": "box", "kind": kind, "delivery": delivery}

    (tmp_path / "output_box.lua").write_text(BOX)
    outputs = {"sms": box("phone", fallback="voice"), "voice": box("phone", fallback="mail"), "mail": box("email")}
    gateway, client = start(outputs, routes=[{"outputs": ["sms"]}], gateway={"plugin_path": [str(tmp_path)]})
    command(gateway, "suppressions", "add", "phone:+15550111", "--reason", "opted out")
    sent = client.accepted({**NOTE, "to": ["phone:+15550111", "email:a@b.example"]})
    eventually(lambda: client.states(sent), {"sms": "fell_back", "mail": "delivered"}, "its deliveries")
