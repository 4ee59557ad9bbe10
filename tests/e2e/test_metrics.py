"""README.md's table of metrics, held to the page of a gateway on which everything has happened that counts."""

import json
import re

import pytest

from gateway_process import BUILD, ROOT, eventually
from notifications import Client, command, settings, webhook

OUTPUTS_TOLD_APART = 125


def documented():
    """{name: set of labels} as README.md's table has them; a name may end with a star."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    [table] = re.findall(r"^\| metric \| labels \| meaning \|\n\| --- \| --- \| --- \|\n((?:\|.*\n)+)", text, re.M)
    found = {}
    for row in table.splitlines():
        names, labels, meaning = re.fullmatch(r"\| (.*?) \| (.*?) ?\| (.*) \|", row).groups()
        assert meaning
        for name in re.findall(r"`([^`]+)`", names):
            assert name not in found, f"twice: {name}"
            found[name] = {label.strip() for label in labels.split(",") if label.strip()}
    return found


def families(page):
    """{name: set of labels} of a page in the text format."""
    found = {}
    for line in page.splitlines():
        if line.startswith("# TYPE "):
            _, _, family, kind = line.split()
            found[family] = set()
        elif not line.startswith("#"):
            name, labels = re.match(r"([\w:]+)(?:\{(.*)\})? ", line).groups()
            assert name == family or kind == "histogram" and name.startswith(family)
            found[family] |= set(re.findall(r'(\w+)="', labels or "")) - {"le"}
    return found


def documents(names, family):
    return family if family in names else next(
        (name for name in names if name.endswith("*") and family.startswith(name[:-1])), None)


@pytest.fixture(name="gateway")
def fixture_gateway(start_gateway, tmp_path, sink):
    """One that has answered, delivered, given up, sent again, been called back, failed in a script, logged, and has too
    many outputs."""
    (tmp_path / "wrong.lua").write_text("function route(n) error('no idea') end\n", encoding="utf-8")
    outputs = {f"more-{i}": {"type": "null"} for i in range(OUTPUTS_TOLD_APART)}
    outputs |= {"hook": webhook(sink), "bad": {"type": "flaky", "script": ["rejected"]}, "called": {"type": "called_back"}}
    routes = [{"match": {"topic": "bad"}, "outputs": ["bad"]},
              {"match": {"topic": "called"}, "outputs": ["called"]},
              {"match": {"topic": "script"}, "script": str(tmp_path / "wrong.lua")},
              {"outputs": ["hook"]}]
    config = settings(tmp_path, outputs, routes=routes, dead_letters={"redrive": []},
                      gateway={"plugin_path": [str(tmp_path), str(BUILD / "tests" / "plugins" / "called")]})
    config["listeners"]["public"]["routes"].insert(0, {"prefix": "/called/", "plugin": "called"})
    config["listeners"]["public"]["filters"] = [{"type": "access_log", "path": str(tmp_path / "access.log")}]
    gateway = start_gateway(config)
    client = Client(gateway)
    good = client.accepted({"topic": "good"})
    eventually(lambda: client.states(good)["hook"], "delivered")
    bad = client.accepted({"topic": "bad"})
    eventually(lambda: client.states(bad)["bad"], "dead")
    called = client.accepted({"topic": "called"})
    eventually(lambda: client.states(called)["called"], "delivered")
    delivery = called.replace("ntf_", "dlv_") + "-0"
    assert client.request("POST", f"/called/delivered/{delivery}")[0] == 204
    client.accepted({"topic": "script"})
    command(gateway, "dlq", "redrive", "--output", "bad", "--all")
    eventually(lambda: gateway.metrics().get(("tocsin_redrives_settled_total",
                                              frozenset({("output", "bad"), ("result", "dead")}))), 1)
    # What the store holds is looked at every ten seconds.
    eventually(lambda: ("tocsin_outbox_output_oldest_seconds", frozenset({("output", "bad")})) in gateway.metrics(), True)
    return gateway


def test_the_readme_has_every_metric_with_its_labels_and_no_other(gateway):
    names = documented()
    shown = families(gateway.admin("/metrics")[2])
    assert [family for family in shown if documents(names, family) is None] == []
    wrong = {family: labels for family, labels in shown.items()
             if documents(names, family) != "process_*" and labels != names[documents(names, family)]}
    assert wrong == {}
    assert [name for name in names if name not in {documents(names, family) for family in shown}] == []


def test_too_many_outputs_for_the_metrics_are_told_of_once(gateway):
    line = gateway.wait_for_log("more outputs than the metrics tell apart: the rest are counted as other")
    assert (line["outputs"], line["limit"]) == (OUTPUTS_TOLD_APART + 3, OUTPUTS_TOLD_APART)
    assert json.loads(gateway.admin("/v1/reload", "POST")[2])
    assert sum(entry["message"] == line["message"] for entry in gateway.log()) == 1
