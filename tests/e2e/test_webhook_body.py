"""What a webhook sends in an operator's words, and that its receiver can tell who sent it."""

import base64
import hashlib
import hmac
import json

from gateway_process import eventually
from notifications import webhook

SECRETS = ["whsec_" + base64.b64encode(bytes([letter]) * 32).decode() for letter in b"AB"]
NOTE = {"topic": "orders.paid", "level": "warning", "title": "Paid \"twice\" \u2603" + "!" * 100,
        "data": {"total": 1234.5, "items": [{"sku": "a", "n": 2}, {"sku": "b", "n": 1}]}}


def expected_signature(secret, request):
    headers = request["headers"]
    signed = f'{headers["webhook-id"]}.{headers["webhook-timestamp"]}.{request["body"]}'.encode()
    key = base64.b64decode(secret.removeprefix("whsec_"))
    return "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()


def test_a_body_is_made_by_its_template_and_what_was_cut_is_counted(start, sink):
    body = ('{"text": "{{title | cut 8}}",\n "items": "{{#data.items}}{{n}}x{{sku}} {{/data.items}}",'
            ' "sum": "{{data.total | number 2}}", "id": "{{delivery_id}}"}')
    gateway, client = start({"hook": {**webhook(sink), "body": body, "method": "PUT"}})
    sent = client.accepted(NOTE)
    eventually(lambda: client.states(sent)["hook"], "delivered", "the delivery")
    request, = sink.received()
    assert json.loads(request["body"]) == {
        "text": "Paid \"t\u2026", "items": "2xa 1xb ", "sum": "1,234.50",
        "id": request["headers"]["idempotency-key"]}
    assert gateway.metric("tocsin_plugin_cuts_total", plugin="output/webhook", id="hook") == 1


def test_each_attempt_is_signed_by_every_secret(start, sink):
    gateway, client = start({"hook": {**webhook(sink), "secrets": SECRETS}})
    sink.mode("status", "500")
    sent = client.accepted(NOTE)
    eventually(lambda: client.states(sent)["hook"], "dead", "the delivery")
    requests = sink.received()
    assert len(requests) == 3
    assert len({request["headers"]["webhook-id"] for request in requests}) == 1
    for request in requests:
        signatures = request["headers"]["webhook-signature"].split(" ")
        assert signatures == [expected_signature(secret, request) for secret in SECRETS]
    said = json.dumps([line for line in gateway.log() if line])
    assert not any(secret in said for secret in SECRETS)
