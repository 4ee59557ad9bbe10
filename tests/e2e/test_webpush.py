"""Push messages to browsers: what they can read, what push services answer, and where the gateway never goes."""

import json
import os
import subprocess

import pytest
import yaml

from fcm_service import FcmService
from gateway_process import BINARY, ROOT, eventually
from notifications import Client, dead_letters, webhook
from push_service import PushService, VapidKey

NOTE = {"topic": "orders.paid", "level": "error", "title": "Paid \u2603", "body": "twice", "key": "o-7",
        "data": {"order": 7}}
PAUSED = "output paused: its credentials are refused"


@pytest.fixture(name="service")
def make_service():
    running = PushService(VapidKey())
    yield running
    running.close()


def output(service, **options):
    retry = {"max_attempts": 2, "initial": "20ms", "max": "40ms", "jitter": "none"}
    delivery = {"retry": retry, "breaker": False, "retry_budget": False, **options.pop("delivery", {})}
    return {"type": "webpush", "private_key": service.vapid.private, "subject": "mailto:ops@example.com",
            "allow": ["127.0.0.0/8"], "delivery": delivery, **options}


def await_state(client, sent, state):
    eventually(lambda: client.states(sent)["push"], state, "the delivery")


@pytest.mark.sanitize
def test_201_is_delivered_and_only_its_browser_can_read_it(start, service):
    gateway, client = start({"push": output(service)})
    browser, other = service.subscribe("1"), service.subscribe("2")
    sent = client.accepted({**NOTE, "to": [browser.address(), other.json_address()]})
    await_state(client, sent, "delivered")
    eventually(lambda: len(service.requests), 2, "the messages")
    assert not service.faults
    wanted = {"id": sent, "topic": "orders.paid", "level": "error", "title": "Paid \u2603", "body": "twice",
              "key": "o-7", "data": {"order": 7}}
    for path, headers, body, _ in service.requests:
        assert json.loads((browser if path == "/push/1" else other).decrypt(body)) == wanted
        assert (headers["urgency"], headers["ttl"], len(headers["topic"])) == ("high", "86400", 32)
    assert len(service.tokens) == 1  # signed once for the service
    gateway.wait_for_log(f"browsers subscribe with the key {service.vapid.public}")
    said = json.dumps(gateway.log()) + gateway.admin("/v1/config")[2] + gateway.admin("/v1/outputs")[2]
    assert service.vapid.private not in said
    assert not any(token in said for token in service.tokens)


@pytest.mark.parametrize("status", [404, 410])
def test_404_and_410_are_targets_that_are_gone(start, service, status):
    _, client = start({"push": output(service)})
    service.steps.append((status, {}))
    gone = service.subscribe()
    await_state(client, client.accepted({**NOTE, "to": [gone.address()]}), "dead")
    await_state(client, client.accepted({**NOTE, "to": [gone.address()]}), "dead")
    assert len(service.requests) == 1  # the subscription is suppressed


@pytest.mark.parametrize("status", [400, 401, 403])
def test_400_401_and_403_pause_the_output_and_keep_the_subscription(start, service, status):
    gateway, client = start({"push": output(service)})
    gateway.expected_errors.add(PAUSED)
    service.steps.append((status, {}))
    sent = client.accepted({**NOTE, "to": [service.subscribe().address()]})
    gateway.wait_for_log(PAUSED)
    eventually(lambda: client.states(sent)["push"], "ready", "the delivery")  # for the probe of the next minute
    assert json.loads(gateway.admin("/v1/suppressions")[2])["suppressions"] == []


def test_413_is_rejected(start, service):
    gateway, client = start({"push": output(service)})
    service.steps.append((413, {}))
    await_state(client, client.accepted({**NOTE, "to": [service.subscribe().address()]}), "dead")
    assert "too large" in json.dumps(dead_letters(gateway, "push"))
    assert len(service.requests) == 1


def test_429_stops_its_lane_for_retry_after_and_no_other(start, service, sink):
    _, client = start({"push": output(service, delivery={"concurrency": 1}), "hook": webhook(sink)})
    service.steps.append((429, {"Retry-After": "2"}))
    sent = [client.accepted({**NOTE, "to": [service.subscribe(str(i)).address()]}) for i in range(3)]
    eventually(sink.count, 3, "what the other output sent")
    for one in sent:
        await_state(client, one, "delivered")
    assert service.requests[1][3] - service.requests[0][3] >= 2


def test_a_body_is_cut_to_what_one_record_holds(start, service):
    gateway, client = start({"push": output(service)})
    browser = service.subscribe()
    sent = client.accepted({**NOTE, "body": "\U0001f525" * 2000, "to": [browser.address()]})
    await_state(client, sent, "delivered")
    (_, _, body, _), = service.requests
    assert json.loads(browser.decrypt(body))["body"].endswith("\U0001f525\u2026")
    assert gateway.metric("tocsin_plugin_cuts_total", plugin="output/webpush", id="push") == 1


def test_a_template_makes_the_message(start, service):
    _, client = start({"push": output(service, body='{"text": "{{title}}", "id": "{{id}}"}', ttl="90s")})
    browser = service.subscribe()
    sent = client.accepted({**NOTE, "to": [browser.address()]})
    await_state(client, sent, "delivered")
    (_, headers, body, _), = service.requests
    assert json.loads(browser.decrypt(body)) == {"text": "Paid \u2603", "id": sent}
    assert headers["ttl"] == "90"


def test_an_endpoint_never_leads_inside(start, service):
    gateway, client = start({"push": output(service, allow=[])})
    await_state(client, client.accepted({**NOTE, "to": [service.subscribe().address()]}), "dead")
    assert "loopback" in json.dumps(dead_letters(gateway, "push"))
    assert not service.requests


def test_an_address_that_is_no_subscription_is_rejected_with_the_reason(start, service):
    gateway, client = start({"push": output(service)})
    await_state(client, client.accepted({**NOTE, "to": ["webpush:https://push.example/1"]}), "dead")
    assert "P256DH.AUTH@ENDPOINT" in json.dumps(dead_letters(gateway, "push"))


def test_a_subscription_may_be_as_long_as_browsers_make_them(start, service):
    _, client = start({"push": output(service)})
    browser = service.subscribe("w" * 360)
    assert 450 < len(browser.address()) <= 512
    sent = client.accepted({**NOTE, "to": [browser.address()]})
    await_state(client, sent, "delivered")
    assert json.loads(browser.decrypt(service.requests[0][2]))["id"] == sent


# --- the example ----------------------------------------------------------------------------------------

EXAMPLE = ROOT / "conf" / "examples" / "push" / "tocsin.yaml"


@pytest.fixture(name="fcm")
def make_fcm(tmp_path):
    folder = tmp_path / "google"
    folder.mkdir()
    running = FcmService(folder)
    yield running
    running.close()


def test_the_example_is_accepted(service, fcm, tmp_path):
    environment = {**os.environ, "TOCSIN_STATE": str(tmp_path), "VAPID_KEY": service.vapid.private,
                   "FCM_ACCOUNT": json.dumps(fcm.account.fields)}
    done = subprocess.run([BINARY, "check", "--create", "-c", EXAMPLE], capture_output=True, text=True, check=False,
                          env=environment)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_example_reaches_apps_and_browsers(start_gateway, service, fcm, tmp_path):
    example = yaml.safe_load(EXAMPLE.read_text(encoding="utf-8"))
    example["admin"]["address"] = example["listeners"]["public"]["address"] = "127.0.0.1:0"
    example["outputs"]["app"]["api_url"] = fcm.url
    example["outputs"]["browsers"]["allow"] = ["127.0.0.0/8"]
    environment = {"TOCSIN_STATE": str(tmp_path), "VAPID_KEY": service.vapid.private,
                   "FCM_ACCOUNT": json.dumps(fcm.account.fields)}
    client = Client(start_gateway(example, environment=environment))
    browser = service.subscribe()
    sent = client.accepted({"topic": "orders.paid", "title": "Paid", "to": ["fcm:device", browser.address()]})
    eventually(lambda: client.states(sent), {"app": "delivered", "browsers": "delivered"})
    assert fcm.message()["apns"]["payload"] == {"aps": {"sound": "default"}}
    assert json.loads(browser.decrypt(service.requests[0][2])) == {"title": "Paid", "body": "", "tag": sent}
    client.close()
