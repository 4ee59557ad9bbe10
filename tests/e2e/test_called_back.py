"""What providers tell later, by calls to an output that is a handler as well: reports, suppressions, records."""

import http.client
import subprocess

import pytest

from conftest import complete
from gateway_process import BINARY, BUILD, PATIENCE_SECONDS, as_yaml, eventually
from notifications import Client, command, dead_letters, settings

RECIPIENT = "sms:+4917012345"
ABSENT = 2**64 - 1


def config(folder, verdict="delivered", workers=2, **more):
    wanted = settings(folder, {"oncall": {"type": "called_back", "verdict": verdict}, "copies": {"type": "null"}},
                      routes=[{"outputs": ["oncall"]}],
                      gateway={"workers": workers, "plugin_path": [str(BUILD / "tests" / "plugins" / "called")]}, **more)
    routes = wanted["listeners"]["public"]["routes"]
    routes.insert(0, {"prefix": "/called/", "plugin": "oncall"})
    return wanted


class Provider:
    """Calls back as a provider does, each time over a new connection: so it meets every loop."""

    def __init__(self, gateway):
        self.gateway = gateway

    def call(self, path, body="", method="POST", **headers):
        """(status, body, version)."""
        connection = http.client.HTTPConnection(*self.gateway.address("public"), timeout=PATIENCE_SECONDS)
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, "/called/" + path, body, headers)
        answer = connection.getresponse()
        told = (answer.status, answer.read().decode(), answer.headers.get("x-version"))
        connection.close()
        return told

    def report(self, state, delivery, reason="", **headers):
        return self.call(f"{state}/{delivery}", reason, **headers)[0]


@pytest.fixture
def world(start_gateway, tmp_path):
    def start(verdict="delivered", **more):
        gateway = start_gateway(config(tmp_path, verdict, **more))
        return gateway, Client(gateway), Provider(gateway)
    return start


def send(client, to=RECIPIENT):
    """The ids of a notification and of its one delivery."""
    notification = client.accepted({"topic": "alarm", "title": "it burns", "to": [to]})
    return notification, notification.replace("ntf_", "dlv_") + "-0"


def row(client, notification, place=0):
    status, _, body = client.get(notification)
    assert status == 200, body
    return body["deliveries"][place]


def settled(client, notification, state):
    eventually(lambda: row(client, notification)["state"], state)
    return row(client, notification)


def test_a_bounce_makes_a_delivered_one_a_dead_letter_and_repeats_change_nothing(world):
    gateway, client, provider = world(dead_letters={"mirror": "copies"})
    notification, delivery = send(client)
    assert settled(client, notification, "delivered")["id"] == delivery
    assert provider.report("delivered", delivery) == 204
    assert provider.report("bounced", delivery, "no such number") == 204
    found = row(client, notification)
    assert (found["state"], found["reason"]) == ("dead", "bounced: no such number")
    for state in ("delivered", "bounced", "accepted", "bounced", "delivered"):
        assert provider.report(state, delivery, "another reason") == 204
    assert row(client, notification)["reason"] == "bounced: no such number"
    letters = dead_letters(gateway, "oncall")
    assert [letter["id"] for letter in letters] == [delivery]
    assert "redrive_at" not in letters[0]
    eventually(lambda: client.states(notification).get("copies"), "delivered")
    assert gateway.metric("tocsin_reports_total", output="oncall", state="bounced") == 3
    assert gateway.metric("tocsin_deliveries_given_up_total", output="oncall", reason="bounced", next="dead") == 1


def test_a_bounce_of_an_earlier_attempt_is_not_the_deliverys(world):
    _, client, provider = world()
    notification, delivery = send(client)
    settled(client, notification, "delivered")
    assert provider.report("bounced", delivery, "gone", X_Provider_Id="p-earlier") == 204
    assert row(client, notification)["state"] == "delivered"
    assert provider.report("bounced", delivery, "gone", X_Provider_Id="p-" + delivery) == 204
    assert row(client, notification)["state"] == "dead"


def test_what_arrived_after_all_is_no_dead_letter(world):
    gateway, client, provider = world("ambiguous")
    notification, delivery = send(client)
    assert settled(client, notification, "dead")["reason"].startswith("ambiguous")
    assert provider.report("accepted", delivery, X_Provider_Id="p-7") == 204
    assert row(client, notification)["state"] == "dead"
    assert provider.report("delivered", delivery) == 204
    assert row(client, notification)["state"] == "delivered"
    assert dead_letters(gateway, "oncall") == []


def test_what_waits_for_another_attempt_needs_none_once_it_arrived(world):
    _, client, provider = world("retry")
    notification, delivery = send(client)
    eventually(lambda: row(client, notification)["attempts"], 1)
    eventually(lambda: row(client, notification)["state"], "ready")
    assert provider.report("delivered", delivery) == 204
    assert row(client, notification)["state"] == "delivered"


def test_what_is_unknown_is_not_found(world):
    _, client, provider = world()
    _, delivery = send(client)
    assert provider.report("bounced", "nonsense") == 404
    assert provider.report("bounced", delivery[:-1] + "9") == 404


def test_a_report_that_was_answered_survives_kill_9(start_gateway, tmp_path):
    wanted = config(tmp_path)
    gateway = start_gateway(wanted)
    client = Client(gateway)
    sent = [send(client) for _ in range(8)]
    for notification, _ in sent:
        settled(client, notification, "delivered")
    provider = Provider(gateway)
    for _, delivery in sent:
        assert provider.report("bounced", delivery, "gone") == 204
    gateway.kill()
    client = Client(start_gateway(wanted))
    assert {row(client, notification)["reason"] for notification, _ in sent} == {"bounced: gone"}


def test_an_address_that_its_provider_stopped_gets_nothing_until_that_is_lifted(world):
    gateway, client, provider = world()
    notification, _ = send(client)
    settled(client, notification, "delivered")
    assert provider.call(f"suppress/{RECIPIENT}", "STOP")[0] == 204
    # Another loop's lane may have to hear of it first.
    listed = command(gateway, "suppressions", "list")["suppressions"]
    assert [(one["address"], one["reason"], one["by"]) for one in listed] == [(RECIPIENT, "STOP", "plugin:oncall")]
    notification, _ = send(client)
    assert settled(client, notification, "dead")["reason"] == "suppressed: STOP"
    notification, _ = send(client, "sms:+49170999")
    settled(client, notification, "delivered")
    assert provider.call(f"lift/{RECIPIENT}")[0] == 204
    assert provider.call(f"lift/{RECIPIENT}")[0] == 404
    assert provider.call("suppress/nobody")[0] == 400
    notification, _ = send(client)
    settled(client, notification, "delivered")
    audited = [line for line in gateway.log() if line.get("message") == "change"]
    assert [(line["who"], line["action"], line["target"], line["result"]) for line in audited] == [
        ("plugin:oncall", "suppression.add", RECIPIENT, "ok"),
        ("plugin:oncall", "suppression.remove", RECIPIENT, "ok"),
        ("plugin:oncall", "suppression.remove", RECIPIENT, "refused"),
    ]


def test_records_are_shared_by_loops_and_outlive_the_process(start_gateway, tmp_path):
    wanted = config(tmp_path)
    gateway = start_gateway(wanted)
    provider = Provider(gateway)
    status, _, version = provider.call("records/token", method="GET")
    assert (status, int(version)) == (404, ABSENT)
    assert provider.call("records/token", "first", "PUT", If_Match=str(ABSENT))[0] == 204
    assert provider.call("records/token", "second", "PUT", If_Match=str(ABSENT))[0] == 409
    status, value, version = provider.call("records/token", method="GET")
    assert (status, value) == (200, "first")
    assert provider.call("records/token", "second", "PUT", If_Match=version)[0] == 204
    assert provider.call("records/token", "third", "PUT", If_Match=version)[0] == 409
    gateway.kill()
    provider = Provider(start_gateway(wanted))
    assert provider.call("records/token", method="GET")[:2] == (200, "second")


def test_a_route_to_an_output_that_answers_nothing_is_a_fault(tmp_path):
    wanted = complete(config(tmp_path))
    file = tmp_path / "tocsin.yaml"

    def check():
        file.write_text(as_yaml(wanted))
        return subprocess.run([BINARY, "check", "-c", file], capture_output=True, text=True,
                              timeout=PATIENCE_SECONDS, check=False)

    assert check().returncode == 0
    wanted["listeners"]["public"]["routes"][0]["plugin"] = "copies"
    refused = check()
    assert refused.returncode != 0
    assert "the output copies answers no HTTP requests" in refused.stderr + refused.stdout


def test_a_reload_may_take_the_route_away_and_bring_it_back(world, tmp_path):
    gateway, client, provider = world()
    notification, delivery = send(client)
    settled(client, notification, "delivered")
    without = config(tmp_path)
    del without["listeners"]["public"]["routes"][0]
    gateway.reconfigure(complete(without))
    assert provider.report("bounced", delivery) == 404
    gateway.reconfigure(complete(config(tmp_path)))
    assert provider.report("bounced", delivery) == 204
    assert row(client, notification)["state"] == "dead"
