"""A store that cannot write: what comes is refused at once, nothing that was accepted is lost, and all is well again
when the fault is gone."""

import json
import os
import resource
import signal
import subprocess
import time

import pytest

from gateway_process import BINARY, eventually
from notifications import Client, settings, webhook

# Sooner than the store is tried again: who is refused is told so before anybody knows more.
AT_ONCE_SECONDS = 3

FAULTS = {
    "the store cannot commit",
    "the outcome of a commit is unknown: opening the store again",
    "the store does not open",
    "the store does not answer",
}


class Disk:
    """Where the store is, and the environment of the gateway that uses it."""

    def __init__(self, folder):
        self.folder = folder / "disk"
        self.folder.mkdir()
        self.environment = {}

    def close(self):
        pass


class FullDisk(Disk):
    """A file system of its own that somebody else fills."""

    def __init__(self, folder):
        super().__init__(folder)
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


class FailingWrites(Disk):
    """A disk on which every write fails, by the limit on the size of files."""

    def break_down(self, gateway):
        resource.prlimit(gateway.process.pid, resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))

    def mend(self, gateway):
        if gateway.process.poll() is not None:
            return  # the limit went with it
        resource.prlimit(gateway.process.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))


class FaultyDisk(Disk):
    """SQLite's own door to the disk, which fails as a file says."""

    fault = ""

    def __init__(self, folder):
        super().__init__(folder)
        self._faults = folder / "faults"
        self._faults.mkdir()
        library = BINARY.parent / "tests" / "libfaulty_disk.so"
        self.environment = {"LD_PRELOAD": str(library), "TOCSIN_FAULTY_DISK": str(self._faults)}

    def break_down(self, _gateway):
        (self._faults / self.fault).touch()

    def mend(self, _gateway):
        (self._faults / self.fault).unlink()


def failing_by(name):
    return type(name, (FaultyDisk,), {"fault": name})


# A sanitizer wants to be loaded before whatever is preloaded.
KINDS = [
    pytest.param(FullDisk, id="full disk", marks=pytest.mark.sanitize),
    pytest.param(FailingWrites, id="failing writes", marks=pytest.mark.sanitize),
    *(pytest.param(failing_by(fault), id=fault) for fault in ("full", "write_error", "sync_error", "read_only")),
]
KIND = {kind.id: kind for kind in KINDS}


@pytest.fixture(params=KINDS)
def disk(request, tmp_path):
    if request.param is FullDisk and os.geteuid() != 0:
        pytest.skip("only root may mount a file system")
    disk = request.param(tmp_path)
    yield disk
    disk.close()


@pytest.fixture(name="start_on")
def fixture_start_on(start_gateway, tmp_path):
    """A function that starts a gateway whose store is on a disk."""
    def start(disk, outputs, **more):
        config = settings(tmp_path, outputs, **more)
        config["storage"] = {"type": "sqlite", "path": str(disk.folder / "outbox.db"), "ballast_size": "1MiB"}
        gateway = start_gateway(config, environment=disk.environment)
        gateway.expected_errors |= FAULTS
        return gateway
    return start


def health(gateway):
    return json.loads(gateway.admin("/v1/health")[2])["status"]


def ready(gateway):
    status, _, text = gateway.admin("/readyz")
    return status, json.loads(text).get("reason")


def send(gateway, number):
    """One notification that takes room, on a connection of its own; a TimeoutError unless it is answered at once."""
    client = Client(gateway, timeout=AT_ONCE_SECONDS)
    try:
        note = {"topic": "a", "title": f"n{number}", "body": "x" * 30_000}
        return client.send(note, Idempotency_Key=f"k{number}")
    finally:
        client.close()


def send_until_refused(gateway, number):
    """Of a log that was written before there may be room for some more. The ids of those."""
    accepted = []
    while True:
        status, headers, body = send(gateway, number + len(accepted))
        if status != 202:
            assert status == 503 and int(headers["Retry-After"]) >= 1, body
            return accepted
        accepted.append(body["id"])


def test_what_could_not_be_stored_is_refused_at_once_and_its_repetition_delivered(disk, start_on, sink):
    dedup = {"type": "dedup", "window": "1h", "key": "{{title}}"}
    gateway = start_on(disk, {"hook": webhook(sink)}, filters=[dedup])
    accepted = [send(gateway, i)[2]["id"] for i in range(10)]
    disk.break_down(gateway)
    accepted += send_until_refused(gateway, len(accepted))
    number = len(accepted)
    refused = [number, number + 1, number + 2]
    for one in refused:
        status, headers, body = send(gateway, one)
        assert status == 503 and int(headers["Retry-After"]) >= 1, body
    eventually(lambda: health(gateway), "degraded")
    eventually(lambda: ready(gateway), (503, "the store takes nothing"))

    disk.mend(gateway)
    # The client tries again, as it was told: neither the filter nor the key may take it for a repetition.
    sent = {}
    for one in refused:
        status, _, body = eventually(lambda one=one: send(gateway, one), lambda answer: answer[0] != 503)
        assert (status, body["status"]) == (202, "accepted"), body
        sent[one] = body["id"]
    client = Client(gateway)
    for one in [*accepted, *sent.values()]:
        eventually(lambda one=one: client.states(one), {"hook": "delivered"})
    eventually(lambda: health(gateway), "ok")
    eventually(lambda: ready(gateway), (200, None))
    assert set(sink.titles()) == {f"n{i}" for i in range(number + 3)}
    # And now they are repetitions. (Of the first nobody may have known whether it was stored; its title is not
    # remembered then, since a repetition is better than a loss.)
    assert send(gateway, refused[1])[2]["id"] == sent[refused[1]]
    assert client.send({"topic": "a", "title": f"n{refused[1]}"})[2] == {"status": "dropped", "by": "dedup"}


@pytest.mark.parametrize("disk", [KIND["failing writes"], KIND["sync_error"]], indirect=True)
def test_no_attempt_begins_on_a_store_that_is_down_and_verdicts_wait(disk, start_on, sink):
    gateway = start_on(disk, {"hook": webhook(sink, concurrency=4, timeout="30s")})
    # Long enough for the gateway to find out what became of its disk.
    sink.mode("slow", "7")
    client = Client(gateway)
    sent = [client.accepted({"topic": "a", "title": f"n{i}"}) for i in range(6)]
    eventually(sink.count, 4)
    disk.break_down(gateway)
    eventually(lambda: gateway.metric("tocsin_store_up"), 0)
    assert gateway.metric("tocsin_lane_in_flight", output="hook") == 4

    eventually(lambda: gateway.metric("tocsin_attempts_total", output="hook", verdict="delivered"), 4)
    assert gateway.metric("tocsin_lane_in_flight", output="hook") == 0
    assert gateway.metric("tocsin_lane_held", output="hook") == 6
    assert sink.count() == 4

    sink.mode("ok")
    disk.mend(gateway)
    eventually(lambda: gateway.metric("tocsin_store_up"), 1)
    for one in sent:
        eventually(lambda one=one: client.states(one), {"hook": "delivered"})
    # The verdicts that waited were kept: nothing was sent twice.
    assert sorted(sink.titles()) == [f"n{i}" for i in range(6)]


@pytest.mark.parametrize("disk", [KIND["full disk"]], indirect=True)
def test_a_full_disk_refuses_what_comes_and_still_delivers_what_it_has(disk, start_on, sink):
    # It is tried again until the sink is back.
    retry = {"max_attempts": 1000, "initial": "20ms", "max": "40ms", "jitter": "none"}
    gateway = start_on(disk, {"hook": webhook(sink, concurrency=2, timeout="30s", retry=retry)})
    sink.mode("hang")
    accepted = [send(gateway, i)[2]["id"] for i in range(20)]
    eventually(sink.count, 2)
    disk.break_down(gateway)
    accepted += send_until_refused(gateway, len(accepted))
    # What hangs is tried again. Each attempt is a commit, so many that their log alone would fill the room
    # that the ballast left.
    sink.stop()
    eventually(lambda: gateway.metric("tocsin_attempts_total", output="hook", verdict="retry"),
               lambda count: count and count >= 1000)
    sink.start()
    client = Client(gateway)
    for one in accepted:
        eventually(lambda one=one: client.states(one), {"hook": "delivered"})
    assert send(gateway, len(accepted))[0] == 503
    assert gateway.metric("tocsin_store_up") == 1
    disk.mend(gateway)
    eventually(lambda: send(gateway, len(accepted))[0], 202)


@pytest.mark.parametrize("disk", [KIND["full disk"], KIND["full"]], indirect=True)
def test_a_full_disk_is_not_taken_for_ready_between_two_tries(disk, start_on, sink):
    gateway = start_on(disk, {"hook": webhook(sink)})
    disk.break_down(gateway)
    send_until_refused(gateway, 0)
    eventually(lambda: ready(gateway), (503, "the store takes nothing"))
    # The store is tried every 5 s.
    until = time.monotonic() + 12
    while time.monotonic() < until:
        assert ready(gateway) == (503, "the store takes nothing")
        time.sleep(0.002)
    disk.mend(gateway)
    # Without anybody who sends: no balancer would.
    eventually(lambda: ready(gateway), (200, None))
    assert send(gateway, 1000)[0] == 202


@pytest.mark.parametrize("disk", [KIND["failing writes"], KIND["full disk"]], indirect=True)
def test_the_audit_holds_nobody_up_while_the_store_cannot_keep_it(disk, start_on, sink):
    def discard(letter):
        """Of a dead letter that is none: answered, and audited, without a change. Alone it asks nothing of the disk."""
        return gateway.admin(f"/v1/dead-letters/dlv_{letter}-0/discard", method="POST")[0]

    def kept():
        rows = json.loads(gateway.admin("/v1/audit")[2])["audit"]
        return {row["target"] for row in rows if row["action"] == "dead_letter.discard"}

    gateway = start_on(disk, {"hook": webhook(sink)})
    assert discard("b") == 404
    eventually(kept, {"dlv_b-0"})
    disk.break_down(gateway)
    send_until_refused(gateway, 0)
    began = time.monotonic()
    assert discard("c") in (404, 503)
    assert time.monotonic() - began < AT_ONCE_SECONDS
    logged = eventually(lambda: {line.get("target") for line in gateway.log() if line and line.get("logger") == "audit"},
                        lambda targets: "dlv_c-0" in targets)
    assert "dlv_b-0" in logged
    eventually(lambda: gateway.metric("tocsin_audit_lost_total"), lambda lost: lost >= 1)
    disk.mend(gateway)
    eventually(lambda: health(gateway), "ok")
    assert discard("d") == 404
    eventually(lambda: "dlv_d-0" in kept(), True)
    assert "dlv_c-0" not in kept()


@pytest.mark.parametrize("disk", [KIND["failing writes"], KIND["sync_error"]], indirect=True)
def test_a_drain_on_a_store_that_is_down_ends_with_the_attempts_under_way_and_loses_nothing(disk, start_on, sink):
    # A grace that no test waits for.
    grace = {"shutdown_grace": "10m", "log": {"level": "debug"}}
    outputs = {"hook": webhook(sink, concurrency=2, timeout="30s")}
    gateway = start_on(disk, outputs, gateway=grace)
    sink.mode("slow", "7")
    client = Client(gateway)
    sent = [client.accepted({"topic": "a", "title": f"n{i}"}) for i in range(4)]
    client.close()
    eventually(sink.count, 2)
    disk.break_down(gateway)
    eventually(lambda: gateway.metric("tocsin_store_up"), 0)
    gateway.signal(signal.SIGTERM)
    assert gateway.wait() == 0
    messages = [entry["message"] for entry in gateway.log()]
    assert messages.count("delivered") == 2 and sink.count() == 2
    assert "the store is down, so nothing can be settled: the next start takes the deliveries over" in messages

    disk.mend(gateway)
    sink.mode("ok")
    gateway = start_on(disk, outputs)
    assert gateway.wait_for_log("store opened")["taken_over"] >= 2
    client = Client(gateway)
    for one in sent:
        eventually(lambda one=one: client.states(one), {"hook": "delivered"})
    assert set(sink.titles()) == {f"n{i}" for i in range(4)}
    # What had arrived came again, as the same delivery.
    assert len({request["headers"]["idempotency-key"] for request in sink.received()}) == 4
