"""Text messages on the real binary, against a simulator that answers and calls back as Twilio documents it."""

import json

import pytest

from api_simulator import Simulator
from gateway_process import eventually
from notifications import command, dead_letters
from planted import leaks
from twilio_api import Twilio

PHONE, OTHER = "+15550111", "+15550112"
NOTE = {"topic": "disk.full", "level": "critical", "title": "Disk full", "to": [f"sms:{PHONE}"]}
RETRY = {"max_attempts": 3, "initial": "20ms", "max": "40ms", "jitter": "none"}


@pytest.fixture(name="twilio")
def fixture_twilio():
    simulator = Twilio()
    yield simulator
    simulator.stop()


def delivery(**more):
    return {"timeout": "5s", "retry": RETRY, "breaker": False, "retry_budget": False, **more}


def sms(twilio, **more):
    return {"type": "sms", "account_sid": Twilio.ACCOUNT, "auth_token": Twilio.TOKEN, "from": "+15550100",
            "api_url": twilio.url(), "delivery": delivery(), **more}


def rows(gateway, sent):
    return json.loads(gateway.admin(f"/v1/notifications/{sent}")[2])["deliveries"]


def settled(client, sent, state, output="oncall"):
    eventually(lambda: client.states(sent)[output], state, "the delivery")


def wait_until_paused(gateway, output="oncall"):
    said = "output paused: its credentials are refused"
    gateway.expected_errors.add(said)
    gateway.wait_for_log(said)
    eventually(lambda: gateway.metric("tocsin_lane_paused", output=output, reason="unauthorized"), 1, "the pause")


def shown(gateway, output="oncall"):
    return {one["name"]: one for one in command(gateway, "outputs")["outputs"]}[output]


# --- Twilio


@pytest.mark.sanitize
def test_201_means_that_the_provider_has_it_and_history_tells_the_segments(start, twilio):
    gateway, client = start({"oncall": sms(twilio)})
    sent = client.accepted({**NOTE, "body": "x" * 160})
    settled(client, sent, "delivered")
    form, = twilio.messages()
    assert form == {"To": PHONE, "Body": "Disk full\n" + "x" * 160, "From": "+15550100"}
    row, = rows(gateway, sent)
    assert (row["provider_id"], row["reason"]) == (f"SM{1:032x}", "2 segments of GSM-7")
    assert gateway.metric("tocsin_plugin_segments_total", plugin="output/sms", id="oncall") == 2


@pytest.mark.parametrize("title, segments", [
    ("\U0001F514" * 35, "1 segment of UCS-2"), ("\U0001F514" * 36, "2 segments of UCS-2"),
    ("\u05e9\u05dc\u05d5\u05dd", "1 segment of UCS-2"), ("\u20ac" * 80, "1 segment of GSM-7")])
def test_emoji_and_text_from_right_to_left_arrive_as_they_are(start, twilio, title, segments):
    gateway, client = start({"oncall": sms(twilio)})
    sent = client.accepted({**NOTE, "title": title})
    settled(client, sent, "delivered")
    assert twilio.messages()[0]["Body"] == title
    assert rows(gateway, sent)[0]["reason"] == segments


def test_more_than_1600_characters_are_cut_with_a_marker_and_counted(start, twilio):
    gateway, client = start({"oncall": sms(twilio)})
    settled(client, client.accepted({**NOTE, "title": "", "body": "x" * 2000}), "delivered")
    assert twilio.messages()[0]["Body"] == "x" * 1597 + "..."
    assert gateway.metric("tocsin_plugin_limit_cuts_total", plugin="output/sms", id="oncall") == 1


@pytest.mark.parametrize("code, reason", [(21211, "rejected: Twilio says 21211: nobody can have this number"),
                                          (21614, "rejected: Twilio says 21614: this number takes no text messages")])
def test_21211_and_21614_are_rejected(start, twilio, code, reason):
    gateway, client = start({"oncall": sms(twilio)})
    twilio.fail(PHONE, code)
    settled(client, client.accepted(NOTE), "dead")
    letter, = dead_letters(gateway, "oncall")
    assert letter["reason"] == reason


@pytest.mark.sanitize
def test_21610_says_that_the_recipient_opted_out_and_suppresses_the_address(start, twilio):
    gateway, client = start({"oncall": sms(twilio)})
    twilio.fail(PHONE, 21610)
    settled(client, client.accepted(NOTE), "dead")
    settled(client, client.accepted(NOTE), "dead")
    assert len(twilio.messages()) == 1  # the second one was withheld
    reasons = {letter["reason"] for letter in dead_letters(gateway, "oncall")}
    assert "the target is gone: Twilio says 21610: the recipient has opted out" in reasons


def test_one_bad_number_among_ten_blocks_nothing(start, twilio):
    _, client = start({"oncall": sms(twilio)})
    twilio.fail(OTHER, 21211)
    numbers = [f"+1555020{i}" for i in range(9)] + [OTHER]
    sent = client.accepted({**NOTE, "to": [f"sms:{number}" for number in numbers]})

    def states():
        return sorted(row["state"] for row in client.get(sent)[2]["deliveries"])
    eventually(states, ["dead"] + ["delivered"] * 9, "the deliveries")


def test_what_is_no_number_is_refused_with_a_reason(start, twilio):
    gateway, client = start({"oncall": sms(twilio)})
    settled(client, client.accepted({**NOTE, "to": ["sms:0170 1234567"]}), "dead")
    letter, = dead_letters(gateway, "oncall")
    assert letter["reason"] == ("rejected: a phone number is written with + and its country, "
                                "as +4917012345678")
    assert twilio.messages() == []


@pytest.mark.sanitize
def test_20429_stops_its_lane_and_no_other(start, twilio, sink):
    gateway, client = start({"oncall": sms(twilio, delivery=delivery(concurrency=1)),
                             "hook": {"type": "webhook", "url": sink.url()}})
    twilio.fail(PHONE, 20429)
    first = client.accepted(NOTE)
    eventually(lambda: len(twilio.messages()), lambda count: count >= 1)
    rest = [client.accepted(NOTE) for _ in range(5)]
    for sent in [first, *rest]:
        settled(client, sent, "delivered", "hook")
    for sent in [first, *rest]:
        settled(client, sent, "delivered")
    assert len(twilio.messages()) == 7
    assert [rows(gateway, first)[i]["attempts"] for i in range(2)] == [1, 1]  # a throttle spends nothing


@pytest.mark.parametrize("code", [20003, 20005])
def test_401_403_and_20003_pause_the_output(start, twilio, code):
    gateway, client = start({"oncall": sms(twilio)})
    twilio.fail(PHONE, code)
    client.accepted(NOTE)
    wait_until_paused(gateway)
    assert dead_letters(gateway, "oncall") == []


def test_a_message_that_was_not_answered_is_ambiguous_and_held(start, twilio):
    gateway, client = start({"oncall": sms(twilio)})
    twilio.fail(PHONE, "hang up")
    settled(client, client.accepted(NOTE), "dead")
    letter, = dead_letters(gateway, "oncall")
    assert letter["reason"].startswith("ambiguous"), letter
    assert len(twilio.messages()) == 1


# --- a provider that the configuration describes


class Other(Simulator):
    """Answers 200 whatever happens, as some do; the code is in the body."""

    def answer(self, request):
        to = json.loads(request["body"])["to"]
        status = {PHONE: "0", OTHER: "7"}.get(to, "9")
        return 200, {}, json.dumps({"messages": [{"status": status, "id": "m-1"}]})


def test_another_provider_is_described_in_yaml(start):
    provider = Other()
    try:
        http = {"url": provider.url("/send?key=s3cretKey"), "headers": {"X-Api-Key": "s3cretHeader"},
                "body": '{"to": "{{address}}", "text": "{{body}}"}', "id": "/messages/0/id", "code": "/messages/0/status",
                "codes": {"0": "delivered", "7": "target_gone"}}
        gateway, client = start({"oncall": {"type": "sms", "provider": "http", "http": http, "delivery": delivery()}})
        sent = client.accepted({**NOTE, "title": "say \"hi\""})
        settled(client, sent, "delivered")
        request = provider.received()[0]
        assert json.loads(request["body"]) == {"to": PHONE, "text": "say \"hi\""}
        row, = rows(gateway, sent)
        assert (row["provider_id"], row["reason"]) == ("m-1", "1 segment of GSM-7")
        gone = client.accepted({**NOTE, "to": [f"sms:{OTHER}"]})
        settled(client, gone, "dead")
        refused = client.accepted({**NOTE, "to": ["sms:+15550113"]})
        settled(client, refused, "dead")
        assert {letter["reason"] for letter in dead_letters(gateway, "oncall")} == {
            "the target is gone: the provider says 7", "rejected: the provider says 9"}
        assert leaks(gateway, ["s3cretKey", "s3cretHeader"]) == []
    finally:
        provider.stop()


# --- secrets


def test_no_secret_is_shown_anywhere(start, twilio):
    gateway, client = start({"oncall": sms(twilio)})
    twilio.fail(PHONE, 21211, 20003)
    settled(client, client.accepted(NOTE), "dead")
    client.accepted(NOTE)
    wait_until_paused(gateway)
    assert leaks(gateway, [Twilio.TOKEN]) == []
