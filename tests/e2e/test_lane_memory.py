"""What an output was told, by its receiver or an operator, the next process still knows: after a crash,
after a restart, and when it takes the place of one that runs."""

import json
import os
import signal
import sqlite3

import pytest

from gateway_process import eventually
from notifications import Client, command, settings, webhook
from test_upgrade import end, gone, took_over

pytestmark = pytest.mark.sanitize

NOTE = {"topic": "a", "level": "error"}
BREAKER = {"window_calls": 4, "min_calls": 4, "open_for": "5m", "half_open_calls": 1}


def shown(gateway, output="hook"):
    return {one["name"]: one for one in json.loads(gateway.admin("/v1/outputs")[2])["outputs"]}[output]


def send(gateway, count=1):
    client = Client(gateway)
    ids = [client.accepted({**NOTE, "title": str(i)}) for i in range(count)]
    client.close()
    return ids


def kept(folder):
    """The records of the store in which outputs are remembered."""
    with sqlite3.connect(f"file:{folder / 'outbox.db'}?mode=ro", uri=True) as store:
        return store.execute("SELECT key, value FROM records WHERE collection = 'lane_paces'").fetchall()


@pytest.fixture
def memory(start_gateway, sink, tmp_path):
    """(start, sink): start(**delivery) starts a gateway of the same file again and again."""
    def start(**delivery):
        config = settings(tmp_path, {"hook": webhook(sink, **delivery)})
        return start_gateway(config, folder=tmp_path / "gateway")
    return start, sink


def crash(gateway):
    gateway.kill()


def restart(gateway):
    gateway.stop()


@pytest.mark.parametrize("ends", [crash, restart])
def test_an_operators_word_holds_until_it_is_taken_back(memory, ends):
    start, sink = memory
    gateway = start()
    assert command(gateway, "outputs", "breaker", "hook", "open")["breaker"] == "forced_open"
    # Its write was asked for with the order; whoever is accepted now is behind it.
    send(gateway)
    ends(gateway)
    gateway = start()
    assert shown(gateway)["breaker"] == "forced_open"
    assert sink.count() == 0
    assert command(gateway, "outputs", "breaker", "hook", "auto")["breaker"] == "closed"
    eventually(sink.count, 1, "deliveries")
    send(gateway)
    ends(gateway)
    gateway = start()
    assert shown(gateway)["breaker"] == "closed"


@pytest.mark.parametrize("ends", [crash, restart])
def test_a_receiver_that_asked_for_a_pause_gets_it_from_the_next_process(memory, ends, tmp_path):
    start, sink = memory
    gateway = start(concurrency=1)
    sink.mode("status", "429", "3000")
    send(gateway)
    eventually(lambda: shown(gateway).get("reason"), "the receiver asked for a pause", "why it waits")
    eventually(lambda: len(kept(tmp_path)), 1, "records")
    ends(gateway)
    sink.mode("ok")
    gateway = start(concurrency=1)
    assert shown(gateway)["reason"] == "the receiver asked for a pause"
    assert sink.count() == 1


def steps(folder):
    """How often the receiver has asked for a pause, as the store knows; 0: it is not in it."""
    return sum(json.loads(value).get("throttle_steps", 0) for _, value in kept(folder))


@pytest.mark.parametrize("ends", [crash, restart])
def test_how_often_a_receiver_asked_counts_for_the_next_process(memory, ends, tmp_path):
    start, sink = memory
    sink.mode("status", "429")
    gateway = start(concurrency=1)
    send(gateway)
    eventually(lambda: steps(tmp_path) >= 2, True, "steps")
    ends(gateway)
    before = steps(tmp_path)
    gateway = start(concurrency=1)
    eventually(lambda: steps(tmp_path) != before, True, "another step")
    assert steps(tmp_path) > before  # it did not begin anew
    sink.mode("ok")
    eventually(lambda: sink.report()["accepted"], 1, "deliveries")
    eventually(lambda: kept(tmp_path), [], "records")


def test_an_open_breaker_stays_open_over_a_restart(memory):
    start, sink = memory
    retry = {"max_attempts": 100, "initial": "10ms", "max": "10ms", "jitter": "none"}
    gateway = start(breaker=BREAKER, retry=retry)
    sink.mode("status", "500")
    send(gateway, 8)
    eventually(lambda: shown(gateway)["breaker"], "open", "the breaker")
    gateway.stop()
    sink.mode("ok")
    count = sink.count()
    gateway = start(breaker=BREAKER, retry=retry)
    assert shown(gateway)["breaker"] == "open"
    send(gateway)
    assert shown(gateway)["breaker"] == "open" and sink.count() == count


def test_an_upgrade_changes_nothing_of_it(memory):
    start, sink = memory
    # Whatever is sent after the first one within the hour is one too many.
    gateway = start(rate="1/h")
    send(gateway)
    eventually(sink.count, 1, "deliveries")
    pid = gateway.process.pid
    try:
        for number in range(1, 4):
            os.kill(pid, signal.SIGUSR2)
            before, pid = pid, eventually(lambda: took_over(gateway), lambda found: len(found) == number, "upgrades")[-1]
            eventually(lambda: gone(before), True, f"process {before}")
            send(gateway)
            assert sink.count() == 1
            if number == 1:
                assert command(gateway, "outputs", "breaker", "hook", "closed")["breaker"] == "forced_closed"
            assert shown(gateway)["breaker"] == "forced_closed"
        went_on = [entry for entry in gateway.log()
                   if entry and entry["message"] == "outputs go on where the process before left them"]
        assert went_on and all(entry["outputs"] == 1 for entry in went_on)
    finally:
        end(pid)
