"""Two hundred reloads and twenty upgrades in one life, under requests, ingest and deliveries: nothing fails, is
lost or comes twice, and what outputs were told holds to the end."""

import http.client
import json
import os
import signal
import threading
import time
from pathlib import Path

from conftest import complete
from gateway_process import BUILD, PATIENCE_SECONDS, eventually
from notifications import Client, command, settings, webhook
from test_upgrade import Clients, end, gone, took_over

UPGRADES = 20
RELOADS_EACH = 10


def wanted(folder, sink, number):
    """Each another one: another path of an output, another answer of a route, now and then another filter."""
    outputs = {"hook": webhook(sink, f"/hook/{number}"),
               "rated": webhook(sink, "/rated", rate="1/h"),
               "forced": webhook(sink, "/forced", concurrency=4 + number % 2)}
    made = settings(folder, outputs,
                    routes=[{"match": {"topic": "quiet"}, "outputs": ["rated", "forced"]}, {"outputs": ["hook"]}],
                    filters=[{"type": "level", "min": ["trace", "debug", "info"][number % 3]}])
    for listener in made["listeners"].values():
        listener["limits"] = {"requests_per_connection_max": "unlimited"}
    made["listeners"]["plain"] = {"limits": {"requests_per_connection_max": "unlimited"},
                                  "routes": [{"prefix": "/", "respond": {"body": f"round {number}"}}]}
    return complete(made)


class Senders:
    """Threads that send notifications once each: whatever is not answered 202 is a fault."""

    def __init__(self, address, count=3):
        self.accepted = []
        self.wrong = []
        self._ending = threading.Event()
        self._threads = [threading.Thread(target=self._send, args=(address, f"s{i}")) for i in range(count)]
        for thread in self._threads:
            thread.start()

    def end(self):
        self._ending.set()
        for thread in self._threads:
            thread.join(PATIENCE_SECONDS)
            assert not thread.is_alive(), "a request is never answered"
        assert not self.wrong, self.wrong[:5]

    def _send(self, address, name):
        connection = http.client.HTTPConnection(*address, timeout=PATIENCE_SECONDS)
        for number in range(1_000_000):
            if self._ending.is_set():
                return
            title = f"{name}-{number}"
            try:
                connection.request("POST", "/v1/notifications",
                                   json.dumps({"topic": "load", "level": "warning", "title": title}),
                                   {"Content-Type": "application/json"})
                answer = connection.getresponse()
                body = json.loads(answer.read())
                if (answer.status, body.get("status")) != (202, "accepted"):
                    self.wrong.append((title, answer.status, body))
            except (OSError, http.client.HTTPException) as error:
                self.wrong.append((title, repr(error)))
                return
            self.accepted.append(title)
            time.sleep(0.02)  # the rest is what a slow machine must take


def titles(sink, path):
    """What arrived there, in order and with repetitions."""
    return [json.loads(entry["body"])["title"] for entry in sink.received() if entry["path"].startswith(path)]


def descriptors(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


def resident_bytes(pid):
    lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmRSS:"))


def shown(gateway):
    return {one["name"]: one for one in json.loads(gateway.admin("/v1/outputs")[2])["outputs"]}


def upgraded(gateway, pid, number):
    """The process that took the place of `pid`, once that one is gone."""
    os.kill(pid, signal.SIGUSR2)
    after = eventually(lambda: took_over(gateway), lambda found: len(found) == number, "upgrades")[-1]
    eventually(lambda: gone(pid), True, f"process {pid}")
    return after


def test_reloads_and_upgrades_under_load_change_nothing_but_the_configuration(start_gateway, tmp_path, sink):
    gateway = start_gateway(wanted(tmp_path, sink, 0))
    pid = gateway.process.pid
    assert command(gateway, "outputs", "breaker", "forced", "open")["breaker"] == "forced_open"
    quiet = Client(gateway)
    quiet.accepted({"topic": "quiet", "level": "error", "title": "the hour's only one"})
    eventually(lambda: titles(sink, "/rated"), ["the hour's only one"], "deliveries")
    quiet.accepted({"topic": "quiet", "level": "error", "title": "waits for the next hour"})
    quiet.close()

    requests, senders = Clients(gateway.address("plain"), count=3), Senders(gateway.address("public"))
    number = 0
    used = []
    try:
        for upgrade in range(1, UPGRADES + 1):
            for _ in range(RELOADS_EACH):
                number += 1
                gateway.reconfigure(wanted(tmp_path, sink, number))
            # A reload that is not over would be one more configuration of the old process.
            eventually(lambda: gateway.metric("tocsin_config_snapshots"), 1, "snapshots")
            used.append((descriptors(pid), resident_bytes(pid)))
            pid = upgraded(gateway, pid, upgrade)
            assert shown(gateway)["forced"]["breaker"] == "forced_open"
        requests.end()
        senders.end()
        assert requests.answers > number and len(senders.accepted) > UPGRADES
        eventually(lambda: len(set(titles(sink, "/hook/"))), len(senders.accepted), "what arrived")
        assert sorted(titles(sink, "/hook/")) == sorted(senders.accepted)
        assert titles(sink, "/rated") == ["the hour's only one"] and titles(sink, "/forced") == []
        assert {name: one["reason"] for name, one in shown(gateway).items() if one.get("reason")} == {
            "forced": "its breaker was opened; see outputs breaker"}
        assert gateway.metric("tocsin_upgrade_success") == 1
        # Each process has what the one before it had; connections to the sink come and go.
        assert used[-1][0] <= used[1][0] + 40
        if "san" not in BUILD.name:  # sanitizers keep what was freed
            assert used[-1][1] <= used[1][1] * 1.5 + 8 * 1024 * 1024
    finally:
        end(pid)
