"""A gateway that began without notifications is given them by a reload, store and all, and lets go of them
again."""

import json
import socket

import pytest

from conftest import complete
from gateway_process import BUILD, eventually
from notifications import Client, command, settings, webhook

pytestmark = pytest.mark.sanitize


@pytest.fixture
def port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture
def plain(port):
    """A configuration without inputs and outputs."""
    return complete({"listeners": {"public": {
        "address": f"127.0.0.1:{port}",
        "routes": [{"path": "/plain", "respond": {"body": "plain"}}]}}})


@pytest.fixture
def full(plain, port, tmp_path, sink):
    """The same with a whole pipeline."""
    both = settings(tmp_path, {"hook": webhook(sink)})
    both["listeners"]["public"]["address"] = f"127.0.0.1:{port}"
    both["listeners"]["public"]["routes"] = [*plain["listeners"]["public"]["routes"], {"prefix": "/v1/", "plugin": "api"}]
    return complete(both)


def holds_store(gateway, tmp_path):
    # The crash map beside it stays: what was found there is yet to be told to the store.
    return any(path.startswith(str(tmp_path / "outbox.db")) and not path.endswith(".crash")
               for path in gateway.open_files())


def deliver(gateway):
    client = Client(gateway)
    sent = client.accepted({"topic": "a", "title": "x"})
    eventually(lambda: client.states(sent), {"hook": "delivered"}, "its state")
    return sent


def refused(gateway, wanted):
    gateway.expected_errors.add("reload refused")
    gateway.configure(wanted)
    status, answer = gateway.reload()
    assert status == 422, answer
    return answer["errors"]


def test_the_first_output_comes_by_a_reload_and_goes_by_another(start_gateway, plain, full, sink):
    gateway = start_gateway(plain)
    assert gateway.admin("/v1/outputs")[0] == 404
    answer = gateway.reconfigure(full)
    assert {"what": "storage", "how": "added"} in answer["changes"]
    sent = deliver(gateway)
    assert [output["name"] for output in command(gateway, "outputs")["outputs"]] == ["hook"]
    assert command(gateway, "dlq", "list")["dead_letters"] == []
    assert "outbox_commits_total" in gateway.admin("/metrics")[2]
    assert json.loads(gateway.admin("/v1/health")[2])["store"]["accepting"]

    answer = gateway.reconfigure(plain)
    assert {"what": "storage", "how": "removed"} in answer["changes"]
    assert Client(gateway).send({"topic": "a"})[0] == 404
    eventually(lambda: gateway.metric("tocsin_config_snapshots"), 1, "snapshots")
    # What was sent can still be looked up.
    assert gateway.admin(f"/v1/notifications/{sent}")[0] == 200

    gateway.reconfigure(full)
    deliver(gateway)
    assert len(sink.received()) == 2
    # The audit is kept since there is a store to keep it in.
    actions = eventually(lambda: [one["action"] for one in command(gateway, "audit")["audit"]], lambda all: all, "audit")
    assert set(actions) == {"config.reload"}


def test_another_store_than_the_first_takes_a_restart(start_gateway, plain, full, tmp_path):
    gateway = start_gateway(plain)
    gateway.reconfigure(full)
    gateway.reconfigure(plain)
    other = {**full, "storage": {"type": "sqlite", "path": str(tmp_path / "other.db")}}
    [error] = refused(gateway, other)
    assert error["path"] == "storage" and "restart" in error["message"]
    gateway.reconfigure(full)
    deliver(gateway)


def test_a_store_that_cannot_be_opened_changes_nothing(start_gateway, plain, full, tmp_path):
    gateway = start_gateway(plain)
    errors = refused(gateway, {**full, "storage": {"type": "sqlite", "path": str(tmp_path / "no" / "outbox.db")}})
    assert errors[0]["path"].startswith("storage") and errors[0]["line"] > 0
    assert gateway.admin("/v1/outputs")[0] == 404
    gateway.reconfigure(full)
    deliver(gateway)


def test_a_store_is_closed_again_when_the_reload_fails_behind_it(start_gateway, plain, full, tmp_path):
    gateway = start_gateway(plain)
    descriptors = None
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        wanted = json.loads(json.dumps(full))
        wanted["listeners"]["more"] = {"address": f"127.0.0.1:{taken.getsockname()[1]}", "routes": []}
        for _ in range(3):
            errors = refused(gateway, wanted)
            assert errors[0]["path"] == "listeners.more.address"
            eventually(lambda: holds_store(gateway, tmp_path), False, "the store is open")
            descriptors = descriptors or gateway.descriptors()
            eventually(gateway.descriptors, lambda now: now <= descriptors, "descriptors")
    gateway.reconfigure(full)
    deliver(gateway)
    assert holds_store(gateway, tmp_path)


def test_a_store_is_closed_again_when_a_plugin_fails_on_a_loop(start_gateway, plain, full, tmp_path):
    gateway = start_gateway(plain)
    wanted = json.loads(json.dumps(full))
    wanted["gateway"]["plugin_path"] = [str(BUILD / "tests" / "plugins" / "good")]
    wanted["outputs"]["bad"] = {"type": "unruly", "how": "throw_in_worker_init"}
    for _ in range(3):
        [error] = refused(gateway, wanted)
        assert error["path"] == "outputs.bad" and "thrown in worker_init" in error["message"]
        eventually(lambda: holds_store(gateway, tmp_path), False, "the store is open")
    del wanted["outputs"]["bad"]
    gateway.reconfigure(wanted)
    deliver(gateway)


def test_what_waits_in_the_store_is_delivered_when_it_is_named_again(start_gateway, plain, full, sink):
    sink.mode("status 500")
    full["outputs"]["hook"]["delivery"]["retry"] = {"initial": "1h", "max": "1h"}
    gateway = start_gateway(plain)
    gateway.reconfigure(full)
    client = Client(gateway)
    sent = client.accepted({"topic": "a", "title": "x"})
    eventually(lambda: client.states(sent), {"hook": "ready"}, "its state")
    gateway.reconfigure(plain)
    eventually(lambda: gateway.metric("tocsin_config_snapshots"), 1, "snapshots")
    shown = json.loads(gateway.admin("/v1/outputs")[2])["outputs"]
    assert [(output["name"], output["state"], output["ready"]) for output in shown] == [("hook", "orphaned", 1)]
