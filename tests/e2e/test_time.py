"""What waits for its time: another time, superseded by a newer one, and whom nothing is sent to."""

import json

import pytest

from gateway_process import eventually
from notifications import Client, command, settings, webhook
from test_admin_api import at, tocsin

NOTE = {"topic": "orders.paid", "title": "Paid"}


@pytest.fixture
def start(start_gateway, tmp_path):
    clients = []

    def start_both(outputs, **more):
        gateway = start_gateway(settings(tmp_path, outputs, **more))
        clients.append(Client(gateway))
        return gateway, clients[-1]

    yield start_both
    for client in clients:
        client.close()


def reschedule(client, notification_id, body):
    return client.request("PATCH", f"/v1/notifications/{notification_id}", body)


def test_a_newer_notification_of_a_key_supersedes_what_waits(start, sink):
    _, client = start({"hook": webhook(sink)})
    first = client.accepted({**NOTE, "key": "order-1", "delay": "1h"})
    other = client.accepted({**NOTE, "key": "order-2", "delay": "1h"})
    kept = client.accepted({**NOTE, "delay": "1h"})
    newer = client.accepted({**NOTE, "key": "order-1", "title": "newer", "supersede": True})
    eventually(lambda: client.states(newer)["hook"], "delivered")
    assert client.get(first)[2]["deliveries"][0]["reason"] == "superseded"
    assert client.states(first)["hook"] == "cancelled"
    assert client.states(other)["hook"] == client.states(kept)["hook"] == "ready"
    assert sink.titles() == ["newer"]


def test_what_waits_gets_another_time(start, sink):
    _, client = start({"hook": webhook(sink)})
    sent = client.accepted({**NOTE, "delay": "1h"})
    status, _, body = reschedule(client, sent, {"deliver_at": "2222-02-02T00:00:00Z"})
    assert (status, body) == (200, {"rescheduled": 1, "in_flight": 0, "done": 0})
    assert client.get(sent)[2]["deliveries"][0]["next_at"] == "2222-02-02T00:00:00.000Z"
    assert reschedule(client, sent, {"delay": "100ms"})[0] == 200
    eventually(lambda: client.states(sent)["hook"], "delivered")
    assert reschedule(client, sent, {"delay": "1h"})[0] == 409
    assert reschedule(client, "ntf_0000000000000", {"delay": "1h"})[0] == 404


@pytest.mark.parametrize("body,pointer", [
    ({"delay": "soon"}, "/delay"), ({"deliver_at": "soon"}, "/deliver_at"), ({"delay": 5}, "/delay"),
    ({}, ""), ({"title": "other"}, ""), ("[", "")])
def test_no_time_is_400_with_a_pointer(start, sink, body, pointer):
    _, client = start({"hook": webhook(sink)})
    sent = client.accepted({**NOTE, "delay": "1h"})
    status, headers, problem = reschedule(client, sent, body)
    assert (status, headers["Content-Type"]) == (400, "application/problem+json")
    assert problem["pointer"] == pointer and problem["detail"]


def test_nothing_is_put_beyond_its_expiry(start, sink):
    _, client = start({"hook": webhook(sink)})
    sent = client.accepted({**NOTE, "delay": "1h", "expires_at": "2222-02-02T00:00:00Z"})
    assert reschedule(client, sent, {"deliver_at": "2222-02-03T00:00:00Z"})[0] == 422


def test_what_is_scheduled_survives_a_kill(start, start_gateway, sink, tmp_path):
    gateway, client = start({"hook": webhook(sink)})
    sent = [client.accepted({**NOTE, "title": f"n{i}", "delay": "2s"}) for i in range(50)]
    gateway.kill()
    assert sink.count() == 0
    again = start_gateway(settings(tmp_path, {"hook": webhook(sink)}))
    client = Client(again)
    for one in sent:
        eventually(lambda one=one: client.states(one)["hook"], "delivered")
    assert sorted(sink.titles()) == sorted(f"n{i}" for i in range(50))
    client.close()


def test_a_suppressed_address_is_sent_nothing_until_it_is_removed(start, start_gateway, sink, tmp_path):
    outputs = {"hook": webhook(sink)}
    gateway, _ = start(outputs)
    address = "email:a@b.example"
    added = tocsin("suppressions", "add", address, "--reason", "bounced", "--ttl", "30d", *at(gateway))
    assert (added.returncode, added.stdout) == (0, f"{address} suppressed\n"), added.stderr
    listed = command(gateway, "suppressions", "list", "--prefix", "email:")["suppressions"]
    assert [(row["address"], row["reason"]) for row in listed] == [(address, "bounced")]
    assert listed[0]["until"] > listed[0]["since"]
    assert command(gateway, "suppressions", "list", "--prefix", "phone:")["suppressions"] == []

    gateway.stop()  # and it is there after a restart
    gateway = start_gateway(settings(tmp_path, outputs))
    assert "bounced" in tocsin("suppressions", "list", *at(gateway)).stdout
    audit = [row["action"] for row in command(gateway, "audit")["audit"]]
    assert "suppression.add" in audit
    removed = tocsin("suppressions", "remove", address, *at(gateway))
    assert (removed.returncode, removed.stdout) == (0, f"{address} removed\n"), removed.stderr
    assert tocsin("suppressions", "remove", address, *at(gateway)).returncode != 0
    wrong = tocsin("suppressions", "add", "nobody", *at(gateway))
    assert wrong.returncode != 0 and "kind:value" in wrong.stderr


def test_pages_of_suppressions_go_on_where_they_ended(start, sink):
    gateway, _ = start({"hook": webhook(sink)})
    for i in range(7):
        assert tocsin("suppressions", "add", f"phone:+{i}", *at(gateway)).returncode == 0
    first = command(gateway, "suppressions", "list", "--limit", "4")
    rest = command(gateway, "suppressions", "list", "--limit", "4", "--after", first["next"])
    assert [row["address"] for row in first["suppressions"] + rest["suppressions"]] == [
        f"phone:+{i}" for i in range(7)]
    assert "next" not in rest and json.dumps(rest)
