"""An output whose receiver cannot tell a repetition, such as one that sends SMS: nobody is called twice."""

import random

from gateway_process import eventually
from load import Load
from notifications import Client, command, settings

CRASHES = 50

# One request for each number, and no key by which a repetition would be known.
SMS = """\
return {
  name = "caller", kind = "output", doc = "Calls a number.",
  options = {{key = "url", doc = "Where.", required = true}},
  create = function(cfg)
    return {
      deliver = function(attempt)
        local number = attempt.address:match("^phone:(.+)$")
        return tocsin.http.verdict(tocsin.http.request {method = "POST", url = cfg.url .. "/" .. number, body = "{}"})
      end,
      traits = {idempotent = false, address_kind = "phone", has_own_address = false},
    }
  end,
}
"""


def number_of(title):
    """"c1-42" -> "+1000000142"."""
    client, count = title[1:].split("-")
    return f"+1{int(count):08}{client}"


def test_no_number_is_called_twice_over_fifty_crashes_and_none_is_forgotten(start_gateway, sink, tmp_path):
    (tmp_path / "output_caller.lua").write_text(SMS)
    sms = {"type": "caller", "url": sink.url("/sms"), "delivery": {"timeout": "30s", "breaker": False, "concurrency": 8}}
    config = settings(tmp_path, {"sms": sms}, gateway={"plugin_path": [str(tmp_path)]})
    sink.mode("slow", "0.03")
    chance = random.Random(50)
    clients = Load(note=lambda title: {"to": ["phone:" + number_of(title)]}, pause=0.02)
    try:
        for _ in range(CRASHES):
            gateway = start_gateway(config)
            clients.to(gateway)
            enough = clients.count() + chance.randrange(1, 25)
            eventually(clients.count, lambda count, enough=enough: count >= enough)
            gateway.kill()
        gateway = start_gateway(config)
        clients.to(gateway)
    finally:
        clients.end()

    reader = Client(gateway)
    states = {}

    def unsettled():
        for title, sent in clients.accepted.items():
            if states.get(title) not in ("delivered", "dead"):
                states[title] = reader.states(sent)["sms"]
        return [title for title, state in states.items() if state not in ("delivered", "dead")][:3]

    eventually(unsettled, [])
    called = [request["path"].rsplit("/", 1)[1] for request in sink.received()]
    assert len(called) == len(set(called)), "a number was called twice"
    assert set(called) <= {number_of(title) for title in clients.accepted}
    held = {number_of(title) for title, state in states.items() if state == "dead"}
    forgotten = [title for title in states if number_of(title) not in held and number_of(title) not in called]
    assert not forgotten, "neither called nor a dead letter"
    assert held, "no crash met an attempt"
    letters = command(gateway, "dlq", "list", "--output", "sms")["dead_letters"]
    assert {letter["reason"] for letter in letters} == {"ambiguous"}
