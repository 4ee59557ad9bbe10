"""Sending notifications: what is accepted, what is refused and how it is told."""

import contextlib
import json
import sqlite3
import threading

import pytest

from gateway_process import eventually
from notifications import Client, settings, webhook

NULL = {"out": {"type": "null"}}
ALARM = {"topic": "orders.paid", "level": "warning", "title": "Paid"}


@pytest.fixture
def gateway(start_gateway, tmp_path):
    return start_gateway(settings(tmp_path, NULL))


@pytest.fixture
def client(gateway):
    client = Client(gateway)
    yield client
    client.close()


@pytest.mark.sanitize
def test_a_notification_is_accepted_and_delivered(client):
    status, headers, body = client.send(ALARM)
    assert (status, body["status"], body["deliveries"]) == (202, "accepted", 1)
    assert body["id"].startswith("ntf_")
    assert headers["Location"] == f"/v1/notifications/{body['id']}"
    eventually(lambda: client.states(body["id"]), {"out": "delivered"})
    _, _, found = client.get(body["id"])
    assert found["notification"] == ALARM
    assert found["deliveries"][0]["attempts"] == 1


def test_ids_ascend(client):
    ids = [client.accepted(ALARM) for _ in range(20)]
    assert ids == sorted(ids) and len(set(ids)) == 20


BAD = [
    ("[]", "", "a JSON object"),
    ("", "", ""),
    ("{", "", ""),
    ('{"topic": "a"} x', "", ""),
    ('{"topic": "a", "topic": "b"}', "/topic", "twice"),
    ('{"level": "info"}', "/topic", ""),
    ('{"topic": ""}', "/topic", ""),
    ('{"topic": 5}', "/topic", ""),
    ('{"topic": "a", "level": "loud"}', "/level", ""),
    ('{"topic": "a", "lable": {}}', "/lable", ""),
    ('{"topic": "a", "labels": {"x": 1}}', "/labels/x", ""),
    ('{"topic": "a", "labels": {"x": "1", "x": "2"}}', "/labels/x", "twice"),
    ('{"topic": "a", "to": ["nobody"]}', "/to/0", ""),
    ('{"topic": "a", "data": {"k": 1, "k": 2}}', "/data/k", "twice"),
    ('{"topic": "a", "deliver_at": "soon"}', "/deliver_at", ""),
    ('{"topic": "a", "delay": "5"}', "/delay", ""),
    ('{"topic": "a", "data": ' + "[" * 200_000 + "]" * 200_000 + "}", "/data", "deep"),
]


@pytest.mark.sanitize
@pytest.mark.parametrize("text,pointer,word", BAD, ids=[text[:40] for text, _, _ in BAD])
def test_bad_notifications_are_told_where(client, text, pointer, word):
    status, headers, body = client.send(text)
    assert status == 400, body
    assert headers["Content-Type"] == "application/problem+json"
    assert body["pointer"].startswith(pointer)
    assert word in body["detail"]


@pytest.mark.sanitize
def test_bad_utf8_is_refused(client):
    status, _, body = client.send(b'{"topic": "a\xff"}')
    assert status == 400, body


def test_other_content_types_are_refused(client):
    status, _, _ = client.send(json.dumps(ALARM), Content_Type="text/plain")
    assert status == 415


def test_a_long_body_is_refused(client):
    status, _, _ = client.send({**ALARM, "body": "x" * (2 << 20)})
    assert status == 413


def test_other_methods_and_paths(client):
    status, headers, _ = client.request("PUT", "/v1/notifications", ALARM)
    assert (status, headers["Allow"]) == (405, "POST")
    assert client.request("GET", "/v1/elsewhere")[0] == 404
    assert client.get("ntf_0000000000000")[0] == 404
    assert client.get("nonsense")[0] == 404


def test_nobody_who_must_hear_is_an_error(start_gateway, tmp_path):
    gateway = start_gateway(settings(tmp_path, NULL, routes=[{"match": {"topic": "a.*"}, "outputs": ["out"]}]))
    client = Client(gateway)
    assert client.send({"topic": "a.b"})[0] == 202
    status, _, body = client.send({"topic": "b.a"})
    assert status == 422 and "route" in body["detail"]


@pytest.mark.sanitize
def test_batches_answer_item_by_item(client):
    items = [ALARM, {"topic": 1}, {**ALARM, "level": "nope"}, ALARM]
    for send in (client.batch, client.lines):
        status, _, body = send(items)
        assert status == 202
        results = body["results"]
        assert [result["status"] for result in results] == ["accepted", "invalid", "invalid", "accepted"]
        assert results[1]["pointer"] == "/topic" and results[2]["pointer"] == "/level"
        for result in (results[0], results[3]):
            eventually(lambda result=result: client.states(result["id"]), {"out": "delivered"})


def test_lines_that_are_no_json_fail_alone(client):
    status, _, body = client.lines([json.dumps(ALARM), "{nonsense", "", json.dumps(ALARM)])
    assert status == 202
    assert [result["status"] for result in body["results"]] == ["accepted", "invalid", "accepted"]


def test_a_batch_that_is_no_array(client):
    for text in ('{"topic": "a"}', "[", "[1,]", "", "[]", '[{"topic": "a"}] x'):
        assert client.request("POST", "/v1/notifications/batch", text)[0] == 400, text


def test_the_same_key_is_one_notification(client):
    first = client.send(ALARM, Idempotency_Key="k1")
    again = client.send(ALARM, Idempotency_Key="k1")
    assert first[0] == again[0] == 202
    assert first[2] == again[2]
    assert again[1]["Idempotent-Replayed"] == "true" and "Idempotent-Replayed" not in first[1]
    status, _, body = client.send({**ALARM, "title": "Other"}, Idempotency_Key="k1")
    assert status == 422, body
    assert client.accepted(ALARM, Idempotency_Key="k2") != first[2]["id"]


def test_a_key_is_known_after_a_restart_and_looks_different_in_every_store(start_gateway, tmp_path):
    stores = [tmp_path / name for name in ("one", "two")]
    for store in stores:
        store.mkdir()
        answers = []
        for _ in range(2):
            gateway = start_gateway(settings(store, NULL))
            client = Client(gateway)
            answers.append(client.send(ALARM, Idempotency_Key="k1")[2])
            client.close()
            gateway.stop()
        assert answers[0] == answers[1]
    hashes = []
    for store in stores:
        with contextlib.closing(sqlite3.connect(store / "outbox.db")) as database:
            hashes += [row[0] for row in database.execute("SELECT hash FROM keys")]
    assert len(hashes) == len(set(hashes)) == 2


def test_concurrent_twins_are_one_notification(gateway, client):
    answers = []
    start = threading.Barrier(16)

    def send():
        twin = Client(gateway)
        start.wait()
        answers.append(twin.send(ALARM, Idempotency_Key="twins"))
        twin.close()

    threads = [threading.Thread(target=send) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [status for status, _, _ in answers] == [202] * 16
    assert len({body["id"] for _, _, body in answers}) == 1
    assert gateway.metric("tocsin_notifications_total", input="api", outcome="committed") == 1


def test_callers_are_known_by_their_tokens(start_gateway, tmp_path):
    config = settings(tmp_path, NULL)
    config["inputs"]["api"]["tokens"] = {"shop": "s3cret-shop-token", "bank": "s3cret-bank-token"}
    gateway = start_gateway(config)
    shop, bank = Client(gateway, token="s3cret-shop-token"), Client(gateway, token="s3cret-bank-token")
    status, headers, _ = Client(gateway).send(ALARM)
    assert (status, headers["WWW-Authenticate"]) == (401, "Bearer")
    assert Client(gateway, token="s3cret-shop-tokem").send(ALARM)[0] == 401
    mine = shop.accepted(ALARM, Idempotency_Key="k")
    assert bank.accepted(ALARM, Idempotency_Key="k") != mine
    assert shop.get(mine)[0] == 200
    assert bank.get(mine)[0] == 404 and bank.cancel(mine)[0] == 404


def test_other_paths_may_take_notifications(start_gateway, tmp_path):
    config = settings(tmp_path, NULL)
    config["inputs"]["api"]["paths"] = ["/api/messages"]
    client = Client(start_gateway(config))
    status, _, body = client.request("POST", "/api/messages", ALARM)
    assert (status, body["status"]) == (202, "accepted")


def test_level_and_dedup_drop_and_say_so(start_gateway, tmp_path):
    filters = [{"type": "level", "min": "warning"}, {"type": "dedup", "window": "5m", "key": "{{topic}}"}]
    client = Client(start_gateway(settings(tmp_path, NULL, filters=filters)))
    assert client.send({**ALARM, "level": "info"})[2] == {"status": "dropped", "by": "level"}
    first = client.send(ALARM, Idempotency_Key="a")
    assert first[2]["status"] == "accepted"
    assert client.send({**ALARM, "title": "again"})[2] == {"status": "dropped", "by": "dedup"}
    assert client.send(ALARM, Idempotency_Key="a")[2] == first[2]
    assert client.send({**ALARM, "topic": "other"})[2]["status"] == "accepted"


def test_who_waits_hears_of_the_deliveries_or_at_the_deadline_of_their_acceptance(start_gateway, sink, tmp_path):
    config = settings(tmp_path, {"hook": webhook(sink, timeout="30s"), "bad": webhook(sink, "/fail/bad")})
    config["inputs"]["api"]["wait_timeout"] = "3s"
    client = Client(start_gateway(config))
    sink.mode("slow", "0.2")
    status, headers, body = client.request("POST", "/v1/notifications?wait=delivered", {"topic": "a", "title": "n"})
    assert status == 200
    assert {row["output"]: row["state"] for row in body["deliveries"]} == {"hook": "delivered", "bad": "dead"}

    sink.mode("hang")
    status, headers, body = client.request("POST", "/v1/notifications?wait=delivered", {"topic": "a", "title": "n"})
    assert (status, body["status"], body["deliveries"]) == (202, "accepted", 2)
    assert headers["Location"] == f"/v1/notifications/{body['id']}"
    status, _, body = client.request("GET", f"/v1/notifications/{body['id']}?wait=delivered")
    assert status == 200
    assert {row["output"]: row["state"] for row in body["deliveries"]} == {"hook": "claimed", "bad": "dead"}
