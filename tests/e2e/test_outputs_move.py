"""`tocsin outputs move`: what waits for an output that is configured no longer reaches another."""

import json
import subprocess

import pytest

from conftest import complete
from gateway_process import BINARY, PATIENCE_SECONDS, eventually
from notifications import Client, settings, webhook

pytestmark = pytest.mark.sanitize

WAITING = 30


def move(gateway, *arguments):
    host, port = gateway.admin_address()
    return subprocess.run([BINARY, "outputs", "move", *arguments, "--admin", f"{host}:{port}"], text=True,
                          capture_output=True, timeout=PATIENCE_SECONDS, check=False)


def shown(gateway):
    _, _, text = gateway.admin("/v1/outputs")
    return {output["name"]: output for output in json.loads(text)["outputs"]}


def test_an_orphaned_backlog_is_moved_and_delivered(start_gateway, start_sink, tmp_path):
    gone, there = start_sink(), start_sink()
    gateway = start_gateway(complete(settings(tmp_path, {"old": webhook(gone)})))
    client = Client(gateway)
    ids = [client.accepted({"topic": "a", "title": str(i), "deliver_at": "2099-01-01T00:00:00Z"}) for i in range(3)]
    ids += [client.accepted({"topic": "a", "title": str(i), "delay": "5s"}) for i in range(WAITING)]
    gateway.reconfigure(complete(settings(tmp_path, {"new": webhook(there)})))
    eventually(lambda: shown(gateway)["old"].get("ready"), len(ids), "backlog")

    dry = move(gateway, "old", "new", "--dry-run")
    assert dry.stdout == f"would move {len(ids)} waiting deliveries and 0 dead letters of old to new\n", dry.stderr
    refused = move(gateway, "old", "nowhere")
    assert refused.returncode == 1 and "/to: No output of the name nowhere is configured." in refused.stderr

    done = move(gateway, "old", "new")
    assert done.stdout == f"moved {len(ids)} waiting deliveries and 0 dead letters of old to new\n", done.stderr
    assert "old" not in shown(gateway) or shown(gateway)["old"]["ready"] == 0
    for one in ids[3:]:
        eventually(lambda one=one: client.states(one), {"new": "delivered"}, one)
    assert client.states(ids[0]) == {"new": "ready"}  # its time has not come
    assert len(there.received()) == WAITING and not gone.received()
    audit = next(entry for entry in gateway.log() if entry and entry.get("action") == "output.move")
    assert audit["target"] == "old to new"
