"""What a 202 promises holds when the gateway dies or is stopped."""

import json
import random
import signal

import pytest

from gateway_process import eventually
from load import Load
from notifications import Client, dead_letters, settings, webhook

CRASHES = 20


@pytest.fixture
def load():
    made = []

    def make(**options):
        made.append(Load(**options))
        return made[-1]

    yield make
    for one in made:
        one.end()


def requests_by_title(sink, path):
    found = {}
    for request in sink.received():
        if request["path"] == path:
            found.setdefault(json.loads(request["body"])["title"], []).append(request)
    return found


def check_repetitions(requests, accepted):
    """What came more than once is one delivery of one notification."""
    delivery_ids = set()
    for title, repetitions in requests.items():
        keys = {request["headers"]["idempotency-key"] for request in repetitions}
        ids = {json.loads(request["body"])["id"] for request in repetitions}
        assert len(keys) == 1 and ids == {accepted[title]}, title
        delivery_ids |= keys
    assert len(delivery_ids) == len(requests), "two notifications share a delivery id"


def displacement(titles, wanted):
    """How many places a title is from where it was to come, at most."""
    assert sorted(titles) == sorted(wanted)
    place = {title: i for i, title in enumerate(wanted)}
    return max(abs(place[title] - i) for i, title in enumerate(titles))


@pytest.mark.parametrize("workers", [1, 4])
def test_whatever_was_accepted_survives_kill_9_again_and_again(start_gateway, sink, tmp_path, load, workers):
    archive = tmp_path / "archive.jsonl"
    outputs = {"hook": webhook(sink), "bad": webhook(sink, "/fail/bad"), "archive": {"type": "file", "path": str(archive)}}
    config = settings(tmp_path, outputs, gateway={"workers": workers})
    rounds = random.Random(20)
    clients = load()
    for _ in range(CRASHES):
        gateway = start_gateway(config)
        clients.to(gateway)
        enough = clients.count() + rounds.randrange(1, 80)
        eventually(clients.count, lambda count, enough=enough: count >= enough)
        gateway.kill()
    gateway = start_gateway(config)
    clients.to(gateway)
    clients.end()

    accepted = clients.accepted
    reader = Client(gateway)

    def unsettled():
        # Claimed and ready ones of all outputs; each was accepted once, whatever was sent again.
        return [title for title, sent in accepted.items()
                if not set(reader.states(sent).values()) <= {"delivered", "dead"}]

    eventually(lambda: unsettled()[:3], [])
    states = {title: reader.states(sent) for title, sent in accepted.items()}
    assert len(set(accepted.values())) == len(accepted)

    assert {state["hook"] for state in states.values()} == {"delivered"}
    hooks = requests_by_title(sink, "/hook")
    assert hooks.keys() == accepted.keys()
    check_repetitions(hooks, accepted)

    assert {state["bad"] for state in states.values()} == {"dead"}
    check_repetitions(requests_by_title(sink, "/fail/bad"), accepted)

    # A file cannot tell a repetition: what may have been written is not written again, but held.
    lines = [json.loads(line)["title"] for line in archive.read_text(encoding="utf-8").splitlines()]
    assert len(lines) == len(set(lines)), "written twice"
    for title, state in states.items():
        assert state["archive"] == "dead" or title in lines, title
    reasons = {letter["reason"] for letter in dead_letters(gateway, "archive")}
    assert reasons <= {"ambiguous"}


def test_a_backlog_survives_kill_9_and_keeps_its_order(start_gateway, sink, tmp_path):
    total, concurrency = 20_000, 32
    config = settings(tmp_path, {"hook": webhook(sink, concurrency=concurrency, timeout="30s")})
    sink.mode("hang")
    gateway = start_gateway(config)
    client = Client(gateway)
    titles = [f"n{i}" for i in range(total)]
    for first in range(0, total, 500):
        status, _, body = client.lines([{"topic": "a", "title": title} for title in titles[first:first + 500]])
        assert status == 202 and {result["status"] for result in body["results"]} == {"accepted"}
    eventually(sink.count, concurrency)
    gateway.kill()

    before = sink.count()
    sink.mode("ok")
    gateway = start_gateway(config)
    assert gateway.wait_for_log("store opened")["taken_over"] >= before
    eventually(lambda: sink.count() - before, total)
    eventually(lambda: gateway.metric("tocsin_outbox_backlog", output="hook"), 0)
    requests = sink.received()
    # In order, as far as a receiver of so many requests at a time can tell.
    assert displacement([json.loads(request["body"])["title"] for request in requests[before:]], titles) < concurrency
    again = {request["headers"]["idempotency-key"] for request in requests[:before]}
    assert again <= {request["headers"]["idempotency-key"] for request in requests[before:]}


@pytest.mark.sanitize
@pytest.mark.parametrize("workers", [1, 4])
def test_a_drain_under_load_loses_nothing_and_repeats_nothing(start_gateway, sink, tmp_path, load, workers):
    config = settings(tmp_path, {"hook": webhook(sink, timeout="10s")}, gateway={"workers": workers})
    sink.mode("slow", "0.05")
    clients = load()
    for _ in range(3):
        gateway = start_gateway(config)
        assert gateway.wait_for_log("store opened")["taken_over"] == 0, "claims were not released"
        clients.to(gateway)
        enough = clients.count() + 100
        eventually(clients.count, lambda count, enough=enough: count >= enough)
        gateway.signal(signal.SIGTERM)
        assert gateway.wait() == 0
        assert gateway.wait_for_log("stopped")["drained"]
    gateway = start_gateway(config)
    assert gateway.wait_for_log("store opened")["taken_over"] == 0
    clients.to(gateway)
    clients.end()
    sink.mode("ok")
    eventually(lambda: len(set(sink.titles())), len(clients.accepted))
    assert sorted(sink.titles()) == sorted(clients.accepted)
