"""Slack on the real binary, against a simulator that answers as Slack documents it."""

import json

import pytest

from gateway_process import eventually
from notifications import command, dead_letters
from planted import leaks
from slack_api import Slack

NOTE = {"topic": "disk.full", "level": "warning", "title": "Disk <full> & hot", "body": "94 %"}
SECRET_PATH = "/services/T0001/B0001/s3cretWebhookPath"
RETRY = {"max_attempts": 3, "initial": "20ms", "max": "40ms", "jitter": "none"}
FINAL = ("channel_not_found", "not_in_channel", "is_archived", "msg_too_long", "no_text")
UNAUTHORIZED = ("invalid_auth", "account_inactive", "token_revoked")
TRANSIENT = ("internal_error", "fatal_error", "service_unavailable")


@pytest.fixture(name="slack")
def fixture_slack():
    simulator = Slack()
    yield simulator
    simulator.stop()


def delivery(**more):
    return {"timeout": "5s", "retry": RETRY, "breaker": False, "retry_budget": False, **more}


def hook(slack, path=SECRET_PATH, **more):
    return {"type": "slack", "webhook_url": slack.url(path), "delivery": delivery(), **more}


def bot(slack, channel="C0GENERAL", **more):
    return {"type": "slack", "token": Slack.TOKEN, "channel": channel, "api_url": slack.url("/api"),
            "delivery": delivery(), **more}


def settled(client, sent, state, output="chat"):
    eventually(lambda: client.states(sent)[output], state, "the delivery")


def wait_until_paused(gateway, output="chat"):
    said = "output paused: its credentials are refused"
    gateway.expected_errors.add(said)
    gateway.wait_for_log(said)
    eventually(lambda: gateway.metric("tocsin_lane_paused", output=output, reason="unauthorized"), 1, "the pause")


def shown(gateway, output="chat"):
    return {one["name"]: one for one in command(gateway, "outputs")["outputs"]}[output]


# --- incoming webhooks


@pytest.mark.sanitize
def test_a_webhook_is_delivered_with_200_and_ok(start, slack):
    _, client = start({"chat": hook(slack)})
    settled(client, client.accepted(NOTE), "delivered")
    request, = slack.received()
    assert json.loads(request["body"]) == {"text": "*Disk &lt;full&gt; &amp; hot*\n94 %"}
    assert request["headers"]["content-type"] == "application/json; charset=utf-8"


@pytest.mark.parametrize("error", ["invalid_payload", "no_text"])
def test_a_webhooks_400_is_final(start, slack, error):
    gateway, client = start({"chat": hook(slack)})
    slack.fail(SECRET_PATH, error)
    settled(client, client.accepted(NOTE), "dead")
    letter, = dead_letters(gateway, "chat")
    assert letter["reason"] == f"rejected: Slack says {error}"
    assert len(slack.received()) == 1


@pytest.mark.parametrize("error", ["action_prohibited", "channel_not_found", "channel_is_archived"])
def test_a_webhooks_403_404_and_410_say_that_the_target_is_gone(start, slack, error):
    gateway, client = start({"chat": hook(slack)})
    slack.fail(SECRET_PATH, error)
    settled(client, client.accepted(NOTE), "dead")
    letter, = dead_letters(gateway, "chat")
    assert letter["reason"] == f"the target is gone: Slack says {error}"


@pytest.mark.sanitize
def test_a_429_stops_its_lane_and_no_other(start, slack):
    gateway, client = start({"chat": hook(slack, delivery=delivery(concurrency=1)), "other": hook(slack, "/services/other")})
    slack.fail(SECRET_PATH, "rate_limited", retry_after=3)
    first = client.accepted(NOTE)
    eventually(lambda: shown(gateway).get("reason"), "the receiver asked for a pause")
    rest = [client.accepted(NOTE) for _ in range(5)]
    for sent in [first, *rest]:
        settled(client, sent, "delivered", "other")
    assert [one["path"] for one in slack.received()].count(SECRET_PATH) == 1
    for sent in [first, *rest]:
        settled(client, sent, "delivered")
    assert [one["path"] for one in slack.received()].count(SECRET_PATH) == 7  # and spent nothing


# --- bots


@pytest.mark.sanitize
def test_a_bot_posts_to_its_channel_or_to_the_one_that_is_addressed(start, slack):
    gateway, client = start({"chat": bot(slack)})
    sent = client.accepted(NOTE)
    settled(client, sent, "delivered")
    settled(client, client.accepted({**NOTE, "to": ["slack:C0OTHER"]}), "delivered")
    assert [message["channel"] for message in slack.posted()] == ["C0GENERAL", "C0OTHER"]
    row, = json.loads(gateway.admin(f"/v1/notifications/{sent}")[2])["deliveries"]
    assert row["provider_id"] == "C0GENERAL:1503435956.000001"  # ts and channel are kept


@pytest.mark.parametrize("error", FINAL)
def test_ok_false_with_200_is_a_failure_and_these_are_final(start, slack, error):
    gateway, client = start({"chat": bot(slack)})
    slack.fail("C0GENERAL", error)
    settled(client, client.accepted(NOTE), "dead")
    letter, = dead_letters(gateway, "chat")
    assert letter["reason"] == f"rejected: Slack says {error}"


@pytest.mark.parametrize("error", UNAUTHORIZED)
def test_a_token_that_is_no_good_pauses_the_output(start, slack, error):
    gateway, client = start({"chat": bot(slack)})
    slack.fail("C0GENERAL", error)
    client.accepted(NOTE)
    wait_until_paused(gateway)
    assert dead_letters(gateway, "chat") == []


@pytest.mark.parametrize("error", TRANSIENT)
def test_slacks_own_failures_are_tried_again(start, slack, error):
    _, client = start({"chat": bot(slack)})
    slack.fail("C0GENERAL", error)
    settled(client, client.accepted(NOTE), "delivered")
    assert len(slack.posted()) == 2


def test_ratelimited_waits_as_long_as_retry_after_says(start, slack):
    gateway, client = start({"chat": bot(slack)})
    slack.fail("C0GENERAL", "ratelimited", retry_after=2)
    sent = client.accepted(NOTE)
    eventually(lambda: shown(gateway).get("reason"), "the receiver asked for a pause")
    settled(client, sent, "delivered")
    assert len(slack.posted()) == 2
    row, = json.loads(gateway.admin(f"/v1/notifications/{sent}")[2])["deliveries"]
    assert row["attempts"] == 1  # a throttle spends nothing


def test_a_post_that_was_not_answered_is_held(start, slack):
    gateway, client = start({"chat": bot(slack)})
    slack.fail("C0GENERAL", "hang up")
    settled(client, client.accepted(NOTE), "dead")
    letter, = dead_letters(gateway, "chat")
    assert letter["reason"].startswith("ambiguous"), letter
    assert len(slack.messages) == 1


# --- what is sent


def section(text):
    return {"type": "section", "text": {"type": "mrkdwn", "text": text}}


def test_blocks_are_escaped_whoever_wrote_their_texts(start, slack):
    blocks = json.dumps([section("{{title}} {{data.by}} <https://wiki.example/{{topic}}|help> {{labels.team}}")])
    _, client = start({"chat": bot(slack, blocks=blocks, text="{{level}}: {{title}}")})
    settled(client, client.accepted({**NOTE, "title": "<!channel> \"quoted\"", "data": {"by": "<@U1> & co\n"},
                                     "labels": {"team": "R&D"}}), "delivered")
    message, = slack.posted()
    assert message["text"] == "warning: &lt;!channel&gt; \"quoted\""  # always beside the blocks
    assert message["blocks"] == [section("&lt;!channel&gt; \"quoted\" &lt;@U1&gt; &amp; co\n "
                                         "<https://wiki.example/disk.full|help> R&amp;D")]


def test_what_is_longer_than_slack_takes_is_cut_on_code_points_and_counted(start, slack):
    blocks = json.dumps([section("{{body}}")] + [{"type": "divider"}] * 50)
    gateway, client = start({"chat": bot(slack, blocks=blocks)})
    settled(client, client.accepted({**NOTE, "title": "", "body": "\U0001F514" * 41_000}), "delivered")
    message, = slack.posted()
    assert message["text"] == "\U0001F514" * 39_999 + "\u2026"
    assert message["blocks"][0] == section("\U0001F514" * 2_999 + "\u2026")
    assert len(message["blocks"]) == 50
    assert gateway.metric("tocsin_plugin_limit_cuts_total", plugin="output/slack", id="chat") == 3


# --- secrets


def test_no_secret_is_shown_anywhere(start, slack):
    gateway, client = start({"chat": bot(slack), "hook": hook(slack)})
    slack.fail("C0GENERAL", "is_archived", "invalid_auth")
    slack.fail(SECRET_PATH, "channel_not_found", "rollup_error")
    for state in ("dead", None):
        sent = client.accepted(NOTE)
        if state:
            settled(client, sent, state)
            settled(client, sent, state, "hook")
    wait_until_paused(gateway)
    assert leaks(gateway, [Slack.TOKEN, "s3cretWebhookPath"]) == []
