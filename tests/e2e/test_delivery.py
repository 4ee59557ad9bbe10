"""From accepted to delivered: what receivers do wrong, and what becomes of it."""

import json
from datetime import datetime, timedelta, timezone

import pytest

from gateway_process import eventually
from notifications import command, dead_letters, webhook

NOTE = {"topic": "orders.paid", "level": "warning", "title": "Paid"}


def failed_attempts(gateway, output="hook"):
    """Its log's lines about attempts of that output that failed."""
    return [line for line in gateway.log()
            if line and line["message"] == "attempt failed" and line["output"] == output]


def await_state(client, notification_id, state, output="hook"):
    eventually(lambda: client.states(notification_id)[output], state, f"the delivery to {output}")


def delivery_of(client, notification_id, output="hook"):
    _, _, body = client.get(notification_id)
    return next(delivery for delivery in body["deliveries"] if delivery["output"] == output)


def title(request):
    return json.loads(request["body"])["title"]


def check_repetitions(requests, delivery_id):
    """All of them are attempts of one delivery, in order."""
    assert {request["headers"]["idempotency-key"] for request in requests} == {delivery_id}
    assert {json.loads(request["body"])["delivery_id"] for request in requests} == {delivery_id}
    numbers = [int(request["headers"]["tocsin-attempt"]) for request in requests]
    assert numbers == list(range(1, len(requests) + 1))


# --- receivers that fail ------------------------------------------------------------------------------

FAILURES = {
    "answers 500": (["status", "500"], "500"),
    "answers 503": (["status", "503"], "503"),
    "answers 408": (["status", "408"], "408"),
    "hangs": (["hang"], ""),
    "resets": (["reset"], ""),
    "closes": (["close"], ""),
    "answers garbage": (["garbage"], ""),
}


@pytest.mark.sanitize
@pytest.mark.parametrize("mode,word", FAILURES.values(), ids=FAILURES.keys())
def test_a_receiver_that_fails_is_tried_again_then_a_dead_letter_and_redriven(start, sink, mode, word):
    gateway, client = start({"hook": webhook(sink, timeout="400ms")})
    sink.mode(*mode)
    sent = client.accepted(NOTE)
    await_state(client, sent, "dead")

    # As the settings say: 20 ms, doubled, and the third attempt was the last.
    failed = failed_attempts(gateway)
    assert [(line["attempt"], line["next"]) for line in failed] == [(1, "ready"), (2, "ready"), (3, "dead")]
    assert [line["wait_ms"] for line in failed][:2] == [20, 40]
    assert {line["verdict"] for line in failed} == {"retry"}

    [letter] = dead_letters(gateway)
    assert letter["attempts"] == 3 and letter["review"] == "pending"
    assert letter["reason"].startswith("gave up after attempt 3: ") and word in letter["reason"]
    assert delivery_of(client, sent)["id"] == letter["id"]
    check_repetitions(sink.received(), letter["id"])

    before = sink.count()
    sink.mode("ok")
    [answer] = command(gateway, "dlq", "redrive", letter["id"])
    assert answer["id"] == letter["id"]
    await_state(client, sent, "delivered")
    assert dead_letters(gateway) == []
    check_repetitions(sink.received()[before:], letter["id"])


@pytest.mark.sanitize
def test_a_receiver_that_is_down_is_tried_again_then_a_dead_letter_and_redriven(start, sink):
    gateway, client = start({"hook": webhook(sink)})
    sink.stop()
    sent = client.accepted(NOTE)
    await_state(client, sent, "dead")
    assert [line["attempt"] for line in failed_attempts(gateway)] == [1, 2, 3]
    [letter] = dead_letters(gateway)
    assert "refused" in letter["reason"]
    sink.start()
    command(gateway, "dlq", "redrive", letter["id"])
    await_state(client, sent, "delivered")
    check_repetitions(sink.received(), letter["id"])


@pytest.mark.parametrize("status", ["429", "503"])
def test_a_receiver_that_names_a_time_is_left_alone_until_then_and_nothing_is_spent(start, sink, status):
    gateway, client = start({"hook": webhook(sink, retry={"max_attempts": 1})})
    sink.mode("status", status, "1")
    sent = client.accepted(NOTE)
    eventually(lambda: len(failed_attempts(gateway)), lambda count: count >= 1)
    # It closes the whole output: a second one is not tried before that time is over.
    second = client.accepted({**NOTE, "title": "Second"})
    assert client.states(second) == {"hook": "claimed"}
    sink.mode("ok")
    for notification in (sent, second):
        await_state(client, notification, "delivered")
    # One attempt is allowed in all, and the one that came too early was none.
    requests = sink.received()
    first = [request for request in requests if title(request) == "Paid"]
    assert {request["headers"]["tocsin-attempt"] for request in first} == {"1"}
    assert {request["headers"]["idempotency-key"] for request in first} == {delivery_of(client, sent)["id"]}
    for line in failed_attempts(gateway):
        assert (line["verdict"], line["next"], line["wait_ms"]) == ("throttled", "claimed", 1000)
    assert sorted(title(request) for request in requests if request["answer"] == "ok") == ["Paid", "Second"]


def test_a_schedule_is_kept(start, sink):
    output = webhook(sink)
    output["delivery"] = {"schedule": ["10ms", "30ms", "20ms"]}
    gateway, client = start({"hook": output})
    sink.mode("status", "500")
    sent = client.accepted(NOTE)
    await_state(client, sent, "dead")
    waits = [line["wait_ms"] for line in failed_attempts(gateway)]
    # Never earlier than written, and up to a tenth later.
    assert len(waits) == 4
    assert all(wanted <= wait <= wanted * 1.1 for wanted, wait in zip([10, 30, 20], waits))


@pytest.mark.parametrize("status,words", [(400, "rejected"), (404, "rejected"), (410, "gone")])
def test_a_refusal_is_a_dead_letter_at_once(start, sink, status, words):
    gateway, client = start({"hook": webhook(sink)})
    sink.mode("status", str(status))
    sent = client.accepted(NOTE)
    await_state(client, sent, "dead")
    [letter] = dead_letters(gateway)
    assert letter["attempts"] == 1 and sink.count() == 1
    assert words in letter["reason"] and str(status) in letter["reason"]


def test_refused_credentials_pause_the_output(start, sink):
    gateway, client = start({"hook": webhook(sink)})
    sink.mode("status", "401")
    sent = client.accepted(NOTE)
    gateway.expected_errors.add("output paused: its credentials are refused")
    gateway.wait_for_log("output paused: its credentials are refused")
    await_state(client, sent, "ready")
    assert gateway.metric("tocsin_lane_paused", output="hook", reason="unauthorized") == 1
    waiting = [client.accepted(NOTE) for _ in range(3)]
    assert sink.count() == 1, "a paused output is not tried"
    assert all(client.states(one)["hook"] != "delivered" for one in waiting)


def test_many_dead_letters_are_redriven_by_output(start, sink):
    gateway, client = start({"hook": webhook(sink)})
    sink.mode("status", "404")
    sent = [client.accepted({**NOTE, "title": f"n{i}"}) for i in range(20)]
    for notification in sent:
        await_state(client, notification, "dead")
    command(gateway, "dlq", "discard", dead_letters(gateway)[0]["id"])
    sink.mode("ok")
    before = sink.count()
    assert command(gateway, "dlq", "redrive", "--output", "hook", "--all")["changed"] == 19
    eventually(lambda: sink.count() - before, 19)
    assert sorted(sink.titles()[before:]) == sorted(f"n{i}" for i in range(19))


# --- a delivery's own wishes ----------------------------------------------------------------------------

def test_what_waits_is_cancelled_at_once(start, sink):
    _, client = start({"hook": webhook(sink)})
    sent = client.accepted({**NOTE, "delay": "1h"})
    assert client.states(sent) == {"hook": "ready"}
    status, _, body = client.cancel(sent)
    assert (status, body) == (200, {"cancelled": 1, "in_flight": 0, "done": 0})
    assert client.states(sent) == {"hook": "cancelled"}
    assert client.cancel(sent)[0] == 409
    assert sink.count() == 0


def test_what_is_in_flight_and_fails_is_cancelled_instead_of_tried_again(start, sink):
    _, client = start({"hook": webhook(sink, timeout="500ms")})
    sink.mode("hang")
    sent = client.accepted(NOTE)
    eventually(sink.count, 1)
    status, _, body = client.cancel(sent)
    assert (status, body) == (200, {"cancelled": 0, "in_flight": 1, "done": 0})
    await_state(client, sent, "cancelled")
    assert sink.count() == 1


def test_what_is_in_flight_and_arrives_was_delivered(start, sink):
    _, client = start({"hook": webhook(sink, timeout="10s")})
    sink.mode("slow", "0.3")
    sent = client.accepted(NOTE)
    eventually(sink.count, 1)
    assert client.cancel(sent)[2] == {"cancelled": 0, "in_flight": 1, "done": 0}
    await_state(client, sent, "delivered")
    assert client.cancel(sent)[0] == 409


def test_what_waits_behind_others_is_cancelled_in_memory_and_in_the_store(start, sink):
    _, client = start({"hook": webhook(sink, timeout="30s", concurrency=1)})
    sink.mode("slow", "0.5")
    first = client.accepted(NOTE)
    eventually(sink.count, 1)
    others = [client.accepted({**NOTE, "title": f"n{i}"}) for i in range(10)]
    for other in others:
        assert client.cancel(other)[0] == 200
    sink.mode("ok")
    last = client.accepted({**NOTE, "title": "last"})
    await_state(client, first, "delivered")
    await_state(client, last, "delivered")
    for other in others:
        await_state(client, other, "cancelled")
    assert sink.titles() == ["Paid", "last"]


def test_a_later_delivery_waits_while_others_pass(start, sink):
    gateway, client = start({"hook": webhook(sink)})
    late = client.accepted({**NOTE, "title": "late", "delay": "1s"})
    dated = client.accepted({**NOTE, "title": "dated", "deliver_at": "2222-02-02T00:00:00Z"})
    soon = client.accepted({**NOTE, "title": "soon"})
    await_state(client, soon, "delivered")
    await_state(client, late, "delivered")
    assert sink.titles() == ["soon", "late"]
    delivery = delivery_of(client, dated)
    assert (delivery["state"], delivery["next_at"]) == ("ready", "2222-02-02T00:00:00.000Z")
    assert client.cancel(dated)[0] == 200
    assert failed_attempts(gateway) == []


def test_what_expires_while_it_waits_is_a_dead_letter_and_not_tried(start, sink):
    gateway, client = start({"hook": webhook(sink, concurrency=1, timeout="30s")})
    sink.mode("hang")
    blocking = client.accepted({**NOTE, "title": "blocking"})
    eventually(sink.count, 1)
    soon = datetime.now(timezone.utc) + timedelta(seconds=1)
    sent = client.accepted({**NOTE, "expires_at": soon.isoformat(timespec="milliseconds")})
    eventually(lambda: datetime.now(timezone.utc) > soon, True)
    assert client.cancel(blocking)[0] == 200
    sink.stop()  # which ends the attempt
    await_state(client, blocking, "cancelled")
    await_state(client, sent, "dead")
    assert delivery_of(client, sent)["reason"] == "expired"
    assert sink.titles() == ["blocking"]
    assert len(failed_attempts(gateway)) == 1


def test_what_expires_between_attempts_is_a_dead_letter(start, sink):
    retry = {"max_attempts": 100, "initial": "100ms", "max": "100ms", "jitter": "none"}
    _, client = start({"hook": webhook(sink, retry=retry, expires_after="1s")})
    sink.mode("status", "500")
    sent = client.accepted(NOTE)
    await_state(client, sent, "dead")
    delivery = delivery_of(client, sent)
    assert delivery["reason"] == "expired"
    assert 0 < delivery["attempts"] == sink.count() < 100


# --- several, and their order ---------------------------------------------------------------------------

@pytest.mark.parametrize("workers", [1, 4])
def test_each_output_has_a_fate_of_its_own(start, start_sink, workers):
    good, bad = start_sink(), start_sink()
    outputs = {"good": webhook(good), "bad": webhook(bad), "gone": webhook(good, "/fail/x"), "nil": {"type": "null"}}
    gateway, client = start(outputs, gateway={"workers": workers})
    bad.mode("status", "404")
    status, _, body = client.send(NOTE)
    assert (status, body["deliveries"]) == (202, 4)
    wanted = {"good": "delivered", "bad": "dead", "gone": "dead", "nil": "delivered"}
    eventually(lambda: client.states(body["id"]), wanted)
    bad.mode("ok")
    [letter] = dead_letters(gateway, "bad")
    command(gateway, "dlq", "redrive", letter["id"])
    eventually(lambda: client.states(body["id"]), {**wanted, "bad": "delivered"})
    keys = [request["headers"]["idempotency-key"] for request in good.received() + bad.received()]
    assert len(set(keys)) == 3, "each delivery has an id of its own"
    assert len([request for request in good.received() if request["path"] == "/hook"]) == 1


@pytest.mark.sanitize
@pytest.mark.parametrize("workers", [1, 4])
def test_a_slow_output_holds_nobody_up_and_each_keeps_its_order(start, start_sink, workers):
    slow, fast = start_sink(), start_sink()
    outputs = {"slow": webhook(slow, concurrency=1, timeout="30s"), "fast": webhook(fast, concurrency=1)}
    _, client = start(outputs, gateway={"workers": workers})
    slow.mode("slow", "0.5")
    titles = [f"n{i}" for i in range(60)]
    for name in titles:
        client.accepted({**NOTE, "title": name})
    eventually(fast.titles, titles)
    assert len(slow.titles()) < len(titles)
    slow.mode("ok")
    eventually(slow.titles, titles)


@pytest.mark.parametrize("workers", [1, 4])
def test_critical_ones_pass_the_queue(start, sink, workers):
    _, client = start({"hook": webhook(sink, concurrency=1, timeout="30s")}, gateway={"workers": workers})
    sink.mode("slow", "0.5")
    client.accepted({**NOTE, "title": "first"})
    eventually(sink.count, 1)
    for i in range(200):
        client.accepted({**NOTE, "title": f"n{i}"})
    urgent = client.accepted({**NOTE, "level": "critical", "title": "urgent"})
    begun = sink.count()
    await_state(client, urgent, "delivered")
    sink.mode("ok")
    eventually(sink.count, 202)
    titles = sink.titles()
    assert begun < 100, "the receiver was too fast for there to be a queue"
    # Behind what was begun when it was accepted, and the one that may have begun before we looked.
    assert titles.index("urgent") <= begun + 1, titles[:begun + 8]
    titles.remove("urgent")
    assert titles == ["first"] + [f"n{i}" for i in range(200)]


# --- the instrument -------------------------------------------------------------------------------------

RETRY = {"max_attempts": 5, "initial": "1ms", "max": "1ms", "jitter": "none"}
# A script, whether the receiver drops repetitions, and what the delivery comes to.
SCRIPTS = [
    (["retry", "retry", "delivered"], True, "delivered", 3, None),
    (["retry 5ms", "throttled 5ms", "delivered"], True, "delivered", 2, None),
    (["rejected"], True, "dead", 1, "rejected: the script says rejected"),
    (["target_gone"], True, "dead", 1, "the target is gone: the script says target_gone"),
    (["ambiguous"], False, "dead", 1, "ambiguous: the script says ambiguous"),
    (["ambiguous", "delivered"], True, "delivered", 2, None),
    (["internal"], True, "dead", 3, "fault of the output: the script says internal"),
    (["hang"], False, "dead", 1, "ambiguous: no verdict within 300ms"),
    (["hang", "delivered"], True, "delivered", 2, None),
]


@pytest.mark.sanitize
@pytest.mark.parametrize("script,idempotent,state,attempts,reason", SCRIPTS, ids=[" ".join(row[0]) for row in SCRIPTS])
def test_verdicts_come_to_what_the_table_says(start, script, idempotent, state, attempts, reason):
    output = {"type": "flaky", "script": script, "idempotent": idempotent,
              "delivery": {"timeout": "300ms", "retry": RETRY}}
    _, client = start({"out": output})
    sent = client.accepted(NOTE)
    await_state(client, sent, state, "out")
    delivery = delivery_of(client, sent, "out")
    assert (delivery["attempts"], delivery.get("reason")) == (attempts, reason)


def test_verdicts_by_chance_lose_nothing(start):
    rates = {"delivered": 5, "retry": 3, "internal": 1, "rejected": 1}
    output = {"type": "flaky", "rates": rates, "idempotent": True, "delivery": {"retry": RETRY}}
    gateway, client = start({"out": output})
    status, _, body = client.lines([NOTE] * 1000)
    assert status == 202
    ids = [result["id"] for result in body["results"]]

    def settled():
        return sum(gateway.metric("tocsin_deliveries_total", output="out", result=result)
                   for result in ("delivered", "dead"))

    eventually(settled, len(ids))
    states = [client.states(one)["out"] for one in ids]
    assert set(states) == {"delivered", "dead"}
    assert states.count("dead") == gateway.metric("tocsin_deliveries_total", output="out", result="dead")
