"""Two gateways on one SQLite file: each notification is delivered once, whoever took it, dies or leaves."""

import json
import os
import signal
import subprocess
import threading
import time

from conftest import complete
from gateway_process import BINARY, PATIENCE_SECONDS, Gateway, as_yaml, eventually
from load import Load
from notifications import Client, settings, webhook
from test_upgrade import end


def shared(folder, outputs, **more):
    made = settings(folder, outputs, **more)
    made["storage"]["shared"] = True
    return made


def both(*tasks):
    """Runs them at the same time; their results."""
    results = [None] * len(tasks)

    def run(place, task):
        results[place] = task()

    threads = [threading.Thread(target=run, args=one) for one in enumerate(tasks)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE_SECONDS)
    return results


def send_all(gateway, titles):
    client = Client(gateway)
    for title in titles:
        client.accepted({"topic": "a", "title": title})
    client.close()


def send_lines(gateway, titles):
    status, _, body = Client(gateway).lines([{"topic": "a", "title": title} for title in titles])
    assert status == 202 and {result["status"] for result in body["results"]} == {"accepted"}


def keys(sink):
    return [request["headers"]["idempotency-key"] for request in sink.received()]


def test_both_take_and_deliver_and_nothing_comes_twice(start_gateway, sink, tmp_path):
    config = shared(tmp_path, {"hook": webhook(sink), "second": webhook(sink, "/second")})
    one, two = start_gateway(config), start_gateway(config)
    mine, yours = [f"one-{i}" for i in range(400)], [f"two-{i}" for i in range(400)]
    both(lambda: send_all(one, mine), lambda: send_all(two, yours))
    eventually(sink.count, lambda count: count >= 1600)
    eventually(lambda: len(set(keys(sink))), 1600)
    time.sleep(1.2)  # two looks: what would be sent again is sent by then
    assert len(keys(sink)) == 1600
    for gateway in (one, two):
        assert gateway.metric("tocsin_deliveries_total", output="hook", result="lost") == 0
    # Either one knows what the other took.
    reader = Client(one)
    ids = {json.loads(request["body"])["id"] for request in sink.received()}
    assert len(ids) == 800
    for sent in ids:
        eventually(lambda sent=sent: set(reader.states(sent).values()), {"delivered"})


def test_one_idempotency_key_sent_to_both_at_once_is_one_notification(start_gateway, sink, tmp_path):
    config = shared(tmp_path, {"hook": webhook(sink)})
    clients = [Client(start_gateway(config)) for _ in range(2)]
    for number in range(100):
        def send(client, number=number):
            return client.send({"topic": "a", "title": f"n{number}"}, Idempotency_Key=f"key-{number}")

        (status, _, first), (other, _, second) = both(*[lambda client=client: send(client) for client in clients])
        assert (status, other) == (202, 202)
        assert first["id"] == second["id"]
    eventually(lambda: len(set(sink.titles())), 100)
    time.sleep(0.6)
    assert len(sink.titles()) == 100


def test_what_a_killed_one_had_claimed_the_other_delivers_within_seconds(start_gateway, sink, tmp_path):
    config = shared(tmp_path, {"hook": webhook(sink, concurrency=32, timeout="30s")})
    one, two = start_gateway(config), start_gateway(config)
    sink.mode("hang")
    send_all(one, [f"n{i}" for i in range(24)])
    eventually(sink.count, 24)
    sink.mode("ok")
    one.kill()
    began = time.monotonic()
    eventually(sink.count, 48)
    assert time.monotonic() - began < 5
    assert two.wait_for_log("took over what a dead gateway had claimed")["deliveries"] == 24
    assert len(set(keys(sink))) == 24, "a repetition carries the same delivery id"


def test_what_a_drained_one_leaves_the_other_delivers(start_gateway, sink, tmp_path):
    config = shared(tmp_path, {"hook": webhook(sink, concurrency=4, timeout="10s")})
    one = start_gateway(config)
    sink.mode("slow", "0.05")
    titles = [f"n{i}" for i in range(600)]
    send_lines(one, titles[:300])
    send_lines(one, titles[300:])
    two = start_gateway(config)
    eventually(sink.count, lambda count: count > 20)
    one.signal(signal.SIGTERM)
    assert one.wait() == 0
    assert one.wait_for_log("stopped")["drained"]
    assert sink.count() < 600, "nothing was left to do"
    sink.mode("ok")
    eventually(sink.count, lambda count: count >= 600)
    eventually(lambda: two.metric("tocsin_outbox_backlog", output="hook"), 0)
    assert sorted(sink.titles()) == sorted(titles)


def test_a_backlog_is_shared_by_one_that_joins_later(start_gateway, sink, tmp_path):
    """The second one has nothing of its own to do: it finds what waits within a look."""
    config = shared(tmp_path, {"hook": webhook(sink, concurrency=2, timeout="10s")})
    one, two = start_gateway(config), start_gateway(config)
    sink.mode("slow", "0.2")
    send_lines(one, [f"n{i}" for i in range(100)])
    eventually(lambda: two.metric("tocsin_deliveries_total", output="hook", result="delivered"), lambda count: count > 4)
    sink.mode("ok")
    eventually(sink.count, lambda count: count >= 100)
    assert len(set(sink.titles())) == 100 == len(sink.titles())


def test_upgrades_under_load_lose_nothing_and_repeat_nothing(start_gateway, sink, tmp_path):
    """The new process opens the store while the old one drains; neither says `shared`."""
    sink.mode("slow", "0.02")
    gateway = start_gateway(settings(tmp_path, {"hook": webhook(sink, timeout="10s", concurrency=8)}))
    clients = Load(pause=0.02)
    clients.to(gateway)
    pid = gateway.process.pid

    def upgraded():
        return [entry["pid"] for entry in gateway.log() if entry and entry["message"] == "the new process serves"]

    try:
        for number in range(1, 21):
            enough = clients.count() + 20
            eventually(clients.count, lambda count, enough=enough: count >= enough)
            os.kill(pid, signal.SIGUSR2)
            pid = eventually(upgraded, lambda found, number=number: len(found) == number, "upgrades")[-1]
        clients.end()
        sink.mode("ok")
        eventually(lambda: len(set(sink.titles())), len(clients.accepted))
        time.sleep(1.2)  # two looks: what would be sent again is sent by then
        assert sorted(sink.titles()) == sorted(clients.accepted)
    finally:
        end(pid)


def test_a_second_one_by_mistake_is_refused(start_gateway, sink, tmp_path):
    start_gateway(settings(tmp_path, {"hook": webhook(sink)}))
    folder = tmp_path / "second"
    folder.mkdir()
    second = Gateway(complete(settings(tmp_path, {"hook": webhook(sink)})), folder)
    try:
        second.wait_for_text("another gateway, epoch 1, uses the database")
        assert second.wait() != 0
    finally:
        second.kill()


def test_check_says_what_holds_for_each_gateway_alone(tmp_path):
    alone, together = tmp_path / "alone.yaml", tmp_path / "together.yaml"
    outputs = {"log": {"type": "log"}}
    alone.write_text(as_yaml(complete(settings(tmp_path, outputs))))
    together.write_text(as_yaml(complete(shared(tmp_path, outputs))))

    def check(path):
        done = subprocess.run([BINARY, "check", "-c", path], capture_output=True, text=True, check=False,
                              timeout=PATIENCE_SECONDS)
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert "shared" not in check(alone)
    assert "rates, concurrency, retry budget and breaker of an output hold for each gateway alone" in check(together)
