"""One worker or four: what becomes of notifications is the same, whoever took them."""

import threading

import pytest

from gateway_process import eventually
from notifications import Client, command, dead_letters, settings, webhook

# Enough connections that each of four workers gets some.
CLIENTS = 16
EACH = 12


def outputs(sink):
    return {
        "hook": webhook(sink),
        "bad": webhook(sink, "/fail/bad"),
        "nil": {"type": "null"},
        "flaky": {"type": "flaky", "script": ["retry 1ms"], "idempotent": True,
                  "delivery": {"breaker": False, "retry_budget": False,
                               "retry": {"max_attempts": 2, "initial": "1ms", "max": "1ms", "jitter": "none"}}},
    }


ROUTES = [
    {"match": {"min_level": "critical"}, "outputs": ["nil"], "continue": True},
    {"match": {"topic": "bad.*"}, "outputs": ["bad", "flaky"]},
    {"match": {"topic": "good.*"}, "outputs": ["hook"]},
]
FILTERS = [{"type": "level", "min": "info"}, {"type": "dedup", "window": "5m", "key": "{{topic}}:{{title}}"}]
KNOWN = [{"topic": "good.x", "title": f"known-{i}", "level": "error"} for i in range(EACH)]


def notifications_of(client):
    """What one client sends. Titles that begin with "known" were sent before."""
    notes = []
    for i in range(EACH):
        notes.append({"topic": "good.x", "title": f"{client}-{i}", "level": "info"})
        notes.append({"topic": "bad.x", "title": f"{client}-{i}", "level": "critical" if i % 3 == 0 else "warning"})
        notes.append(KNOWN[i])
        notes.append({"topic": "good.x", "title": "quiet", "level": "debug"})
        notes.append({"topic": "nobody.x", "title": f"{client}-{i}", "level": "error"})
    return notes


def send_together(gateway):
    """Every client's answers, sent at the same time over connections of their own."""
    answers = [[] for _ in range(CLIENTS)]
    start = threading.Barrier(CLIENTS)

    def send(index):
        client = Client(gateway)
        start.wait()
        for note in notifications_of(f"c{index}"):
            status, _, body = client.send(note)
            answers[index].append((note, status, body))
        client.close()

    threads = [threading.Thread(target=send, args=(index,)) for index in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return [answer for one in answers for answer in one]


@pytest.mark.sanitize
@pytest.mark.parametrize("workers", [1, 4])
def test_the_same_comes_of_the_same(start_gateway, sink, tmp_path, workers):
    gateway = start_gateway(settings(tmp_path, outputs(sink), ROUTES, FILTERS, gateway={"workers": workers}))
    reader = Client(gateway)
    for note in KNOWN:
        reader.accepted(note)
    answers = send_together(gateway)
    told = {}
    for _, status, body in answers:
        word = body.get("status") if status == 202 else status
        key = (word, body.get("by"), body.get("deliveries"))
        told[key] = told.get(key, 0) + 1
    each = CLIENTS * EACH
    critical = CLIENTS * len(range(0, EACH, 3))
    assert told == {
        ("accepted", None, 1): each,
        ("dropped", "dedup", None): each,
        ("dropped", "level", None): each,
        ("accepted", None, 2): each - critical,
        ("accepted", None, 3): critical,
        (422, None, None): each,
    }

    accepted = [(note, body["id"]) for note, status, body in answers if status == 202 and "id" in body]
    assert len({sent for _, sent in accepted}) == len(accepted)

    def ends(result, **labels):
        return gateway.metric("tocsin_deliveries_total", result=result, **labels)

    eventually(lambda: (ends("delivered", output="hook"), ends("delivered", output="nil")), (each + EACH, critical))
    eventually(lambda: (ends("dead", output="bad"), ends("dead", output="flaky")), (each, each))
    for note, sent in accepted[::7]:
        wanted = {"hook": "delivered"} if note["topic"] == "good.x" else {"bad": "dead", "flaky": "dead"}
        if note["level"] == "critical":
            wanted["nil"] = "delivered"
        assert reader.states(sent) == wanted

    hooks = [request for request in sink.received() if request["path"] == "/hook"]
    assert len(hooks) == len({request["headers"]["idempotency-key"] for request in hooks}) == each + EACH
    assert len(sink.received()) - len(hooks) == 3 * each, "each was tried three times"
    assert gateway.metric("tocsin_attempts_total", output="flaky", verdict="retry") == 2 * each
    assert command(gateway, "dlq", "discard", "--output", "bad", "--all")["changed"] == each
    assert {letter["review"] for letter in dead_letters(gateway, "bad")} <= {"discarded"}
    states = {row["name"]: (row["ready"], row["dead"]) for row in command(gateway, "outputs")["outputs"]}
    assert states == {"hook": (0, 0), "bad": (0, 0), "nil": (0, 0), "flaky": (0, each)}


@pytest.mark.sanitize
@pytest.mark.parametrize("workers", [1, 4])
def test_whoever_is_asked_knows_and_cancels(start_gateway, sink, tmp_path, workers):
    gateway = start_gateway(settings(tmp_path, {"hook": webhook(sink)}, gateway={"workers": workers}))
    clients = [Client(gateway) for _ in range(CLIENTS)]
    note = {"topic": "a", "title": "later", "delay": "1h"}
    ids = [client.accepted(note, Idempotency_Key="one key") for client in clients]
    assert len(set(ids)) == 1
    assert all(client.states(ids[0]) == {"hook": "ready"} for client in clients)
    assert [client.cancel(ids[0])[0] for client in clients] == [200] + [409] * (CLIENTS - 1)
    assert all(client.states(ids[0]) == {"hook": "cancelled"} for client in clients)
    # Ids ascend over all loops.
    ids = [client.accepted({"topic": "a", "title": "now"}) for client in clients * 3]
    assert ids == sorted(ids)
    eventually(sink.count, len(ids))
    for client in clients:
        client.close()
