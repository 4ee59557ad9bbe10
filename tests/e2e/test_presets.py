"""The shipped presets against a simulator that answers as each provider documents it."""

import json
import subprocess

import pytest

from conftest import complete
from gateway_process import BINARY, PATIENCE_SECONDS, ROOT, as_yaml, eventually
from notifications import command, dead_letters, settings
from simulated_provider import Provider

TOKEN = "123456:planted-token"
NOTE = {"topic": "disk.full", "level": "critical", "title": "Disk \"sda\" is full", "body": "98 %\n<@everyone>",
        "labels": {"host": "db-1"}}
ONCE = {"retry": {"max_attempts": 1}, "breaker": False, "retry_budget": False}
WAITS = "the receiver asked for a pause"
ACCOUNT_WAITS = "the receiver asked another output of its account for a pause"


@pytest.fixture(name="provider")
def fixture_provider():
    made = Provider()
    yield made
    made.stop()


def output(provider, preset):
    """An output of a preset that sends to the simulator, and never tries again but when it was throttled."""
    more = {"discord": {"values": {"url": provider.url(f"/api/webhooks/1/{TOKEN}")}},
            "telegram": {"url": provider.url("/bot{{{values.token}}}/sendMessage"),
                         "values": {"token": TOKEN, "chat": "-100"}},
            "teams": {"values": {"url": provider.url(f"/workflows/1?sig={TOKEN}")}},
            "pagerduty": {"url": provider.url("/v2/enqueue"), "values": {"routing_key": TOKEN}},
            "ntfy": {"url": provider.url("/"), "values": {"topic": TOKEN}},
            "mattermost": {"values": {"url": provider.url(f"/hooks/{TOKEN}")}},
            "opsgenie": {"url": provider.url("/v2/alerts"), "headers": {"Authorization": f"GenieKey {TOKEN}"}}}
    return {"type": "webhook", "preset": preset, "delivery": ONCE, **more[preset]}


@pytest.fixture(name="send")
def fixture_send(start, provider):
    """A function that sends one notification through a preset whose provider answers so: gateway, client, id."""
    def send(preset, *answers, note=None):
        provider.answers(*answers)
        gateway, client = start({"out": output(provider, preset)})
        return gateway, client, client.accepted(note or NOTE)
    return send


def body_of(provider, index=0):
    eventually(lambda: len(provider.requests) > index, True, "the request")
    return json.loads(provider.requests[index]["body"])


def delivered(client, sent):
    eventually(lambda: client.states(sent)["out"], "delivered", "the delivery")


def letter_of(gateway, client, sent):
    """The dead letter that the delivery became, as text; the planted token never stands in it."""
    eventually(lambda: client.states(sent)["out"], "dead", "the delivery")
    text = json.dumps(dead_letters(gateway, "out"))
    assert TOKEN not in text and TOKEN not in json.dumps(gateway.log())
    return text


def reason_of(gateway, name):
    return {one["name"]: one for one in command(gateway, "outputs")["outputs"]}[name].get("reason")


# --- Discord ----------------------------------------------------------------------------------------


def test_discord_204_is_delivered(send, provider):
    _, client, sent = send("discord", (204, ""))
    delivered(client, sent)
    assert provider.requests[0]["path"] == f"/api/webhooks/1/{TOKEN}"


def test_discord_keeps_the_id_of_the_message(send):
    _, client, sent = send("discord", (200, {"id": "1100", "content": "x"}))
    delivered(client, sent)
    assert client.get(sent)[2]["deliveries"][0]["provider_id"] == "1100"


def test_discord_sets_allowed_mentions(send, provider):
    send("discord", (204, ""))
    body = body_of(provider)
    assert body["allowed_mentions"] == {"parse": []}
    assert body["content"] == "**Disk \"sda\" is full**\n98 %\n<@everyone>"


def test_discord_cuts_at_2000_characters(send, provider):
    send("discord", (204, ""), note={**NOTE, "title": "\U0001f525" * 250, "body": "b" * 5000})
    content = body_of(provider)["content"]
    assert 1900 < len(content) <= 2000 and content.endswith("\u2026")


def test_discord_retry_after_is_a_float(send, provider):
    answer = {"message": "You are being rate limited.", "retry_after": 0.05, "global": False}
    _, client, sent = send("discord", (429, answer), (204, ""))
    delivered(client, sent)
    assert [request["headers"]["Tocsin-Attempt"] for request in provider.requests] == ["1", "1"]  # spends nothing


@pytest.mark.parametrize("header, in_body", [({"X-RateLimit-Global": "true"}, False), ({}, True)])
def test_discord_global_limit_closes_the_account(start, provider, header, in_body):
    provider.answers((429, {"message": "You are being rate limited.", "retry_after": 3600.0, "global": in_body}, header))
    outputs = {name: {**output(provider, "discord"), "account": "guild"} for name in ("one", "two")}
    gateway, client = start(outputs, routes=[{"match": {"topic": "two.*"}, "outputs": ["two"]}, {"outputs": ["one"]}])
    client.accepted(NOTE)
    eventually(lambda: reason_of(gateway, "one") in (WAITS, ACCOUNT_WAITS), True, "the throttled output")
    client.accepted({**NOTE, "topic": "two.x"})
    eventually(lambda: reason_of(gateway, "two"), ACCOUNT_WAITS, "the other output")
    assert len(provider.requests) == 1


def test_discord_unknown_webhook_is_gone(send):
    found = send("discord", (404, {"message": "Unknown Webhook", "code": 10015}))
    letter = letter_of(*found)
    assert "Unknown Webhook" in letter and "the target is gone" in letter


def test_discord_400_is_rejected_with_its_words(send):
    letter = letter_of(*send("discord", (400, {"message": "Cannot send an empty message", "code": 50006})))
    assert "Cannot send an empty message" in letter and "rejected" in letter


# --- Telegram ---------------------------------------------------------------------------------------


def test_telegram_puts_the_token_into_the_path_and_the_chat_into_the_body(send, provider):
    _, client, sent = send("telegram", (200, {"ok": True, "result": {"message_id": 7}}))
    delivered(client, sent)
    assert provider.requests[0]["path"] == f"/bot{TOKEN}/sendMessage"
    assert body_of(provider)["chat_id"] == "-100"


def test_telegram_cuts_at_4096_utf16_units(send, provider):
    send("telegram", (200, {"ok": True}), note={**NOTE, "body": "\U0001f525" * 5000})
    text = body_of(provider)["text"]
    assert 3000 < len(text.encode("utf-16-le")) // 2 <= 4096


def test_telegram_429_closes_the_whole_bot(start, provider):
    provider.answers((429, {"ok": False, "error_code": 429, "description": "Too Many Requests: retry after 3600",
                            "parameters": {"retry_after": 3600}}))
    outputs = {name: {**output(provider, "telegram"), "account": "bot"} for name in ("one", "two")}
    gateway, client = start(outputs, routes=[{"match": {"topic": "two.*"}, "outputs": ["two"]}, {"outputs": ["one"]}])
    client.accepted(NOTE)
    eventually(lambda: reason_of(gateway, "one") in (WAITS, ACCOUNT_WAITS), True, "the throttled output")
    client.accepted({**NOTE, "topic": "two.x"})
    eventually(lambda: reason_of(gateway, "two"), ACCOUNT_WAITS, "the other output")
    assert len(provider.requests) == 1


@pytest.mark.parametrize("words", ["Forbidden: bot was blocked by the user",
                                   "Forbidden: bot was kicked from the supergroup chat"])
def test_telegram_403_blocked_is_gone(send, words):
    letter = letter_of(*send("telegram", (403, {"ok": False, "error_code": 403, "description": words})))
    assert words in letter and "the target is gone" in letter


def test_telegram_migrated_chat_names_the_new_address(send):
    letter = letter_of(*send("telegram", (400, {
        "ok": False, "error_code": 400, "description": "Bad Request: group chat was upgraded to a supergroup chat",
        "parameters": {"migrate_to_chat_id": -1001234}})))
    assert "the chat has another id now: -1001234" in letter and "rejected" in letter


def test_telegram_400_is_rejected_with_its_words(send):
    letter = letter_of(*send("telegram", (400, {"ok": False, "error_code": 400,
                                                "description": "Bad Request: chat not found"})))
    assert "chat not found" in letter and "rejected" in letter


@pytest.mark.parametrize("status, words", [(401, "Unauthorized"), (404, "Not Found")])
def test_telegram_wrong_token_pauses_the_output(send, status, words):
    gateway, _, _ = send("telegram", (status, {"ok": False, "error_code": status, "description": words}))
    gateway.expected_errors.add("output paused: its credentials are refused")
    eventually(lambda: "credentials were refused" in (reason_of(gateway, "out") or ""), True, "the pause")


# --- Teams ------------------------------------------------------------------------------------------


def test_teams_202_is_delivered(send, provider):
    _, client, sent = send("teams", (202, "", {"x-ms-workflow-run-id": "0858"}))
    delivered(client, sent)
    card = body_of(provider)["attachments"][0]
    assert card["contentType"] == "application/vnd.microsoft.card.adaptive"


def test_teams_gets_an_adaptive_card(send, provider):
    send("teams", (202, ""))
    content = body_of(provider)["attachments"][0]["content"]
    assert (content["type"], content["version"]) == ("AdaptiveCard", "1.4")
    title, text = content["body"]
    assert (title["text"], title["color"]) == (NOTE["title"], "attention")
    assert text["text"] == NOTE["body"]


def test_teams_unknown_workflow_is_gone(send):
    letter = letter_of(*send("teams", (404, {"error": {"code": "WorkflowNotFound", "message": "The workflow could not "
                                                       "be found."}})))
    assert "could not be found" in letter and "the target is gone" in letter


def test_teams_429_is_throttled(send, provider):
    gateway, _, _ = send("teams", (429, {"error": {"code": "TooManyRequests", "message": "Slow."}}, {"Retry-After": "60"}))
    eventually(lambda: reason_of(gateway, "out"), WAITS, "the pause")
    assert len(provider.requests) == 1


# --- PagerDuty --------------------------------------------------------------------------------------


def test_pagerduty_202_is_delivered(send, provider):
    _, client, sent = send("pagerduty", (202, {"status": "success", "message": "Event processed", "dedup_key": "k"}))
    delivered(client, sent)
    event = body_of(provider)
    assert (event["routing_key"], event["event_action"]) == (TOKEN, "trigger")
    assert event["payload"]["severity"] == "critical" and event["payload"]["source"] == "db-1"


def test_pagerduty_dedup_key_makes_retries_idempotent(start, provider):
    provider.answers((500, ""), (202, {"status": "success", "dedup_key": "k"}))
    retry = {"retry": {"max_attempts": 3, "initial": "20ms", "max": "40ms"}, "breaker": False, "retry_budget": False}
    _, client = start({"out": {**output(provider, "pagerduty"), "delivery": retry}})
    delivered(client, client.accepted(NOTE))
    first, second = (json.loads(request["body"])["dedup_key"] for request in provider.requests)
    assert first == second and first.startswith("dlv_")


def test_pagerduty_notifications_of_one_key_are_one_incident(send, provider):
    send("pagerduty", (202, {}), note={**NOTE, "key": "db-1/sda"})
    assert body_of(provider)["dedup_key"] == "db-1/sda"


@pytest.mark.parametrize("level, severity", [("emergency", "critical"), ("error", "error"), ("warning", "warning"),
                                             ("notice", "info"), ("debug", "info")])
def test_pagerduty_knows_four_severities(send, provider, level, severity):
    send("pagerduty", (202, {}), note={**NOTE, "level": level})
    assert body_of(provider)["payload"]["severity"] == severity


def test_pagerduty_400_is_rejected(send):
    letter = letter_of(*send("pagerduty", (400, {"status": "invalid event", "message": "Event object is invalid",
                                                 "errors": ["Length of 'routing_key' is incorrect"]})))
    assert "Length of 'routing_key' is incorrect" in letter and "rejected" in letter


def test_pagerduty_429_is_throttled(send):
    gateway, _, _ = send("pagerduty", (429, {"message": "Rate limited"}))
    eventually(lambda: reason_of(gateway, "out") in (WAITS, ACCOUNT_WAITS), True, "the pause")


# --- all of them ------------------------------------------------------------------------------------


@pytest.mark.parametrize("preset, status, answer", [
    ("ntfy", 200, {"id": "sPs71M8A2T", "event": "message"}),
    ("mattermost", 200, "ok"),
    ("opsgenie", 202, {"result": "Request will be processed", "took": 0.1, "requestId": "43a29c5c"}),
])
def test_a_preset_delivers(send, provider, preset, status, answer):
    _, client, sent = send(preset, (status, answer))
    delivered(client, sent)
    assert "Disk \"sda\" is full" in json.dumps(body_of(provider), ensure_ascii=False).replace('\\"', '"')


PRESETS = sorted(path.stem for path in (ROOT / "conf" / "presets").glob("*.yaml"))


def test_each_preset_is_known_here(provider):
    assert len(PRESETS) == 7
    for preset in PRESETS:
        output(provider, preset)


@pytest.mark.parametrize("preset", PRESETS)
def test_no_command_shows_a_presets_secrets(provider, tmp_path, preset):
    path = tmp_path / "tocsin.yaml"
    path.write_text(as_yaml(complete(settings(tmp_path, {"out": output(provider, preset)}))))
    (tmp_path / "event.json").write_text(json.dumps(NOTE))
    for words in [("check",), ("check", "--json"), ("render", "--output", "out", str(tmp_path / "event.json")),
                  ("render", "--json", "--output", "out", str(tmp_path / "event.json"))]:
        done = subprocess.run([BINARY, *words, "-c", str(path)], text=True, capture_output=True,
                              timeout=PATIENCE_SECONDS, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        assert TOKEN not in done.stdout + done.stderr
    assert provider.requests == []


def test_a_presets_missing_value_is_told_where_it_stands(provider, tmp_path):
    path = tmp_path / "tocsin.yaml"
    broken = {**output(provider, "telegram"), "values": {"token": TOKEN}}
    path.write_text(as_yaml(complete(settings(tmp_path, {"out": broken}))))
    done = subprocess.run([BINARY, "check", "-c", str(path)], text=True, capture_output=True, timeout=PATIENCE_SECONDS,
                          check=False)
    assert done.returncode == 1
    assert "telegram.yaml:" in done.stderr
    assert 'there is no value "chat": write values: {chat: ...}' in done.stderr
