"""Finding notifications by what their sender calls them, where the store is made for it."""

import subprocess

from gateway_process import BINARY, PATIENCE_SECONDS
from notifications import Client, command, settings


def tocsin(gateway, *words):
    address = "%s:%d" % gateway.admin_address()
    return subprocess.run([BINARY, *words, "--admin", address], capture_output=True, text=True,
                          timeout=PATIENCE_SECONDS, check=False)


def test_a_notification_is_found_by_key_and_by_external_id(start_gateway, tmp_path):
    config = settings(tmp_path, {"log": {"type": "log"}})
    gateway = start_gateway(config)
    client = Client(gateway)
    note = {"topic": "orders.paid", "key": "order 1&2", "external_id": "4711"}
    sent = [client.accepted({**note, "title": f"n{number}"}) for number in range(3)]
    client.accepted({"topic": "t", "key": "another"})
    client.close()

    refused = tocsin(gateway, "notifications", "--key", note["key"])
    assert refused.returncode == 1
    assert "add key to storage.search" in refused.stderr

    gateway.kill()
    config["storage"]["search"] = ["key", "external_id"]  # for what is there already, too
    gateway = start_gateway(config)
    found = command(gateway, "notifications", "--key", note["key"])["notifications"]
    assert [one["id"] for one in found] == sent[::-1]
    assert (found[0]["topic"], found[0]["title"], found[0]["input"]) == ("orders.paid", "n2", "api")
    assert len(command(gateway, "notifications", "--external-id", "4711")["notifications"]) == 3
    page = command(gateway, "notifications", "--key", note["key"], "--limit", "2")
    rest = command(gateway, "notifications", "--key", note["key"], "--before", page["next"])["notifications"]
    assert [one["id"] for one in rest] == sent[:1]
    assert "n1" in tocsin(gateway, "notifications", "--external-id", "4711").stdout
    assert tocsin(gateway, "notifications", "--key", "nobody's").stdout == "no such notifications\n"
    assert tocsin(gateway, "notifications").returncode == 2
