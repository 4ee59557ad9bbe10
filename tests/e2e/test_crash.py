"""What a 202 promises holds when the gateway dies, is stopped, or cannot write."""

import json
import os
import random
import resource
import signal
import subprocess

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


# --- a store that cannot write --------------------------------------------------------------------------

FAULTS = {
    "the store cannot commit",
    "the outcome of a commit is unknown: opening the store again",
    "the store does not open",
    "the store does not answer",
}


class FullDisk:
    """A file system of its own that somebody else fills."""

    def __init__(self, folder):
        self.folder = folder / "disk"
        self.folder.mkdir()
        self._filler = self.folder / "filler"
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", self.folder], check=True)

    def break_down(self, _gateway):
        with open(self._filler, "wb", buffering=0) as filler:
            while True:
                try:
                    filler.write(b"x" * 4096)
                except OSError:
                    return

    def mend(self, _gateway):
        self._filler.unlink()

    def close(self):
        subprocess.run(["umount", self.folder], check=True)


class FailingWrites:
    """A disk on which every write fails, by the limit on the size of files."""

    def __init__(self, folder):
        self.folder = folder / "disk"
        self.folder.mkdir()

    def break_down(self, gateway):
        resource.prlimit(gateway.process.pid, resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))

    def mend(self, gateway):
        resource.prlimit(gateway.process.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))

    def close(self):
        pass


@pytest.fixture(params=[FullDisk, FailingWrites], ids=["full disk", "failing writes"])
def disk(request, tmp_path):
    if request.param is FullDisk and os.geteuid() != 0:
        pytest.skip("only root may mount a file system")
    disk = request.param(tmp_path)
    yield disk
    disk.close()


def health(gateway):
    return json.loads(gateway.admin("/v1/health")[2])["status"]


@pytest.mark.sanitize
def test_what_could_not_be_stored_is_refused_and_its_repetition_delivered(disk, start_gateway, sink, tmp_path):
    dedup = {"type": "dedup", "window": "1h", "key": "{{title}}"}
    config = settings(tmp_path, {"hook": webhook(sink)}, filters=[dedup])
    config["storage"] = {"type": "sqlite", "path": str(disk.folder / "outbox.db"), "ballast_size": "1MiB"}
    gateway = start_gateway(config)
    gateway.expected_errors |= FAULTS

    def send(number):
        """With a client that gives up: of a commit that failed nobody knows at once whether it was one."""
        client = Client(gateway, timeout=2)
        note = {"topic": "a", "title": f"n{number}", "body": "x" * 30_000}
        try:
            return client.send(note, Idempotency_Key=f"k{number}")
        except TimeoutError:
            return None, None, None
        finally:
            client.close()

    accepted = [send(i)[2]["id"] for i in range(10)]
    disk.break_down(gateway)
    # A log that was written before may have room for some more.
    number = len(accepted)
    while True:
        status, _, body = send(number)
        if status != 202:
            break
        accepted.append(body["id"])
        number += 1
    refused = [number, number + 1, number + 2]
    for one in refused:
        status, headers, body = send(one)
        assert status == 503 and int(headers["Retry-After"]) >= 1, body
    eventually(lambda: health(gateway), "degraded")

    disk.mend(gateway)
    # The client tries again, as it was told: neither the filter nor the key may take it for a repetition.
    sent = {}
    for one in refused:
        status, _, body = eventually(lambda one=one: send(one), lambda answer: answer[0] not in (503, None))
        assert (status, body["status"]) == (202, "accepted"), body
        sent[one] = body["id"]
    client = Client(gateway)
    for one in [*accepted, *sent.values()]:
        eventually(lambda one=one: client.states(one), {"hook": "delivered"})
    eventually(lambda: health(gateway), "ok")
    assert set(sink.titles()) == {f"n{i}" for i in range(number + 3)}
    # And now they are repetitions.
    assert send(refused[0])[2]["id"] == sent[refused[0]]
    assert client.send({"topic": "a", "title": f"n{refused[0]}"})[2] == {"status": "dropped", "by": "dedup"}
