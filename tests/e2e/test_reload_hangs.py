"""Plugins that take their time, or all of it, while a reload loads them: the gateway serves on, says what it
waits for, and gives up at a limit."""

import json
import threading

import pytest

from conftest import complete
from gateway_process import BUILD, eventually
from notifications import Client, settings

pytestmark = pytest.mark.sanitize


@pytest.fixture
def with_output(tmp_path):
    """The configuration of a gateway with one output, and another that misbehaves if asked to."""
    def configured(**unruly):
        outputs = {"nil": {"type": "null"}}
        if unruly:
            outputs["it"] = {"type": "unruly", **unruly}
        folder = str(BUILD / "tests" / "plugins" / "good")
        return complete(settings(tmp_path, outputs, routes=[{"outputs": ["nil"]}],
                                 gateway={"workers": 2, "plugin_path": [folder]}))
    return configured


class Reload(threading.Thread):
    """A reload that somebody else waits for."""

    def __init__(self, gateway):
        super().__init__()
        self.gateway = gateway
        self.answer = None
        self.start()

    def run(self):
        self.answer = self.gateway.reload()

    def outcome(self):
        self.join(60)
        return self.answer


def under_way(gateway):
    return json.loads(gateway.admin("/v1/config")[2]).get("reload_under_way")


def test_the_gateway_answers_while_a_plugin_takes_its_time_in_create(start_gateway, with_output):
    gateway = start_gateway(with_output())
    gateway.configure(with_output(how="hang_in_create", hang="3s"))
    reload = Reload(gateway)
    # Once in its trial, once in the gateway itself.
    seen = eventually(lambda: under_way(gateway), lambda it: it and "inside" in it, "what it is inside")
    assert seen["inside"] == "output.it: create of the plugin unruly" and seen["for_ms"] >= 3000
    status, headers, text = gateway.admin("/v1/reload", "POST")
    assert (status, headers["Retry-After"]) == (503, "1")
    assert json.loads(text)["detail"].startswith("A reload is under way for ")
    for page in "/healthz", "/readyz", "/metrics", "/v1/health", "/v1/outputs":
        assert gateway.admin(page)[0] == 200
    Client(gateway).accepted({"topic": "a"})
    assert under_way(gateway), "what was asked meanwhile was answered when it was over"
    status, answer = reload.outcome()
    assert (status, answer["status"]) == (200, "applied")
    assert under_way(gateway) is None


def test_a_plugin_that_hangs_in_its_trial_is_named(start_gateway, with_output):
    gateway = start_gateway(with_output())
    gateway.expected_errors.add("reload refused")
    gateway.configure(with_output(how="hang_in_create", hang="1h"))
    status, answer = gateway.reload()
    assert status == 422
    [fault] = answer["errors"]
    assert fault["path"] == "outputs.it" and fault["line"] > 0 and "in create or destroy" in fault["message"]
    Client(gateway).accepted({"topic": "a"})


def test_a_plugin_that_hangs_after_its_trial_is_left_behind(start_gateway, with_output, tmp_path):
    gateway = start_gateway(with_output())
    gateway.expected_errors.add("reload refused")
    gateway.configure(with_output(how="hang_in_second_create", hang="14s", seen=str(tmp_path / "seen")))
    status, answer = gateway.reload()
    assert (status, answer["snapshot"]) == (422, 1)
    [fault] = answer["errors"]
    assert fault["message"] == "the create of the plugin unruly did not return within 10 s"
    assert fault["path"] == "outputs.it" and fault["file"] == str(gateway.config_path)
    Client(gateway).accepted({"topic": "a"})
    # Until it is back nothing else can be made.
    gateway.configure(with_output(how="slow"))
    status, answer = gateway.reload()
    assert status == 422
    assert "has not returned since an earlier reload" in answer["errors"][0]["message"]
    gateway.wait_for_log("what a reload waited for has come back")
    assert gateway.reload()[0] == 200
    assert gateway.metric("tocsin_config_snapshots") <= 2


def test_a_hang_up_during_a_reload_is_followed_by_another(start_gateway, with_output):
    gateway = start_gateway(with_output())
    gateway.configure(with_output(how="hang_in_create", hang="300ms"))
    reload = Reload(gateway)
    eventually(lambda: under_way(gateway), lambda it: it and "inside" in it, "what it is inside")
    gateway.configure(with_output(how="slow"))
    gateway.signal(1)
    assert reload.outcome()[0] == 200
    eventually(lambda: json.loads(gateway.admin("/v1/config")[2])["snapshot"], 3, "the snapshot")


def test_the_process_ends_while_a_plugin_hangs_in_a_reload(start_gateway, with_output, tmp_path):
    gateway = start_gateway(with_output())
    gateway.configure(with_output(how="hang_in_second_create", hang="1h", seen=str(tmp_path / "seen")))
    reload = Reload(gateway)
    eventually(lambda: under_way(gateway), lambda it: it and "inside" in it, "what it is inside")
    gateway.expected_errors.add("stopped without a plugin that does not return")
    gateway.stop()
    assert reload.outcome()[0] == 503


def test_the_process_ends_although_a_plugin_hangs_while_it_is_destroyed(start_gateway, with_output, tmp_path):
    gateway = start_gateway(with_output(how="hang_in_second_destroy", hang="1h", seen=str(tmp_path / "seen")))
    Client(gateway).accepted({"topic": "a"})
    gateway.expected_errors.add("stopped without a plugin that does not return")
    gateway.stop()
    said = gateway.wait_for_log("stopped without a plugin that does not return")
    assert (said["id"], said["inside"]) == ("output.it", "destroy of the plugin unruly")
