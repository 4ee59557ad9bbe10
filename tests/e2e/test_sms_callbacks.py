"""What Twilio calls back with on the real binary: states, forward only, and who answers STOP."""

import http.client
import json
import os
import subprocess

import pytest

from gateway_process import BINARY, PATIENCE_SECONDS, ROOT, eventually
from notifications import Client, dead_letters, settings
from test_sms import NOTE, PHONE, rows, settled, shown, sms
from twilio_api import Twilio

pytestmark = pytest.mark.sanitize

BASE = "https://gw.example.com/callbacks/sms"  # as Twilio sees the route


@pytest.fixture(name="twilio")
def fixture_twilio():
    simulator = Twilio()
    yield simulator
    simulator.stop()


@pytest.fixture(name="gateway")
def fixture_gateway(start_gateway, tmp_path, twilio):
    outputs = {"oncall": sms(twilio, status_callback=BASE)}
    wanted = settings(tmp_path, outputs, dead_letters={"redrive": []})
    wanted["listeners"]["public"]["routes"].insert(0, {"prefix": "/callbacks/sms/", "plugin": "oncall"})
    return start_gateway(wanted)


@pytest.fixture(name="client")
def fixture_client(gateway):
    client = Client(gateway)
    yield client
    client.close()


class Message:
    """One that Twilio took, and what it tells of it."""

    def __init__(self, gateway, client, twilio):
        self.gateway, self.client, self.twilio = gateway, client, twilio
        self.sent = client.accepted(NOTE)
        settled(client, self.sent, "delivered")
        self.url = twilio.messages()[-1]["StatusCallback"]
        self.sid = rows(gateway, self.sent)[0]["provider_id"]

    def tell(self, state, **more):
        form = {"MessageSid": self.sid, "MessageStatus": state, "To": PHONE, "AccountSid": Twilio.ACCOUNT, **more}
        status, text = self.twilio.call_back(self.gateway.address(), self.url, form)
        assert status == 204, text

    def state(self):
        row, = rows(self.gateway, self.sent)
        return row["state"]


def test_states_out_of_order_and_repeated_move_a_delivery_forward_only(gateway, client, twilio):
    message = Message(gateway, client, twilio)
    for state in ("delivered", "sent", "queued", "delivered", "sending"):
        message.tell(state)
        assert message.state() == "delivered"
    message.tell("undelivered", ErrorCode="30005")
    eventually(message.state, "dead", "the delivery")
    letter, = dead_letters(gateway, "oncall")
    assert "bounced" in letter["reason"] and "Twilio says undelivered: error 30005" in letter["reason"]
    message.tell("undelivered", ErrorCode="30005")
    message.tell("delivered")
    assert message.state() == "dead"
    assert len(dead_letters(gateway, "oncall")) == 1


def test_what_is_not_signed_by_the_account_is_403_and_changes_nothing(gateway, client, twilio):
    message = Message(gateway, client, twilio)
    form = {"MessageSid": message.sid, "MessageStatus": "failed"}
    assert twilio.call_back(gateway.address(), message.url, form, token="another token")[0] == 403
    stop = {"From": PHONE, "Body": "STOP"}
    assert twilio.call_back(gateway.address(), BASE + "/inbound", stop, token="another token")[0] == 403
    connection = http.client.HTTPConnection(*gateway.address(), timeout=PATIENCE_SECONDS)
    connection.request("POST", "/callbacks/sms/inbound", "From=%2B15550111&Body=STOP")
    assert connection.getresponse().status == 403
    connection.close()
    assert message.state() == "delivered"
    assert json.loads(gateway.admin("/v1/suppressions")[2])["suppressions"] == []
    assert gateway.metric("tocsin_plugin_callbacks_refused_total", plugin="output/sms", id="oncall") == 3


def test_stop_suppresses_the_address_and_start_lifts_it(gateway, client, twilio):
    def answer(text):
        status, body = twilio.call_back(gateway.address(), BASE + "/inbound", {"From": PHONE, "Body": text})
        assert (status, body) == (200, "<Response/>")

    answer("Please stop by")
    settled(client, client.accepted(NOTE), "delivered")
    answer("Stop")
    held = client.accepted(NOTE)
    settled(client, held, "dead")
    assert rows(gateway, held)[0]["reason"] == "suppressed: the recipient has opted out"
    answer("START")
    settled(client, client.accepted(NOTE), "delivered")
    assert len(twilio.messages()) == 2
    assert shown(gateway)["name"] == "oncall"


def test_a_delivery_that_nobody_knows_is_404(gateway, client, twilio):
    message = Message(gateway, client, twilio)
    for name in ("dlv_nonsense", "nonsense"):
        status, _ = twilio.call_back(gateway.address(), f"{BASE}/status/{name}", {"MessageStatus": "delivered"})
        assert status == 404, name
    assert message.state() == "delivered"


def test_the_example_is_accepted(tmp_path):
    example = ROOT / "conf" / "examples" / "people" / "tocsin.yaml"
    done = subprocess.run([BINARY, "check", "--create", "-c", example], capture_output=True, text=True, check=False,
                          timeout=PATIENCE_SECONDS, env={**os.environ, "TOCSIN_STATE": str(tmp_path), "SLACK_TOKEN": "xoxb-1",
                                                   "TWILIO_TOKEN": "t0ken"})
    assert done.returncode == 0, done.stdout + done.stderr
