"""Plugins that crash the process, hang their loop, or answer nonsense: what is contained, what is traced."""

import json
import signal
import time

import pytest

from conftest import complete
from gateway_process import BUILD, eventually
from notifications import Client, command, dead_letters, settings
from ports import free_port

GOOD = {"type": "null"}


def unruly(how, **more):
    """Another attempt is nobody's harm, so that a crash leaves the delivery ready instead of ambiguous."""
    delivery = {"on_ambiguous": "resend", "retry": {"initial": "10ms", "max": "10ms", "jitter": "none"}}
    return {"type": "unruly", "how": how, "delivery": delivery, **more}


def config(folder, outputs, **gateway):
    gateway = {"workers": 1, "plugin_path": [str(BUILD / "tests" / "plugins" / "good")], **gateway}
    return settings(folder, outputs, gateway=gateway)


def health(gateway):
    status, _, text = gateway.admin("/v1/health")
    assert status == 200
    return json.loads(text)


def state_of(gateway, output):
    outputs = command(gateway, "outputs")["outputs"]
    return next(one for one in outputs if one["name"] == output)


def crashes(gateway):
    """Waits for it to die of the plugin's abort()."""
    assert gateway.wait() == -signal.SIGABRT
    gateway.kill()


FOUND = "the last process crashed inside a plugin"


@pytest.fixture
def start_again(start_gateway):
    def start(settings_):
        gateway = start_gateway(settings_)
        gateway.expected_errors |= {FOUND, "a plugin is suspected of crashing the gateway"}
        return gateway
    return start


def test_a_delivery_that_crashes_the_gateway_three_times_becomes_a_dead_letter(start_again, tmp_path):
    wanted = config(tmp_path, {"bad": unruly("crash", topic="poison"), "good": GOOD})
    gateway = start_again(wanted)
    client = Client(gateway)
    poison = client.accepted({"topic": "poison"})
    crashes(gateway)
    for _ in range(2):
        crashes(start_again(wanted))

    gateway = start_again(wanted)
    found = gateway.wait_for_log(FOUND)
    assert (found["plugin"], found["id"], found["deliveries"]) == ("output/unruly", "bad", 1)
    client = Client(gateway)
    eventually(lambda: client.states(poison), {"bad": "dead", "good": "delivered"})
    assert [letter["reason"] for letter in dead_letters(gateway, "bad")] == ["crashed_gateway"]
    # One delivery did it, and it is gone: the output serves on.
    assert state_of(gateway, "bad")["state"] == "running"
    healthy = client.accepted({"topic": "healthy"})
    eventually(lambda: client.states(healthy), {"bad": "delivered", "good": "delivered"})


@pytest.fixture
def plain():
    """A configuration without a store, where no plugin is at work."""
    def on(port):
        return complete({"gateway": {"workers": 1}, "listeners": {"public": {
            "address": f"127.0.0.1:{port}", "routes": [{"path": "/plain", "respond": {"body": "plain"}}]}}})
    return on


def test_crashes_are_traced_in_a_store_that_came_by_a_reload(start_again, plain, tmp_path):
    port = free_port()
    wanted = complete(config(tmp_path, {"bad": unruly("crash", topic="poison"), "good": GOOD}))
    wanted["listeners"]["public"]["address"] = f"127.0.0.1:{port}"
    for crash in range(3):
        gateway = start_again(plain(port))
        gateway.configure(wanted)
        # It may die of what waits there before it has answered.
        gateway.signal(signal.SIGHUP)
        if crash == 0:
            client = Client(gateway)
            gateway.wait_for_log("reloaded")
            poison = client.accepted({"topic": "poison"})
        crashes(gateway)

    gateway = start_again(plain(port))
    gateway.reconfigure(wanted)
    found = gateway.wait_for_log(FOUND)
    assert (found["plugin"], found["id"], found["deliveries"]) == ("output/unruly", "bad", 1)
    client = Client(gateway)
    eventually(lambda: client.states(poison), {"bad": "dead", "good": "delivered"})
    assert [letter["reason"] for letter in dead_letters(gateway, "bad")] == ["crashed_gateway"]


def test_an_output_of_a_store_that_came_by_a_reload_is_quarantined(start_again, plain, tmp_path):
    port = free_port()
    wanted = complete(config(tmp_path, {"bad": unruly("crash", topic="poison"), "good": GOOD}))
    wanted["listeners"]["public"]["address"] = f"127.0.0.1:{port}"
    harmless = {**wanted, "outputs": {"bad": GOOD, "good": GOOD}}
    for _ in range(3):
        gateway = start_again(plain(port))
        gateway.reconfigure(wanted)
        poison = Client(gateway).accepted({"topic": "poison"})
        crashes(gateway)
        off = start_again(harmless)
        eventually(lambda: Client(off).states(poison)["bad"], "delivered")
        off.stop()

    gateway = start_again(plain(port))
    gateway.reconfigure(wanted)
    assert state_of(gateway, "bad")["state"] == "paused"
    assert command(gateway, "outputs", "resume", "bad") == {"output": "bad", "status": "resumed"}
    assert state_of(gateway, "bad")["state"] == "running"


def test_innocents_of_the_same_batch_are_delivered_and_the_culprit_is_found(start_again, tmp_path):
    wanted = config(tmp_path, {"bad": unruly("crash", topic="poison")})
    gateway = start_again(wanted)
    client = Client(gateway)
    items = [{"topic": "poison" if i == 7 else "healthy", "title": str(i)} for i in range(20)]
    status, _, body = client.batch(items)
    assert status == 202
    ids = [result["id"] for result in body["results"]]
    crashes(gateway)
    while True:
        gateway = start_again(wanted)
        gateway.wait_until_ready()
        time.sleep(0.5)
        if gateway.process.poll() is None:
            break
        crashes(gateway)
    client = Client(gateway)
    wanted_states = [{"bad": "dead" if i == 7 else "delivered"} for i in range(20)]
    eventually(lambda: [client.states(one) for one in ids], wanted_states)


def test_an_output_found_after_three_crashes_starts_in_quarantine(start_again, tmp_path):
    wanted = config(tmp_path, {"bad": unruly("crash", topic="poison"), "good": GOOD})
    for _ in range(3):
        gateway = start_again(wanted)
        client = Client(gateway)
        poison = client.accepted({"topic": "poison"})
        crashes(gateway)
        # Another delivery each time: this one is settled before it can be there again.
        off = start_again(config(tmp_path, {"bad": GOOD, "good": GOOD}))
        eventually(lambda: Client(off).states(poison)["bad"], "delivered")
        off.stop()

    gateway = start_again(wanted)
    bad = state_of(gateway, "bad")
    assert bad["state"] == "paused" and "crashes" in bad["reason"]
    assert gateway.metric("tocsin_lane_paused", output="bad", reason="quarantine") == 1
    client = Client(gateway)
    healthy = client.accepted({"topic": "healthy"})
    eventually(lambda: client.states(healthy)["good"], "delivered")
    assert client.states(healthy)["bad"] in ("ready", "claimed")

    assert command(gateway, "outputs", "resume", "bad") == {"output": "bad", "status": "resumed"}
    eventually(lambda: client.states(healthy)["bad"], "delivered")
    assert state_of(gateway, "bad")["state"] == "running"
    assert command(gateway, "outputs", "resume", "bad")["status"] == "was neither paused nor in quarantine"
    gateway.stop()
    assert state_of(start_again(wanted), "bad")["state"] == "running", "it was forgiven"


def test_killing_the_gateway_blames_nobody(start_gateway, tmp_path):
    wanted = config(tmp_path, {"bad": unruly("hang", hang="1h")}, watchdog_abort="off")
    gateway = start_gateway(wanted)
    Client(gateway).accepted({"topic": "a"})
    gateway.expected_errors.add("a loop stands still")
    eventually(lambda: len(health(gateway)["stuck_loops"]), 1)
    gateway.kill()
    again = start_gateway(config(tmp_path, {"bad": GOOD}))
    again.wait_until_ready()
    assert not [entry for entry in again.log() if entry["message"] == FOUND]


def test_a_loop_that_hangs_is_shown_with_the_plugin_it_hangs_in(start_gateway, tmp_path):
    gateway = start_gateway(config(tmp_path, {"bad": unruly("hang", topic="slow", hang="4s"), "good": GOOD}))
    gateway.expected_errors.add("a loop stands still")
    assert health(gateway)["status"] == "ok"
    client = Client(gateway)
    sent = client.accepted({"topic": "slow"})

    shown = eventually(lambda: health(gateway), lambda found: found["stuck_loops"])
    assert shown["status"] == "degraded"
    [loop] = shown["stuck_loops"]
    assert loop["name"] == "worker-0" and loop["busy_ms"] >= 2000
    assert (loop["plugin"], loop["id"], loop["callback"]) == ("output/unruly", "bad", "deliver")
    assert any(frame.startswith("output_unruly.so(") for frame in loop["stack"]), loop["stack"]
    assert gateway.metric("tocsin_loops_stuck") == 1

    gateway.wait_for_log("the loop goes on")
    eventually(lambda: health(gateway)["status"], "ok")
    assert health(gateway)["stuck_loops"] == []
    assert gateway.metric("tocsin_loops_stuck_total") == 1
    eventually(lambda: client.states(sent), {"bad": "delivered", "good": "delivered"})
    entry = gateway.wait_for_log("a loop stands still")
    assert entry["plugin"] == "output/unruly" and "output_unruly.so" in entry["stack"]


def test_a_loop_that_hangs_for_too_long_ends_the_process_and_is_traced(start_again, tmp_path):
    wanted = config(tmp_path, {"bad": unruly("hang", topic="slow", hang="1h")}, watchdog_abort="3s")
    gateway = start_again(wanted)
    Client(gateway).accepted({"topic": "slow"})
    crashes(gateway)
    found = start_again(config(tmp_path, {"bad": GOOD})).wait_for_log(FOUND)
    assert (found["plugin"], found["id"], found["deliveries"]) == ("output/unruly", "bad", 1)


def test_a_process_that_was_stopped_is_not_taken_for_a_loop_that_hangs(start_gateway, tmp_path):
    gateway = start_gateway(config(tmp_path, {"bad": unruly("hang", hang="1s")}, watchdog_abort="3s"))
    client = Client(gateway)
    sent = client.accepted({"topic": "slow"})
    gateway.signal(signal.SIGSTOP)
    time.sleep(4)
    gateway.signal(signal.SIGCONT)
    eventually(lambda: client.states(sent), {"bad": "delivered"})
    assert gateway.metric("tocsin_loops_stuck_total") == 0


def test_an_answer_that_makes_no_sense_is_an_internal_fault(start_gateway, tmp_path):
    gateway = start_gateway(config(tmp_path, {"bad": unruly("corrupt", topic="bad"), "good": GOOD}))
    client = Client(gateway)
    sent = client.accepted({"topic": "bad"})
    eventually(lambda: client.states(sent), {"bad": "dead", "good": "delivered"})
    [letter] = dead_letters(gateway, "bad")
    assert letter["attempts"] == 3 and "malformed verdict" in letter["reason"]
    labels = {"plugin": "output/unruly", "id": "bad"}
    assert gateway.metric("tocsin_plugin_misuses_total", **labels) == 6
    assert gateway.metric("tocsin_plugin_late_completions_total", **labels) == 3


def test_without_a_map_the_gateway_serves_and_says_why(start_gateway, tmp_path):
    gateway = start_gateway(config(tmp_path, {"good": GOOD}, crash_map=str(tmp_path / "none" / "crash.map")))
    assert "none/crash.map" in gateway.wait_for_log("crashes will not be traced to plugins")["error"]
    client = Client(gateway)
    sent = client.accepted({"topic": "a"})
    eventually(lambda: client.states(sent), {"good": "delivered"})
