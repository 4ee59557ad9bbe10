"""`tocsin explain` and `tocsin routes test` on the real binary: what people and CI see of them."""

import json
import os
import subprocess
import textwrap
import xml.etree.ElementTree as ElementTree

import pytest

from conftest import complete
from gateway_process import BINARY, PATIENCE_SECONDS, ROOT, as_yaml
from notifications import Client, settings

pytestmark = pytest.mark.sanitize

ON_CALL = ROOT / "conf" / "examples" / "on-call"
SUITES = sorted((ROOT / "conf").rglob("*.suite.yaml"))
PAID = {"topic": "orders.paid", "level": "warning", "labels": {"host": "web-1"}}


def tocsin(*arguments, **options):
    return subprocess.run([BINARY, *map(str, arguments)], text=True, capture_output=True, timeout=PATIENCE_SECONDS,
                          check=False, **options)


@pytest.mark.parametrize("kind, wanted", [
    (None, "r.lua: there is no such file"),
    ("folder", "r.lua: it is a directory"),
    ("pipe", "r.lua: it is not a regular file"),
])
def test_a_routing_script_that_is_no_file_is_called_what_it_is(tmp_path, kind, wanted):
    config = settings(tmp_path, {"a": {"type": "null"}}, routes=[{"script": "r.lua"}])
    (tmp_path / "c.yaml").write_text(as_yaml(complete(config)))
    suite = tmp_path / "s.yaml"
    suite.write_text("config: c.yaml\ncases:\n  - {name: x, event: {topic: a}, expect: {outputs: [a]}}\n")
    if kind == "folder":
        (tmp_path / "r.lua").mkdir()
    elif kind == "pipe":
        os.mkfifo(tmp_path / "r.lua")
    done = tocsin("routes", "test", suite)
    assert done.returncode == 1 and wanted in done.stderr


@pytest.mark.parametrize("text", ["", "# nothing yet\n"])
def test_an_empty_suite_is_called_that(tmp_path, text):
    suite = tmp_path / "s.yaml"
    suite.write_text(text)
    done = tocsin("routes", "test", suite)
    assert done.returncode == 1
    assert "the suite is empty: it tests nothing" in done.stderr and "cases:" in done.stderr


@pytest.fixture(name="ask")
def fixture_ask(tmp_path):
    """A function that explains an event (a text, or what is to become JSON) on standard input."""
    config = settings(tmp_path, {"archive": {"type": "null"}, "chat": {"type": "null"}},
                      filters=[{"type": "level", "min": "info"}, {"type": "dedup", "window": "1m"}],
                      routes=[{"match": {"topic": "orders.*"}, "outputs": ["chat", "archive"]}])
    path = tmp_path / "tocsin.yaml"
    path.write_text(as_yaml(complete(config)))

    def ask(event, *arguments):
        text = event if isinstance(event, str) else json.dumps(event)
        return tocsin("explain", "-c", path, *arguments, "-", input=text)

    ask.config = path
    return ask


# --- explain ----------------------------------------------------------------------------------------


def test_people_see_each_step_and_why(ask):
    result = ask(PAID)
    assert (result.returncode, result.stderr) == (0, "")
    lines = result.stdout.splitlines()
    assert any(line.split()[:2] == ["level", "passed"] and "min: info" in line for line in lines)
    assert any(line.split()[:2] == ["dedup", "passed"] for line in lines)
    assert any(line.startswith("routes[0]") and "took it" in line and "chat, archive" in line for line in lines)
    assert "routed: 2 deliveries" in lines


def test_the_readme_shows_what_it_says():
    shown = tocsin("explain", "-c", "conf/examples/on-call/tocsin.yaml", "conf/examples/on-call/disk-full.json", cwd=ROOT)
    assert textwrap.indent(shown.stdout, "    ") in (ROOT / "README.md").read_text()


@pytest.mark.parametrize("event, code, outcome", [
    (PAID, 0, "routed"),
    (PAID | {"level": "debug"}, 3, "dropped"),
    (PAID | {"topic": "weather"}, 3, "unrouted"),
    (PAID | {"labels": {"host": 7}}, 1, "invalid"),
    ("{", 1, "invalid"),
])
def test_programs_see_the_outcome(ask, event, code, outcome):
    result = ask(event, "--json")
    assert result.returncode == code, result.stdout
    assert json.loads(result.stdout)["outcome"] == outcome


def test_a_wrong_event_is_told_by_its_pointer(ask):
    result = ask(PAID | {"labels": {"host": 7}})
    assert result.stdout == "" and "/labels/host" in result.stderr


def test_a_wrong_configuration_is_told_by_its_place(ask):
    ask.config.write_text("listeners: 7\n")
    result = ask(PAID)
    assert result.returncode == 1 and f"{ask.config}:1:12: " in result.stderr


def test_scripts_say_what_they_decide_and_why(ask, tmp_path):
    (tmp_path / "night.lua").write_text(
        'function route(n) return {"chat", delay = "5m", to = {"phone:+1"}, reason = "it is night"} end')
    (tmp_path / "filter_moody.lua").write_text("""
        return {name = "moody", kind = "filter", doc = "Has its moods.", create = function(cfg)
          return {on_message = function(n) return n.topic == "bad" and "drop" or "pass", nil, "its mood" end}
        end}""")
    config = json.loads(ask.config.read_text())
    config["gateway"]["plugin_path"] = [str(tmp_path)]
    config["filters"] = ["moody"]
    config["routes"] = [{"script": "night.lua"}]
    ask.config.write_text(as_yaml(config))
    told = json.loads(ask(PAID, "--json").stdout)
    assert told["routes"][0]["reasons"] == ["its script says: it is night", "not before 5m from now", "for phone:+1"]
    shown = ask({"topic": "bad"})
    assert shown.returncode == 3
    assert any(line.split()[:2] == ["moody", "dropped"] and "its mood" in line for line in shown.stdout.splitlines())


def test_a_script_that_writes_over_a_label_is_told_that_this_has_no_effect(ask, tmp_path):
    (tmp_path / "route.lua").write_text('function route(n) n.labels.host = "web-2" return "chat" end')
    (tmp_path / "filter_pushy.lua").write_text("""
        return {name = "pushy", kind = "filter", doc = "Wants more.", create = function(cfg)
          return {on_message = function(n) n.labels.host = "web-2" return "drop" end}
        end}""")
    config = json.loads(ask.config.read_text())
    config["gateway"]["plugin_path"] = [str(tmp_path)]
    config["filters"] = ["pushy"]
    config["routes"] = [{"script": "route.lua"}, {"outputs": ["archive"]}]
    ask.config.write_text(as_yaml(config))
    result = ask(PAID)
    assert result.returncode == 0, result.stderr
    lines = result.stdout.splitlines()
    wanted = 'labels["host"] was written over: a notification cannot be changed here'
    assert any(line.split()[:2] == ["pushy", "passed"] and wanted in line for line in lines), result.stdout
    assert any(line.startswith("routes[0]") and wanted in line for line in lines), result.stdout
    assert any(line.startswith("routes[1]") and "took it" in line for line in lines), result.stdout


def test_a_script_that_counts_is_asked_once_an_event(ask, tmp_path):
    (tmp_path / "turns.lua").write_text("""
        turn = 0
        function route(n)
          turn = turn + 1
          tocsin.log.warning("turn " .. turn)
          return turn % 2 == 1 and "chat" or "archive"
        end
    """)
    config = json.loads(ask.config.read_text())
    config["routes"] = [{"script": "turns.lua"}]
    ask.config.write_text(as_yaml(config))
    result = ask(PAID, "--json")
    told = json.loads(result.stdout)
    assert told["routes"][0]["outputs"] == [one["output"] for one in told["deliveries"]] == ["chat"]
    assert told["without_address"] == []
    assert result.stderr.count("turn 1") == 1 and "turn 2" not in result.stderr
    suite = tmp_path / "suite.yaml"
    suite.write_text(json.dumps({"config": "tocsin.yaml", "cases": [{"name": "in turns", "steps": [
        {"event": {"topic": topic}, "expect": {"outputs": [output]}}
        for topic, output in (("a", "chat"), ("b", "archive"), ("c", "chat"))]}]}))
    assert tocsin("routes", "test", suite).returncode == 0


def test_it_touches_neither_store_nor_network(ask, tmp_path):
    assert ask(PAID).returncode == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["tocsin.yaml"]


def test_a_gateway_does_what_was_explained(start_gateway, ask, tmp_path):
    gateway = start_gateway(settings(
        tmp_path, {"archive": {"type": "null"}, "chat": {"type": "null"}},
        filters=[{"type": "level", "min": "info"}, {"type": "dedup", "window": "1m"}],
        routes=[{"match": {"topic": "orders.*"}, "outputs": ["chat", "archive"]}]))
    client = Client(gateway)
    for event in (PAID, PAID | {"level": "debug"}, PAID | {"topic": "weather"}):
        said = json.loads(ask(event, "--json").stdout)
        status, _, answer = client.send(event)
        assert {"routed": (202, "accepted"), "dropped": (202, "dropped"), "unrouted": (422, 422)}[said["outcome"]] \
            == (status, answer["status"])
        assert answer.get("deliveries", 0) == len(said["deliveries"])
        assert answer.get("by") == said.get("dropped_by")


# --- routes test ------------------------------------------------------------------------------------


@pytest.mark.parametrize("suite", SUITES, ids=lambda path: path.parent.name)
def test_shipped_suites_pass(suite):
    result = tocsin("routes", "test", suite)
    assert (result.returncode, result.stderr) == (0, ""), result.stdout
    assert result.stdout.startswith(f"{suite}: ") and "failed" not in result.stdout


def test_a_failure_names_its_line_and_fails(tmp_path):
    suite = tmp_path / "wrong.suite.yaml"
    text = (ON_CALL / "routes.suite.yaml").read_text().replace("disk-full.json", str(ON_CALL / "disk-full.json"))
    suite.write_text(text.replace("{deliveries: [morning]}", "{outputs: [pager]}"))
    junit = tmp_path / "results.xml"
    result = tocsin("routes", "test", "-c", ON_CALL / "tocsin.yaml", "--junit", junit, suite)
    assert result.returncode == 1 and result.stderr == ""
    line = 1 + suite.read_text().splitlines().index("  - name: staging wakes nobody")
    assert result.stdout.startswith(f"{suite}:{line}:5: FAILED: staging wakes nobody\n")
    assert result.stdout.endswith(f"{suite}: 9 cases, 8 passed, 1 failed\n")
    root = ElementTree.parse(junit).getroot()
    assert (root.get("tests"), root.get("failures"), root.get("errors")) == ("9", "1", "0")
    case = root.find("./testsuite/testcase[failure]")
    assert (case.get("name"), case.get("line")) == ("staging wakes nobody", str(line))


def test_several_suites_are_one_answer(tmp_path):
    broken = tmp_path / "broken.suite.yaml"
    broken.write_text("casse: []\n")
    junit = tmp_path / "results.xml"
    result = tocsin("routes", "test", broken, SUITES[0], "--junit", junit)
    assert result.returncode == 1 and f"{broken}:1:1: " in result.stderr and "cases" in result.stderr
    assert "passed" in result.stdout
    assert [suite.get("errors") for suite in ElementTree.parse(junit).getroot()] == ["1", "0"]


def test_results_that_cannot_be_written_are_a_failure(tmp_path):
    result = tocsin("routes", "test", SUITES[0], "--junit", tmp_path / "no" / "such" / "folder.xml")
    assert result.returncode == 1 and "cannot be written" in result.stderr


@pytest.mark.parametrize("arguments", [["explain"], ["routes"], ["routes", "test"], ["routes", "tset", "x"]])
def test_wrong_usage_is_2(arguments):
    assert tocsin(*arguments).returncode == 2


# --- the examples -----------------------------------------------------------------------------------


def test_the_example_of_a_suite_boots(tmp_path):
    environment = os.environ | {"TOCSIN_STATE": str(tmp_path), "TOCSIN_PORT": "0", "TOCSIN_ADMIN_PORT": "0"}
    with subprocess.Popen([BINARY, "run", "-c", ON_CALL / "tocsin.yaml"], stderr=subprocess.PIPE, text=True,
                          env=environment) as gateway:
        try:
            messages = (json.loads(line)["message"] for line in gateway.stderr)
            assert "ready" in messages
        finally:
            gateway.terminate()
        assert gateway.wait(PATIENCE_SECONDS) == 0
