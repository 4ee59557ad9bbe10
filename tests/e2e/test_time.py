"""What waits for its time: another time, superseded by a newer one, and whom nothing is sent to."""

import json

import pytest

from gateway_process import as_yaml, eventually
from notifications import Client, command, settings, webhook
from test_admin_api import at, tocsin

NOTE = {"topic": "orders.paid", "title": "Paid"}


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
    ({}, ""), ({"title": "other"}, "/title"), ("[", "")])
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
    status, _, body = client.batch([{**NOTE, "title": f"n{i}", "delay": "5s"} for i in range(50)])
    assert status == 202
    sent = [result["id"] for result in body["results"]]
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
    for text in ("add", "remove"):  # a domain is the same in capitals
        told = tocsin("suppressions", text, "email:a@B.Example", *at(gateway))
        assert told.returncode == 0 and told.stdout.startswith(f"{address} "), told.stdout + told.stderr
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


def test_dead_letters_are_sent_again_then_final_copied_and_told_of(start, start_sink):
    sink, errors, ops = start_sink(), start_sink(), start_sink()
    once = {"max_attempts": 1, "initial": "1ms", "max": "1ms", "jitter": "none"}
    outputs = {"hook": webhook(sink, retry=once), "errors": webhook(errors), "ops": webhook(ops)}
    routes = [{"match": {"topic": "tocsin.dead_letter"}, "outputs": ["ops"]}, {"outputs": ["hook"]}]
    gateway, client = start(outputs, routes=routes,
                            dead_letters={"redrive": ["1s", "1s"], "mirror": "errors", "notify": True})
    sink.mode("status", "500")
    sent = client.accepted(NOTE)
    eventually(sink.count, 3, "attempts, one at first and one for each redrive")
    eventually(errors.titles, ["Paid"])
    eventually(ops.count, 1)
    told = json.loads(ops.received()[0]["body"])
    assert told["labels"]["output"] == "hook" and told["labels"]["notification"] == sent
    assert "500" in told["labels"]["reason"] and told["labels"]["attempts"] == "1"
    letters = command(gateway, "dlq", "list")["dead_letters"]
    assert [letter["output"] for letter in letters] == ["hook"] and "redrive_at" not in letters[0]

    sink.mode("ok")
    passing = client.accepted({**NOTE, "title": "arrives"})
    eventually(lambda: client.states(passing)["hook"], "delivered")
    assert (errors.count(), ops.count()) == (1, 1)


def test_a_mirror_must_be_an_output(sink, tmp_path):
    path = tmp_path / "wrong.yaml"
    wrong = settings(tmp_path, {"hook": webhook(sink)}, dead_letters={"mirror": "nobody"})
    wrong["listeners"]["public"]["address"] = "127.0.0.1:0"
    path.write_text(as_yaml(wrong))
    checked = tocsin("check", "-c", path)
    assert checked.returncode != 0 and "there is no output nobody" in checked.stdout + checked.stderr
