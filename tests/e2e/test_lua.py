"""Filters, outputs and routes in Lua, from the configuration to a real receiver."""

import json
import os
import subprocess
from pathlib import Path

import pytest
import yaml

from conftest import complete
from gateway_process import BINARY, as_yaml, eventually
from notifications import Client, settings, webhook

ROOT = Path(__file__).resolve().parents[2]

LOUD = """\
return {
  name = "loud",
  kind = "filter",
  doc = "Drops what is quiet.",
  options = {{key = "least", type = "integer", default = 4, min = 0, max = 7, doc = "A rank."}},
  create = function(cfg)
    return {on_message = function(n) return n.rank < cfg.least and "drop" or "pass" end}
  end,
}
"""

ROUTE = """\
function route(n)
  if n.labels.team == "slow" then return {outputs = {"chat"}, delay = "1h"} end
  if n.labels.team == "broken" then error("no idea") end
  if n.labels.team then return {outputs = {"chat"}} end
end
"""


@pytest.fixture
def scripts(tmp_path):
    """A folder with a filter and a routing script."""
    folder = tmp_path / "scripts"
    folder.mkdir()
    (folder / "filter_loud.lua").write_text(LOUD)
    (folder / "route.lua").write_text(ROUTE)
    return folder


def check(tmp_path, configured):
    path = tmp_path / "checked.yaml"
    path.write_text(as_yaml(complete(configured)))
    return subprocess.run([BINARY, "check", "-c", path], capture_output=True, text=True,
                          check=False, timeout=60)


def chat(sink):
    return {"type": "chat_webhook", "url": sink.url(), "text": "{{title}}", "username": "tocsin"}


def configured(tmp_path, scripts, sink, workers=2):
    return settings(tmp_path, {"chat": chat(sink), "rest": webhook(sink, "/rest")},
                    routes=[{"script": str(scripts / "route.lua")}, {"outputs": ["rest"]}],
                    filters=["loud"],
                    gateway={"plugin_path": [str(scripts)], "workers": workers})


def received(sink):
    """What came, by path."""
    came = {}
    for request in sink.received():
        came.setdefault(request["path"], []).append(request)
    return came


@pytest.mark.parametrize("workers", [1, 4])
def test_a_lua_filter_a_lua_route_and_a_lua_output_carry_a_notification(
        start_gateway, tmp_path, scripts, sink, workers):
    gateway = start_gateway(configured(tmp_path, scripts, sink, workers))
    for i in range(40):
        client = Client(gateway)
        client.accepted({"topic": "t", "level": "warning", "title": f"chat {i}", "labels": {"team": "a"}})
        client.accepted({"topic": "t", "level": "error", "title": f"rest {i}"})
        status, _, body = client.send({"topic": "t", "level": "info", "title": "quiet"})
        assert (status, body) == (202, {"status": "dropped", "by": "loud"})
        client.close()
    eventually(lambda: {path: len(came) for path, came in received(sink).items()},
               {"/hook": 40, "/rest": 40})
    texts = [json.loads(request["body"]) for request in received(sink)["/hook"]]
    assert {"text": ":warning: chat 7", "username": "tocsin"} in texts, texts[0]


def test_a_route_delays_and_one_that_fails_leaves_the_next_to_decide(
        start_gateway, tmp_path, scripts, sink):
    gateway = start_gateway(configured(tmp_path, scripts, sink))
    client = Client(gateway)
    slow = client.accepted({"topic": "t", "level": "error", "title": "s", "labels": {"team": "slow"}})
    broken = client.accepted({"topic": "t", "level": "error", "title": "b", "labels": {"team": "broken"}})
    eventually(lambda: client.states(broken), {"rest": "delivered"})
    assert client.states(slow) == {"chat": "ready"}
    assert gateway.metric("tocsin_script_errors_total", plugin="route/route.lua", id="routes[0]",
                          reason="error") == 1


def test_a_changed_script_reloads_and_a_broken_one_leaves_the_old(
        start_gateway, tmp_path, scripts, sink):
    gateway = start_gateway(configured(tmp_path, scripts, sink))
    gateway.expected_errors.add("reload refused")
    client = Client(gateway)
    quiet = {"topic": "t", "level": "info", "title": "quiet"}
    assert client.send(quiet)[2]["status"] == "dropped"
    (scripts / "filter_loud.lua").write_text(LOUD.replace("return {on_message", "return {on_mess"))
    status, answer = gateway.reload()
    assert status == 422, answer
    assert f"{scripts}/filter_loud.lua" in json.dumps(answer)
    assert client.send(quiet)[2]["status"] == "dropped"
    (scripts / "filter_loud.lua").write_text(LOUD.replace('"drop" or "pass"', '"pass" or "pass"'))
    assert gateway.reload()[0] == 200
    assert client.send(quiet)[2]["status"] == "accepted"


def test_check_names_the_place_in_the_script(tmp_path, scripts, sink):
    good = check(tmp_path, configured(tmp_path, scripts, sink))
    assert good.returncode == 0, good.stderr
    (scripts / "filter_loud.lua").write_text("local x =\n\nreturn\n")
    (scripts / "route.lua").write_text("\nfunction route(n\n")
    bad = check(tmp_path, configured(tmp_path, scripts, sink))
    assert bad.returncode == 1
    assert f"{scripts}/filter_loud.lua:3: unexpected symbol" in bad.stdout + bad.stderr
    (scripts / "filter_loud.lua").write_text(LOUD)
    bad = check(tmp_path, configured(tmp_path, scripts, sink))
    assert bad.returncode == 1
    assert f"{scripts}/route.lua:3: " in bad.stdout + bad.stderr


def test_scripts_are_listed_with_the_others(scripts):
    listed = subprocess.run([BINARY, "plugins", "list", "--path", scripts], capture_output=True,
                            text=True, check=False, timeout=60).stdout
    assert "filter  loud" in listed and "Drops what is quiet." in listed
    shown = subprocess.run([BINARY, "plugins", "show", "chat_webhook"], capture_output=True,
                           text=True, check=False, timeout=60).stdout
    assert shown.startswith("output chat_webhook 0.1.0: Posts notifications")
    assert "Never shown." in shown


# --- modules ----------------------------------------------------------------------------------------

HELPER = """\
local text = require "tocsin.text"
return function(n) return text.begins(n.title, "quiet") end
"""
MODEST = """\
local is_quiet = require "helper"
return {
  name = "modest", kind = "filter", doc = "Drops what asks for it.",
  create = function() return {on_message = function(n) return is_quiet(n) and "drop" or "pass" end} end,
}
"""


def test_a_module_is_found_beside_the_script_and_a_change_of_it_reloads(start_gateway, tmp_path, scripts, sink):
    (scripts / "helper.lua").write_text(HELPER)
    (scripts / "filter_modest.lua").write_text(MODEST)
    wanted = configured(tmp_path, scripts, sink)
    wanted["filters"] = ["modest"]
    gateway = start_gateway(wanted)
    gateway.expected_errors.add("reload refused")
    client = Client(gateway)
    quiet = {"topic": "t", "title": "quiet please"}
    assert client.send(quiet)[2] == {"status": "dropped", "by": "modest"}
    (scripts / "helper.lua").write_text("return function(n) return n.title == 'loud' end")
    assert gateway.reload()[0] == 200
    assert client.send(quiet)[2]["status"] == "accepted"
    (scripts / "helper.lua").write_text("return function(n)")
    status, answer = gateway.reload()
    assert status == 422 and f"{scripts}/helper.lua:1: " in json.dumps(answer), answer
    (scripts / "helper.lua").unlink()
    status, answer = gateway.reload()
    assert status == 422 and "there is no module" in json.dumps(answer), answer
    assert client.send(quiet)[2]["status"] == "accepted"


# --- reconfigure ------------------------------------------------------------------------------------

COUNTING = """\
return {
  name = "counting", kind = "filter", doc = "Drops all but each nth.",
  options = {{key = "nth", type = "integer", default = 2, min = 1, doc = "Which.", reloadable = true},
             {key = "other", doc = "Makes another filter."}},
  create = function(cfg)
    local heard = 0
    return {
      on_message = function() heard = heard + 1 return heard % cfg.nth == 0 and "pass" or "drop" end,
      reconfigure = function(other)
        if other.nth == 13 then return nil, "thirteen is unlucky", "nth" end
        cfg = other
      end,
    }
  end,
}
"""


def test_reloadable_options_reach_a_script_that_keeps_its_state(start_gateway, tmp_path, scripts, sink):
    (scripts / "filter_counting.lua").write_text(COUNTING)

    def wanted(**options):
        made = configured(tmp_path, scripts, sink, workers=1)
        made["filters"] = [{"type": "counting", **options}]
        return complete(made)

    gateway = start_gateway(wanted(nth=3))
    gateway.expected_errors.add("reload refused")
    client = Client(gateway)

    def passed(count):
        return [client.send({"topic": "t"})[2]["status"] == "accepted" for _ in range(count)]

    assert passed(4) == [False, False, True, False]
    gateway.reconfigure(wanted(nth=5))
    assert passed(2) == [True, False], "it has counted on"
    gateway.configure(wanted(nth=13))
    status, answer = gateway.reload()
    assert status == 422 and "thirteen is unlucky" in json.dumps(answer), answer
    assert "filters[0].nth" in json.dumps(answer), answer
    assert passed(4) == [False, False, False, True]
    gateway.reconfigure(wanted(nth=5, other="x"))
    assert passed(5) == [False, False, False, False, True], "another filter begins anew"


EXAMPLE = ROOT / "conf" / "examples" / "lua"


def test_the_example_is_accepted(tmp_path):
    environment = {**os.environ, "TOCSIN_STATE": str(tmp_path)}
    done = subprocess.run([BINARY, "check", "--create", "-c", EXAMPLE / "tocsin.yaml"], capture_output=True,
                          text=True, check=False, timeout=60, env=environment)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_example_does_what_it_says(start_gateway, tmp_path, sink):
    example = yaml.safe_load((EXAMPLE / "tocsin.yaml").read_text().replace("${TOCSIN_STATE:build/quickstart}",
                                                                           str(tmp_path)))
    example["admin"]["address"] = example["listeners"]["public"]["address"] = "127.0.0.1:0"
    example["gateway"] = {"plugin_path": [str(EXAMPLE)]}
    example["outputs"]["search-chat"]["url"] = sink.url()
    example["routes"][0]["script"] = str(EXAMPLE / "route_by_topic.lua")
    client = Client(start_gateway(example))
    client.accepted({"topic": "search.slow", "level": "error", "title": "Search is slow"})
    client.accepted({"topic": "disk.full", "level": "error", "title": "Disk is full"})
    eventually(lambda: [json.loads(request["body"])["channel"] for request in sink.received()], ["#search"])
    archive = tmp_path / "archive.jsonl"
    eventually(lambda: archive.exists() and archive.read_text().count("Disk is full"), 1)
