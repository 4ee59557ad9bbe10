"""How fast and to whom on the real binary: rates, Retry-After, breakers and fallbacks."""

import json
import subprocess
import time

import pytest

from conftest import complete
from gateway_process import BINARY, PATIENCE_SECONDS, eventually
from notifications import Client, command, settings, webhook

NOTE = {"topic": "orders.paid", "level": "warning", "title": "Paid"}
BREAKER = {"window_calls": 4, "min_calls": 4, "open_for": "500ms", "max_open_for": "500ms", "half_open_calls": 1}


@pytest.fixture(name="start")
def fixture_start(start):
    """As everywhere, with routes that know the first of the outputs only."""
    return lambda outputs: start(outputs, routes=[{"outputs": [next(iter(outputs))]}])


def shown(gateway, output="hook"):
    return {one["name"]: one for one in command(gateway, "outputs")["outputs"]}[output]


def failing_hook(sink, **delivery):
    """Tries again for long; its breaker opens after four failures and probes with one each half second."""
    retry = {"max_attempts": 100, "initial": "100ms", "max": "100ms", "jitter": "none"}
    return webhook(sink, retry=retry, breaker=BREAKER, **delivery)


def send(client, count):
    return [client.accepted({**NOTE, "title": str(i)}) for i in range(count)]


def test_attempts_begin_evenly_spaced(start, sink):
    sink.plan("hook", limit={"rate": 25, "burst": 10})
    _, client = start({"hook": webhook(sink, rate="20/s")})
    began = time.monotonic()
    send(client, 20)
    eventually(lambda: sink.report("hook")["accepted"], 20)
    assert time.monotonic() - began >= 19 * 0.050 - 0.010
    assert sink.report("hook")["requests"] == 20  # it refused none, as it would of 20 at once


@pytest.mark.sanitize
def test_a_throttled_receiver_hears_nothing_before_retry_after(start, sink):
    gateway, client = start({"hook": webhook(sink, concurrency=1)})
    sink.plan("hook", steps=["status 429 2", "ok"])
    first = client.accepted(NOTE)
    eventually(lambda: sink.report("hook")["requests"], 1)
    send(client, 10)
    eventually(lambda: shown(gateway).get("reason"), "the receiver asked for a pause")
    eventually(lambda: sink.report("hook")["accepted"], 11)
    report = sink.report("hook")
    assert (report["early"], report["requests"]) == (0, 12)
    request = sink.received()[1]
    assert json.loads(request["body"])["id"] == first  # it kept its place
    assert request["headers"]["tocsin-attempt"] == "1"  # and spent nothing


@pytest.mark.sanitize
def test_a_breaker_opens_probes_and_closes_and_nothing_is_spent_meanwhile(start, sink):
    gateway, client = start({"hook": failing_hook(sink)})
    sink.mode("status", "500")
    ids = send(client, 4)
    eventually(lambda: shown(gateway)["breaker"] in ("open", "half_open"), True)
    assert gateway.metric("tocsin_lane_breaker_opened_total", output="hook") >= 1
    ids += send(client, 20)
    before = sink.count()
    time.sleep(1.2)
    assert sink.count() - before <= 4  # probes
    sink.mode("ok")
    for one in ids:
        eventually(lambda one=one: client.states(one), {"hook": "delivered"}, one)
    assert shown(gateway)["breaker"] == "closed"
    changes = [line for line in gateway.log() if line and line["message"] == "the breaker changed"]
    assert (changes[0]["from"], changes[0]["to"], changes[0]["reason"]) == ("closed", "open", "failure_rate")
    assert (changes[-1]["from"], changes[-1]["to"]) == ("half_open", "closed")


@pytest.mark.sanitize
def test_the_fallback_gets_what_is_given_up_once(start, start_sink):
    primary, mail = start_sink(), start_sink()
    gateway, client = start({"hook": webhook(primary, fallback="mail"), "mail": webhook(mail)})
    primary.mode("status", "500")
    ids = send(client, 5)
    for one in ids:
        eventually(lambda one=one: client.states(one), {"hook": "fell_back", "mail": "delivered"}, one)
    assert primary.count() == 15 and mail.count() == 5
    assert sorted(mail.titles()) == [str(i) for i in range(5)]
    assert gateway.metric("tocsin_deliveries_given_up_total", output="hook", reason="exhausted",
                          next="fell_back") == 5
    assert command(gateway, "dlq", "list")["dead_letters"] == []


def test_the_fallback_takes_over_from_a_breaker_that_stays_open(start, start_sink):
    primary, mail = start_sink(), start_sink()
    gateway, client = start({
        "hook": failing_hook(primary, fallback="mail", fallback_after="2s"),
        "mail": webhook(mail),
    })
    primary.mode("status", "500")
    ids = send(client, 30)
    for one in ids:
        eventually(lambda one=one: client.states(one), {"hook": "fell_back", "mail": "delivered"}, one)
    assert sorted(mail.titles(), key=int) == [str(i) for i in range(30)]
    opened = next(line for line in gateway.log() if line and line["message"] == "the breaker changed")
    assert opened["to"] == "open"
    # It comes back by a probe, which is one of its own deliveries.
    primary.mode("ok")
    later = []

    def closed():
        later.append(client.accepted({**NOTE, "title": "later"}))
        time.sleep(0.1)
        return shown(gateway)["breaker"]

    eventually(closed, "closed")
    for one in later:
        eventually(lambda one=one: "delivered" in client.states(one).values(), True, one)


@pytest.mark.sanitize
def test_an_operator_forces_a_breaker_and_a_reload_does_not_undo_it(start_gateway, sink, tmp_path):
    config = settings(tmp_path, {"hook": webhook(sink)})
    gateway = start_gateway(config)
    client = Client(gateway)
    assert command(gateway, "outputs", "breaker", "hook", "open") == {"output": "hook", "breaker": "forced_open"}
    waiting = client.accepted(NOTE)
    assert shown(gateway)["reason"] == "its breaker was opened; see outputs breaker"
    gateway.reconfigure(complete(settings(tmp_path, {"hook": webhook(sink, timeout="3s")})))
    assert shown(gateway)["breaker"] == "forced_open"
    assert sink.count() == 0 and client.states(waiting) == {"hook": "claimed"}
    assert command(gateway, "outputs", "breaker", "hook", "auto") == {"output": "hook", "breaker": "closed"}
    eventually(lambda: client.states(waiting), {"hook": "delivered"})
    audit = [entry for entry in gateway.log() if entry and entry.get("action") == "output.breaker"]
    assert [(entry["target"], entry["detail"]) for entry in audit] == [("hook", "open"), ("hook", "auto")]
    client.close()


def test_a_breaker_takes_only_orders_that_are_understood(start, sink):
    gateway, _ = start({"hook": webhook(sink)})
    address = "%s:%d" % gateway.admin_address()

    def order(*words):
        return subprocess.run([BINARY, "outputs", "breaker", *words, "--admin", address], text=True,
                              capture_output=True, timeout=PATIENCE_SECONDS, check=False)

    assert order("hook", "ajar").returncode == 2
    gone = order("gone", "open")
    assert gone.returncode == 1 and "No output of the configuration has this name." in gone.stderr
    assert order("hook", "closed").stdout == "the breaker of hook is forced_closed\n"
