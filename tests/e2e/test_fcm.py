"""Push messages through FCM: each answer that it documents, its tokens, and what never leaves the gateway."""

import json
import subprocess
import threading

import pytest

from fcm_service import FcmService, error
from gateway_process import BINARY, eventually
from notifications import Client, dead_letters, settings, webhook

NOTE = {"topic": "orders.paid", "level": "warning", "title": "Paid", "body": "twice", "to": ["fcm:device-1"]}
RETRY = {"max_attempts": 3, "initial": "20ms", "max": "40ms", "jitter": "none"}


@pytest.fixture(name="fcm")
def make_fcm(tmp_path):
    folder = tmp_path / "google"
    folder.mkdir()
    service = FcmService(folder)
    yield service
    service.close()


def output(fcm, **options):
    delivery = {"retry": RETRY, "breaker": False, "retry_budget": False, **options.pop("delivery", {})}
    return {"type": "fcm", "credentials": str(fcm.account.path), "api_url": fcm.url, "delivery": delivery, **options}


def await_state(client, sent, state, name="push"):
    eventually(lambda: client.states(sent)[name], state, "the delivery")


def delivery(client, sent):
    return client.get(sent)[2]["deliveries"][0]


@pytest.mark.sanitize
def test_200_is_delivered_under_the_name_that_fcm_gives(start, fcm):
    gateway, client = start({"push": output(fcm)})
    sent = client.accepted({**NOTE, "data": {"order": 7, "items": [{"sku": "a"}]}, "key": "o-7"})
    await_state(client, sent, "delivered")
    message = fcm.message()
    assert message["token"] == "device-1"
    assert message["notification"] == {"title": "Paid", "body": "twice"}
    assert message["data"] == {"order": "7", "items": '[{"sku":"a"}]', "tocsin_id": sent}
    assert message["android"] == {"priority": "HIGH", "collapse_key": "o-7"}
    assert message["apns"] == {"headers": {"apns-priority": "10", "apns-collapse-id": "o-7"}}
    assert message["webpush"]["headers"]["Urgency"] == "high"
    assert not fcm.faults
    told = json.loads(gateway.admin(f"/v1/notifications/{sent}")[2])
    assert "projects/tocsin-test/messages/1" in json.dumps(told)


def test_404_unregistered_is_a_target_that_is_gone(start, fcm):
    gateway, client = start({"push": output(fcm)})
    fcm.steps.append((404, error("NOT_FOUND", "Requested entity was not found.", "UNREGISTERED"), {}))
    await_state(client, client.accepted(NOTE), "dead")
    assert "UNREGISTERED" in json.dumps(dead_letters(gateway, "push"))
    await_state(client, client.accepted(NOTE), "dead")
    assert len(fcm.messages) == 1  # the address is suppressed
    await_state(client, client.accepted({**NOTE, "to": ["fcm:device-2"]}), "delivered")


def test_400_invalid_argument_is_rejected_and_never_purges_the_token(start, fcm):
    gateway, client = start({"push": output(fcm)})
    words = "The registration token is not a valid FCM registration token"
    fcm.steps.append((400, error("INVALID_ARGUMENT", words, "INVALID_ARGUMENT"), {}))
    await_state(client, client.accepted(NOTE), "dead")
    assert words in json.dumps(dead_letters(gateway, "push"))
    await_state(client, client.accepted(NOTE), "delivered")  # nobody suppressed the address


def test_403_sender_id_mismatch_is_rejected(start, fcm):
    _, client = start({"push": output(fcm)})
    fcm.steps.append((403, error("PERMISSION_DENIED", "SenderId mismatch", "SENDER_ID_MISMATCH"), {}))
    await_state(client, client.accepted(NOTE), "dead")
    await_state(client, client.accepted(NOTE), "delivered")  # neither the address nor the output is stopped


def test_429_quota_exceeded_stops_its_lane_for_retry_after_and_no_other(start, fcm, sink):
    outputs = {"push": output(fcm, delivery={"concurrency": 1}), "hook": webhook(sink)}
    gateway, client = start(outputs)
    fcm.steps.append((429, error("RESOURCE_EXHAUSTED", "Quota", "QUOTA_EXCEEDED"), {"Retry-After": "2"}))
    sent = [client.accepted({**NOTE, "to": [f"fcm:device-{i}"]}) for i in range(5)]
    eventually(sink.count, 5, "what the other output sent")
    for one in sent:
        await_state(client, one, "delivered")
    (_, refused), (_, after) = fcm.messages[:2]
    assert after - refused >= 2
    assert fcm.devices()[:2] == ["device-0", "device-0"]  # it kept its place


def test_500_and_503_are_tried_again_when_fcm_asks(start, fcm):
    _, client = start({"push": output(fcm)})
    fcm.steps.extend([(500, error("INTERNAL", "Internal", "INTERNAL"), {}),
                      (503, error("UNAVAILABLE", "Overloaded", "UNAVAILABLE"), {"Retry-After": "1"})])
    sent = client.accepted(NOTE)
    await_state(client, sent, "delivered")
    assert fcm.devices() == ["device-1"] * 3
    assert fcm.messages[2][1] - fcm.messages[1][1] >= 1


def test_401_is_answered_with_another_token_once(start, fcm):
    _, client = start({"push": output(fcm)})
    await_state(client, client.accepted(NOTE), "delivered")
    fcm.revoke()
    await_state(client, client.accepted(NOTE), "delivered")
    assert len(fcm.assertions) == 2


def test_401_twice_pauses_the_output_and_keeps_the_delivery(start, fcm):
    gateway, client = start({"push": output(fcm)})
    gateway.expected_errors.add("output paused: its credentials are refused")
    refusal = (401, error("UNAUTHENTICATED", "Request had invalid authentication credentials."), {})
    fcm.steps.extend([refusal, refusal])
    sent = client.accepted(NOTE)
    gateway.wait_for_log("output paused: its credentials are refused")
    assert len(fcm.assertions) == 2
    await_state(client, sent, "ready")  # for the probe of the next minute
    assert json.loads(gateway.admin("/v1/suppressions")[2])["suppressions"] == []


def test_an_assertion_that_is_refused_pauses_the_output(start, fcm):
    gateway, client = start({"push": output(fcm)})
    gateway.expected_errors.add("output paused: its credentials are refused")
    fcm.token_steps.append((400, {"error": "invalid_grant", "error_description": "Account disabled"}, {}))
    client.accepted(NOTE)
    gateway.wait_for_log("output paused: its credentials are refused")
    assert not fcm.messages


def test_deliveries_that_begin_together_wait_for_one_exchange(start, fcm):
    fcm.hold = threading.Event()
    _, client = start({"push": output(fcm, delivery={"concurrency": 64, "timeout": "60s"})})
    sent = [client.accepted({**NOTE, "to": [f"fcm:device-{i}"]}) for i in range(40)]
    eventually(lambda: len(fcm.assertions), 1, "the exchanges")
    fcm.hold.set()
    for one in sent:
        await_state(client, one, "delivered")
    assert len(fcm.assertions) == 1 and len(fcm.messages) == 40


def test_nobody_is_named_so_it_goes_to_the_topic_in_half_the_room(start, fcm):
    gateway, client = start({"push": output(fcm, topic="{{labels.team}}", android={
        "notification": {"channel_id": "alarms", "notification_count": 3}, "restricted_package_name": "x.y"})})
    note = {"topic": "orders.paid", "body": "\u00e9" * 3000, "labels": {"team": "payments"}}
    await_state(client, client.accepted(note), "delivered")
    message = fcm.message()
    assert message["topic"] == "payments" and "token" not in message
    assert message["android"]["notification"] == {"channel_id": "alarms", "notification_count": 3}
    shown = message["notification"]["body"]
    assert shown.endswith("\u00e9\u2026")
    assert len(json.dumps(message, ensure_ascii=False, separators=(",", ":")).encode()) <= 2048 + 24
    assert gateway.metric("tocsin_plugin_cuts_total", plugin="output/fcm", id="push") == 1


def test_one_bad_device_of_ten_blocks_nothing(start, fcm):
    _, client = start({"push": output(fcm)})
    fcm.refused["device-4"] = (404, error("NOT_FOUND", "gone", "UNREGISTERED"), {})
    sent = client.accepted({**NOTE, "to": [f"fcm:device-{i}" for i in range(10)]})

    def states():
        return sorted(one["state"] for one in client.get(sent)[2]["deliveries"])

    eventually(states, ["dead"] + ["delivered"] * 9, "the deliveries")


def test_secrets_are_told_to_nobody_but_google(start, fcm):
    gateway, client = start({"push": output(fcm)})
    gateway.expected_errors.add("output paused: its credentials are refused")
    await_state(client, client.accepted(NOTE), "delivered")
    fcm.steps.append((400, error("INVALID_ARGUMENT", "no", "INVALID_ARGUMENT"), {}))
    dead = client.accepted(NOTE)
    await_state(client, dead, "dead")
    fcm.revoke()
    fcm.token_steps.append((400, {"error": "invalid_grant", "error_description": "Account disabled"}, {}))
    client.accepted({**NOTE, "to": ["fcm:device-2"]})
    gateway.wait_for_log("output paused: its credentials are refused")
    pages = ["/v1/config", "/v1/outputs", "/v1/health", "/v1/dead-letters", "/v1/audit", "/metrics",
             f"/v1/notifications/{dead}"]
    said = "\n".join([json.dumps(gateway.log()), *(gateway.admin(page)[2] for page in pages)])
    checked = subprocess.run([BINARY, "check", "--config", gateway.config_path], capture_output=True, text=True,
                             check=False)
    fcm.account.path.write_text(json.dumps({**fcm.account.fields, "token_uri": ""}), encoding="utf-8")
    broken = subprocess.run([BINARY, "check", "--config", gateway.config_path], capture_output=True, text=True,
                            check=False)
    assert checked.returncode == 0 and broken.returncode != 0
    assert f'{fcm.account.path}: holds no "token_uri"' in broken.stdout + broken.stderr
    said += checked.stdout + checked.stderr + broken.stdout + broken.stderr
    key = "".join(fcm.account.private_key.splitlines()[3:5])
    secrets = [key[:40], *fcm.account.private_key.splitlines()[1:-1], *filter(None, fcm.tokens),
               *(jwt.rsplit(".", 1)[1] for jwt in fcm.assertions)]
    assert fcm.tokens and [one for one in secrets if one in said] == []


def test_credentials_may_come_as_text_from_the_environment(start_gateway, fcm, tmp_path):
    options = output(fcm, credentials="${PUSH_ACCOUNT}")
    gateway = start_gateway(settings(tmp_path, {"push": options}),
                            environment={"PUSH_ACCOUNT": json.dumps(fcm.account.fields)})
    client = Client(gateway)
    await_state(client, client.accepted(NOTE), "delivered")
    client.close()
