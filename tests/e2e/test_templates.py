"""Templates that the configuration shares, other texts for some topics, and `tocsin render`."""

import json
import subprocess

import pytest

from conftest import complete
from gateway_process import BINARY, PATIENCE_SECONDS, ROOT, as_yaml, eventually
from notifications import dead_letters, settings, webhook

TOKEN = "tok-9f1c-planted"
PAID = {"topic": "orders.paid", "title": "Paid <twice>", "labels": {"team": "shop"}, "to": ["email:a@b.example"]}


def body_of(sink, count):
    """The body of the newest of `count` requests."""
    eventually(lambda: len(sink.received()), count, "the requests")
    return sink.received()[-1]["body"]


def test_a_topic_has_its_own_text_and_all_share_their_parts(start, sink, tmp_path):
    sign = tmp_path / "sign.mustache"
    sign.write_text("-- {{labels.team}}")
    hook = {**webhook(sink), "content_type": "text/plain", "body": "{{title}} {{>sign}}",
            "templates": {"topics": {"orders.**": {"body": "order: {{title}} {{>sign}}"}}}}
    gateway, client = start({"hook": hook}, templates={"parts": {"sign": {"file": str(sign)}}})
    client.accepted(PAID)
    assert body_of(sink, 1) == "order: Paid <twice> -- shop"
    client.accepted({"topic": "stock.low", "title": "Empty"})
    assert body_of(sink, 2) == "Empty -- "
    sign.write_text("by {{labels.team}}")
    assert gateway.reload()[0] == 200
    client.accepted(PAID)
    assert body_of(sink, 3) == "order: Paid <twice> by shop"


def test_a_missing_value_is_a_dead_letter_that_says_so_where_the_configuration_wants_it(start, sink):
    body = "{{labels.team}}: {{labels.host}}"
    gateway, client = start({"hook": {**webhook(sink), "content_type": "text/plain", "body": body}},
                            templates={"missing": "error"})
    sent = client.accepted(PAID)
    eventually(lambda: client.states(sent)["hook"], "dead", "the delivery")
    letter, = dead_letters(gateway)
    assert 'the notification has no "labels.host"' in letter["reason"]
    assert sink.received() == []


# --- render -----------------------------------------------------------------------------------------


@pytest.fixture(name="render")
def fixture_render(tmp_path):
    """A function that renders an event for an output of a configuration whose receiver nobody is."""
    hook = {"type": "webhook", "url": "http://127.0.0.1:1/{{{values.token}}}", "values": {"token": TOKEN}, "content_type": "text/plain",
            "headers": {"Authorization": f"Bearer {TOKEN}"}, "body": "{{title}}\n{{labels.team}}",
            "templates": {"missing": "error", "topics": {"stock.*": {"body": "stock {{title}}"}}}}
    plain = {"type": "webhook", "url": "http://127.0.0.1:1/plain"}
    config = settings(tmp_path, {"hook": hook, "plain": plain, "nothing": {"type": "null"}})
    path = tmp_path / "tocsin.yaml"
    path.write_text(as_yaml(complete(config)))

    def render(output, event, *arguments):
        text = event if isinstance(event, str) else json.dumps(event)
        return subprocess.run([BINARY, "render", "-c", str(path), "--output", output, *arguments, "-"], input=text,
                              text=True, capture_output=True, timeout=PATIENCE_SECONDS, check=False)
    return render


def test_render_shows_people_the_texts_and_the_request(render):
    done = render("hook", PAID)
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert lines[0] == "hook (webhook)"
    assert lines[2:4] == ["url", "    http://127.0.0.1:1/***"]
    assert lines[5:8] == ["body", "    Paid <twice>", "    shop"]
    assert "    Content-Type: text/plain" in lines and "    Tocsin-Attempt: 1" in lines
    assert done.stdout.endswith("\n    Paid <twice>\n    shop\n")


def test_render_never_shows_a_secret(render):
    for arguments in [(), ("--json",)]:
        done = render("hook", PAID, *arguments)
        assert done.returncode == 0 and "***" in done.stdout
        assert TOKEN not in done.stdout + done.stderr


def test_render_tells_programs_what_would_leave(render):
    shown = json.loads(render("hook", PAID | {"topic": "stock.low"}, "--json").stdout)
    assert shown["sent"] is True and shown["templates"][1] == {"option": "body", "text": "stock Paid <twice>"}
    request, = shown["requests"]
    assert (request["method"], request["body"]) == ("POST", "stock Paid <twice>")
    assert request["headers"]["Content-Type"] == "text/plain"
    whole = json.loads(render("plain", PAID, "--json").stdout)
    assert whole["templates"] == []
    sent = json.loads(whole["requests"][0]["body"])
    assert sent["topic"] == "orders.paid" and sent["delivery_id"].startswith("dlv_")


def test_render_says_why_nothing_would_be_sent(render):
    done = render("hook", {"topic": "orders.paid", "title": "x"})
    assert done.returncode == 3
    assert 'the notification has no "labels.team"' in done.stdout
    shown = json.loads(render("hook", {"topic": "orders.paid", "title": "x"}, "--json").stdout)
    assert shown["sent"] is False and "fault" in shown["templates"][1]


def test_render_says_that_an_output_has_no_templates(render):
    done = render("nothing", PAID)
    assert done.returncode == 0 and "it has no templates" in done.stdout


@pytest.mark.parametrize("output, event, words", [
    ("hok", PAID, 'there is no output "hok"; did you mean hook?'),
    ("hook", {"topic": 7}, "/topic"),
    ("hook", "{", "no notification"),
])
def test_render_names_what_is_wrong(render, output, event, words):
    done = render(output, event)
    assert done.returncode == 1 and done.stdout == "" and words in done.stderr


def test_render_wants_an_output():
    done = subprocess.run([BINARY, "render", "-"], input="{}", text=True, capture_output=True, timeout=PATIENCE_SECONDS,
                          check=False)
    assert done.returncode == 2


def test_the_example_of_a_chat_renders():
    done = subprocess.run([BINARY, "render", "-c", "conf/examples/chat/tocsin.yaml", "--output", "ops",
                           "conf/examples/chat/disk-full.json"], text=True, capture_output=True,
                          timeout=PATIENCE_SECONDS, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    assert ': Disk of db-1 is full", "allowed_mentions": {"parse": []}}' in done.stdout
    assert "POST http://127.0.0.1:8080/chat" in done.stdout
