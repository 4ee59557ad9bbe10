"""Messages of one key on the real binary: in the thread of the first one, or in its place, also after a restart."""

import json

import pytest

from notifications import Client, settings
from slack_api import Slack
from test_slack import NOTE, bot, settled

pytestmark = pytest.mark.sanitize


@pytest.fixture(name="slack")
def fixture_slack():
    simulator = Slack()
    yield simulator
    simulator.stop()


def send(gateway, *keys):
    client = Client(gateway)
    for key in keys:
        settled(client, client.accepted({**NOTE, "title": "", "body": key, "key": key}), "delivered")
    client.close()


def test_what_has_the_same_key_goes_into_the_thread_of_the_first_message(start_gateway, tmp_path, slack):
    wanted = settings(tmp_path, {"chat": bot(slack, channel="#ops", thread="key")})
    gateway = start_gateway(wanted)
    send(gateway, "db-1", "db-2", "db-1")
    gateway.stop()
    gateway = start_gateway(wanted)
    send(gateway, "db-1", "db-2")
    seen = [(message["channel"], message["text"], message.get("thread_ts", "")[-1:]) for message in slack.posted()]
    assert seen == [("#ops", "db-1", ""), ("#ops", "db-2", ""), ("C0GENERAL", "db-1", "1"), ("C0GENERAL", "db-1", "1"),
                    ("C0GENERAL", "db-2", "2")]


def test_what_has_the_same_key_takes_the_place_of_the_first_message(start_gateway, tmp_path, slack):
    gateway = start_gateway(settings(tmp_path, {"chat": bot(slack, update="key")}))
    send(gateway, "db-1", "db-1", "db-1")
    (channel, ts), = slack.messages
    assert [(message["channel"], message["ts"]) for message in slack.posted("chat.update")] == [(channel, ts)] * 2
    slack.forget(channel, ts)
    send(gateway, "db-1")
    assert [json.loads(one["body"])["text"] for one in slack.received()] == ["db-1"] * 5
    assert len(slack.posted()) == 2  # the one that was deleted is posted anew


def test_many_of_one_key_at_once_have_one_first_message(start_gateway, tmp_path, slack):
    gateway = start_gateway(settings(tmp_path, {"chat": bot(slack, thread="key")}))
    client = Client(gateway)
    sent = [client.accepted({**NOTE, "key": "db-1"}) for _ in range(20)]
    for one in sent:
        settled(client, one, "delivered")
    client.close()
    assert [bool(message.get("thread_ts")) for message in slack.posted()] == [False] + [True] * 19
