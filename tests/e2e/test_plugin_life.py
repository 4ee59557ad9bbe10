"""What a plugin hears of its life over reloads: kept, reconfigured, or replaced and drained."""

import pytest

from conftest import complete
from gateway_process import BUILD, eventually
from notifications import Client, settings


@pytest.fixture
def start(start_gateway, tmp_path):
    """A gateway with one output, and a function that reloads it with another."""
    def config(output):
        gateway = {"workers": 2, "plugin_path": [str(BUILD / "tests" / "plugins" / "living")]}
        return complete(settings(tmp_path, {"it": {"type": "living", **output}}, gateway=gateway))

    def begin(output):
        gateway = start_gateway(config(output))
        gateway.reload_with = lambda other: gateway.reconfigure(config(other))
        gateway.configure_with = lambda other: gateway.configure(config(other))
        return gateway
    return begin


def life(gateway):
    """The calls the plugin logged so far."""
    return [entry["message"] for entry in gateway.log() if entry and entry.get("logger") == "output.it"]


def hears(gateway, *calls):
    eventually(lambda: life(gateway), list(calls), "its life")


def deliver(gateway):
    client = Client(gateway)
    sent = client.accepted({"topic": "a"})
    eventually(lambda: client.states(sent), {"it": "delivered"})


def test_what_did_not_change_hears_nothing(start):
    gateway = start({"name": "a", "word": "one"})
    hears(gateway, "a: init", "a: take up")
    gateway.reload_with({"word": "one", "name": "a", "delivery": {"timeout": "3s"}})
    deliver(gateway)
    hears(gateway, "a: init", "a: take up", "a: deliver one")
    gateway.stop()
    hears(gateway, "a: init", "a: take up", "a: deliver one", "a: drain", "a: fini")


def test_reloadable_options_are_adopted_by_the_same_instance(start):
    gateway = start({"name": "a", "word": "one"})
    gateway.reload_with({"name": "a", "word": "two"})
    deliver(gateway)
    gateway.reload_with({"name": "a"})
    hears(gateway, "a: init", "a: take up", "a: reconfigure to two", "a: deliver two", "a: reconfigure to hello")


def test_a_refused_option_leaves_what_serves(start):
    gateway = start({"name": "a", "word": "one"})
    gateway.expected_errors.add("reload refused")
    gateway.configure_with({"name": "a", "word": "refuse"})
    status, answer = gateway.reload()
    assert status == 422
    [fault] = answer["errors"]
    assert fault["message"] == "is no word of mine" and fault["path"] == "outputs.it.word"
    assert fault["line"] > 0
    deliver(gateway)
    hears(gateway, "a: init", "a: take up", "a: deliver one")
    gateway.reload_with({"name": "a", "word": "three"})
    deliver(gateway)
    assert life(gateway)[-2:] == ["a: reconfigure to three", "a: deliver three"]


def test_another_instance_takes_up_when_the_one_before_has_ended(start):
    gateway = start({"name": "a", "hold": True})
    client = Client(gateway)
    held = client.accepted({"topic": "a"})
    hears(gateway, "a: init", "a: take up", "a: deliver hello")
    gateway.reload_with({"name": "b"})
    eventually(lambda: client.states(held), {"it": "delivered"})
    hears(gateway, "a: init", "a: take up", "a: deliver hello", "b: init", "a: drain", "a: fini", "b: take up")
    deliver(gateway)
    assert life(gateway)[-1] == "b: deliver hello"
