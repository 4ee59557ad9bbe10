"""Another configuration is put in the place of one that serves: what changes, what stays, and what happens
when it is refused."""

import http.client
import json
import signal
import socket
import subprocess
import threading
import time

import pytest

from conftest import complete
from gateway_process import BINARY, BUILD, eventually
from load import Load
from notifications import Client, settings, webhook
from ports import free_port

pytestmark = pytest.mark.sanitize


def responding(body, **more):
    """A gateway that answers everything with that body."""
    return complete({
        "listeners": {"public": {"routes": [{"prefix": "/", "respond": {"status": 200, "body": body}}]}},
        **more,
    })


def fetch(connection, path="/"):
    connection.request("GET", path)
    answer = connection.getresponse()
    return answer.status, answer.read().decode()


def connect(gateway, listener="public"):
    return http.client.HTTPConnection(*gateway.address(listener), timeout=30)


def changes(answer):
    return {(change["how"], change["what"], change.get("name", "")) for change in answer["changes"]}


# --- what changes, and what stays

def test_a_kept_connection_is_answered_by_the_new_routes(start_gateway):
    gateway = start_gateway(responding("old"))
    kept = connect(gateway)
    assert fetch(kept) == (200, "old")
    answer = gateway.reconfigure(responding("new"))
    assert answer["status"] == "applied" and answer["snapshot"] == 2
    assert changes(answer) == {("changed", "listener", "public")}
    assert fetch(kept) == (200, "new")
    assert gateway.metric("tocsin_http_connections_total", listener="public") == 1


def test_nothing_changes_when_the_files_say_the_same(start_gateway):
    gateway = start_gateway(responding("same"))
    assert gateway.reload() == (200, {"status": "unchanged", "snapshot": 1, "changes": []})
    assert gateway.metric("tocsin_config_reloads_total", result="unchanged") == 1


def test_a_hang_up_reloads(start_gateway):
    gateway = start_gateway(responding("old"))
    gateway.configure(responding("new"))
    gateway.signal(signal.SIGHUP)
    gateway.wait_for_log("reloaded")
    assert fetch(connect(gateway)) == (200, "new")


def test_the_command_tells_what_changed(start_gateway):
    gateway = start_gateway(responding("old"))
    host, port = gateway.admin_address()
    reload = [BINARY, "reload", "--admin", f"{host}:{port}"]
    gateway.configure(responding("new"))
    done = subprocess.run(reload, capture_output=True, text=True, check=False, timeout=30)
    assert (done.returncode, done.stderr) == (0, "")
    assert "changed  listener  public" in done.stdout and "snapshot 2 serves" in done.stdout
    gateway.config_path.write_text("listeners: {public: {adress: x}}\n")
    gateway.expected_errors.add("reload refused")
    done = subprocess.run(reload, capture_output=True, text=True, check=False, timeout=30)
    assert done.returncode == 1 and f"{gateway.config_path}:1:" in done.stderr


def test_a_listener_comes_and_another_goes(start_gateway):
    first = responding("a")
    gateway = start_gateway(first)
    kept = connect(gateway)
    assert fetch(kept) == (200, "a")
    port = free_port()
    second = responding("b")
    second["listeners"] = {"other": {**second["listeners"]["public"], "address": f"127.0.0.1:{port}"}}
    assert changes(gateway.reconfigure(second)) == {("added", "listener", "other"),
                                                    ("removed", "listener", "public")}
    other = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    assert fetch(other) == (200, "b")
    # Idle connections of the one that went are closed, and nobody listens there.
    host, old_port = kept.host, kept.port
    eventually(lambda: gateway.metric("tocsin_config_snapshots"), 1, "snapshots")
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((host, old_port), timeout=5)


def test_a_listener_that_is_renamed_keeps_its_port(start_gateway):
    port = free_port()
    first = responding("a")
    first["listeners"]["public"]["address"] = f"127.0.0.1:{port}"
    gateway = start_gateway(first)
    second = responding("b")
    second["listeners"] = {"renamed": {**second["listeners"]["public"], "address": f"127.0.0.1:{port}"}}
    assert gateway.reconfigure(second)["status"] == "applied"
    eventually(lambda: gateway.metric("tocsin_config_snapshots"), 1, "snapshots")
    for _ in range(20):
        assert fetch(http.client.HTTPConnection("127.0.0.1", port, timeout=30)) == (200, "b")
    assert gateway.metric("tocsin_http_connections_total", listener="renamed") == 20


def test_a_request_in_progress_ends_by_the_configuration_it_began_with(start_gateway):
    gateway = start_gateway(responding("old"))
    with socket.create_connection(gateway.address()) as client:
        client.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n12345")
        eventually(lambda: gateway.open_connections(), 1, "connections")
        time.sleep(0.05)  # the head is read; nothing tells when
        gateway.reconfigure(responding("new"))
        assert gateway.metric("tocsin_config_snapshots") == 2
        client.sendall(b"67890")
        assert client.recv(4096).endswith(b"\r\n\r\nold")
        client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert client.recv(4096).endswith(b"\r\n\r\nnew")
    eventually(lambda: gateway.metric("tocsin_config_snapshots"), 1, "snapshots")


def test_what_is_sent_after_a_reload_is_routed_by_it(start_gateway, tmp_path, sink):
    before = settings(tmp_path, {"hook": webhook(sink)})
    gateway = start_gateway(before)
    client = Client(gateway)
    client.accepted({"topic": "a", "title": "early"})
    gateway.reconfigure(complete({**before, "routes": [{"match": {"topic": "other"}, "outputs": ["hook"]}]}))
    status, _, _ = client.send({"topic": "a", "title": "late"})
    assert status == 422
    client.accepted({"topic": "other", "title": "late"})


def test_what_outlives_its_grace_is_cut(start_gateway):
    slow = responding("old", gateway={"shutdown_grace": "200ms"})
    gateway = start_gateway(slow)
    with socket.create_connection(gateway.address()) as client:
        client.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n12345")
        eventually(lambda: gateway.open_connections(), 1, "connections")
        time.sleep(0.05)  # the head is read; nothing tells when
        gateway.reconfigure(responding("new", gateway={"shutdown_grace": "200ms"}))
        client.settimeout(30)
        assert client.recv(4096) == b""
    eventually(lambda: gateway.metric("tocsin_config_snapshots"), 1, "snapshots")


def test_four_configurations_are_alive_at_most(start_gateway):
    gateway = start_gateway(responding("round 0"))
    clients = []
    for number in range(1, 4):
        clients.append(socket.create_connection(gateway.address()))
        clients[-1].sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n12345")
        eventually(gateway.open_connections, number, "connections")
        time.sleep(0.05)  # the head is read; nothing tells when
        gateway.reconfigure(responding(f"round {number}"))
    assert gateway.metric("tocsin_config_snapshots") == 4
    fifth = threading.Thread(target=gateway.reconfigure, args=(responding("round 4"),))
    fifth.start()
    assert fetch(connect(gateway)) == (200, "round 3")
    assert gateway.metric("tocsin_config_snapshots") == 4
    # One that ends makes room.
    clients[0].sendall(b"67890")
    assert clients[0].recv(4096).endswith(b"round 0")
    fifth.join(30)
    assert fetch(connect(gateway)) == (200, "round 4")
    for number, client in enumerate(clients[1:], 1):
        client.sendall(b"67890")
        assert client.recv(4096).endswith(b"round %d" % number)
        client.close()


def test_an_output_that_changed_delivers_what_waited_for_it(start_gateway, tmp_path, sink):
    sink.mode("hang")
    before = settings(tmp_path, {"hook": webhook(sink, "/old", concurrency=1)})
    gateway = start_gateway(before)
    client = Client(gateway)
    ids = [client.accepted({"topic": "a", "title": str(i)}) for i in range(20)]
    eventually(lambda: gateway.metric("tocsin_lane_in_flight", output="hook"), 1, "attempts")
    sink.mode("ok")
    answer = gateway.reconfigure(complete(settings(tmp_path, {"hook": webhook(sink, "/new", concurrency=8)})))
    assert changes(answer) == {("changed", "output", "hook")}
    for one in ids:
        eventually(lambda one=one: client.states(one), {"hook": "delivered"}, one)
    paths = [entry["path"] for entry in sink.received()]
    # The attempt under way was the old instance's; the rest are the new one's, each once.
    assert paths.count("/new") == 20 and set(paths) == {"/old", "/new"} and paths.count("/old") == 1


def test_an_output_that_goes_leaves_its_backlog_and_finds_it_again(start_gateway, tmp_path, sink):
    sink.mode("status 500")
    both = complete(settings(tmp_path, {"hook": webhook(sink, retry={"initial": "1h", "max": "1h"}),
                                        "nil": {"type": "null"}}))
    gateway = start_gateway(both)
    client = Client(gateway)
    one = client.accepted({"topic": "a", "title": "waits"})
    eventually(lambda: client.states(one), {"hook": "ready", "nil": "delivered"}, "states")
    alone = complete(settings(tmp_path, {"nil": {"type": "null"}}))
    gateway.reconfigure(alone)
    eventually(lambda: gateway.metric("tocsin_config_snapshots"), 1, "snapshots")
    _, _, text = gateway.admin("/v1/outputs")
    shown = {output["name"]: output for output in json.loads(text)["outputs"]}
    assert shown["hook"]["state"] == "orphaned" and shown["hook"]["ready"] == 1
    gateway.reconfigure(both)
    assert client.states(one)["hook"] == "ready"
    assert Client(gateway).accepted({"topic": "a", "title": "again"})


def test_dedup_remembers_over_a_reload(start_gateway, tmp_path, sink):
    def with_filters(minimum):
        return complete(settings(tmp_path, {"hook": webhook(sink)},
                                 filters=[{"type": "level", "min": minimum},
                                          {"type": "dedup", "window": "5m", "key": "{{title}}"}]))
    gateway = start_gateway(with_filters("debug"))
    Client(gateway).accepted({"topic": "a", "title": "once", "level": "error"})
    gateway.reconfigure(with_filters("info"))
    _, _, body = Client(gateway).send({"topic": "a", "title": "once", "level": "error"})
    assert body == {"status": "dropped", "by": "dedup"} | {k: v for k, v in body.items() if k == "id"}


def test_tokens_of_the_admin_address_change(start_gateway):
    def with_token(token):
        return responding("x", admin={"address": "127.0.0.1:0",
                                      "tokens": {"ops": {"token": token, "role": "admin"}}})
    gateway = start_gateway(with_token("first-first-first"))
    gateway.configure(with_token("second-second-second"))
    host, port = gateway.admin_address()

    def ask(token):
        connection = http.client.HTTPConnection(host, port, timeout=30)
        connection.request("POST", "/v1/reload", headers={"Authorization": f"Bearer {token}"})
        return connection.getresponse().status

    assert ask("first-first-first") == 200
    assert ask("first-first-first") == 401
    assert ask("second-second-second") == 200


def test_a_secret_file_is_read_again(start_gateway, tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("old\n")
    written = responding("${file:" + str(secret) + "}")
    gateway = start_gateway(written)
    assert fetch(connect(gateway)) == (200, "old")
    secret.write_text("new\n")
    status, answer = gateway.reload()
    assert (status, answer["status"]) == (200, "applied")
    assert fetch(connect(gateway)) == (200, "new")


def test_logs_are_opened_again_after_a_rotation(start_gateway, tmp_path):
    path = tmp_path / "access.log"
    logged = responding("x")
    logged["listeners"]["public"]["filters"] = [{"type": "access_log", "path": str(path)}]
    gateway = start_gateway(logged)
    fetch(connect(gateway), "/before")
    eventually(lambda: "/before" in path.read_text(), True, "the line")
    path.rename(tmp_path / "access.log.1")
    gateway.signal(signal.SIGUSR1)
    gateway.wait_for_log("logs opened again")
    fetch(connect(gateway), "/after")
    eventually(lambda: path.exists() and "/after" in path.read_text(), True, "the line")


def test_access_logs_that_nobody_names_any_more_are_closed(start_gateway, tmp_path):
    def logging_to(name):
        logged = responding("old")
        logged["listeners"]["public"]["filters"] = [{"type": "access_log", "path": str(tmp_path / name)}]
        return logged

    gateway = start_gateway(logging_to("first.log"))
    with socket.create_connection(gateway.address()) as slow:
        slow.sendall(b"POST /slow HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n12345")
        eventually(lambda: gateway.open_connections(), 1, "connections")
        time.sleep(0.05)  # the head is read; nothing tells when
        gateway.reconfigure(logging_to("second.log"))
        # The exchange under way belongs to the first.
        assert str(tmp_path / "first.log") in gateway.open_files()
        slow.sendall(b"67890")
        assert slow.recv(4096).endswith(b"\r\n\r\nold")
        eventually(lambda: str(tmp_path / "first.log") in gateway.open_files(), False, "the log is open")
        assert "/slow" in (tmp_path / "first.log").read_text()
    fetch(connect(gateway), "/now")
    eventually(lambda: "/now" in (tmp_path / "second.log").read_text(), True, "the line")
    # It may come back, and one that a refused reload opened does not stay.
    gateway.reconfigure(logging_to("first.log"))
    fetch(connect(gateway), "/again")
    eventually(lambda: "/again" in (tmp_path / "first.log").read_text(), True, "the line")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        wanted = logging_to("third.log")
        wanted["listeners"]["more"] = {"address": f"127.0.0.1:{taken.getsockname()[1]}", "routes": []}
        gateway.configure(wanted)
        gateway.expected_errors.add("reload refused")
        assert gateway.reload()[0] == 422
    eventually(lambda: str(tmp_path / "third.log") in gateway.open_files(), False, "the log is open")


# --- refusals

def refused(gateway, text):
    gateway.expected_errors.add("reload refused")
    gateway.config_path.write_text(text)
    status, answer = gateway.reload()
    assert status == 422, answer
    assert answer["snapshot"] == 1
    assert gateway.metric("tocsin_config_reload_success") == 0
    _, _, text = gateway.admin("/v1/config")
    state = json.loads(text)
    assert state["snapshot"] == 1 and state["last_reload"]["errors"] == answer["errors"]
    assert fetch(connect(gateway)) == (200, "old")
    return answer["errors"]


def as_text(settings):
    return json.dumps(settings, indent=1)


@pytest.mark.parametrize("text, wanted", [
    ("listeners: [", "missing"),
    ("listeners:\n  public: {address: '127.0.0.1:0', routes: [{prefix: /, respnd: {}}]}\n", "respond"),
    ("include: nowhere-*.yaml\nlisteners: {}\ngateway: {workers: x}\n", "workers"),
])
def test_a_broken_file_leaves_everything_as_it_was(start_gateway, text, wanted):
    gateway = start_gateway(responding("old"))
    errors = refused(gateway, text)
    assert any(wanted in json.dumps(error) and error["line"] > 0 for error in errors), errors


def test_a_missing_file_is_named(start_gateway):
    gateway = start_gateway(responding("old"))
    errors = refused(gateway, as_text(responding("${file:/nowhere/secret}")))
    assert "/nowhere/secret" in errors[0]["message"] and errors[0]["line"] > 0


def test_a_port_that_is_taken_is_named(start_gateway):
    gateway = start_gateway(responding("old"))
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        wanted = responding("new")
        wanted["listeners"]["more"] = {"address": f"127.0.0.1:{taken.getsockname()[1]}", "routes": []}
        errors = refused(gateway, as_text(wanted))
    assert errors[0]["path"] == "listeners.more.address" and errors[0]["line"] > 0
    # The port is not held by the refused attempt.
    gateway.reconfigure(wanted)


def test_a_plugin_that_refuses_is_named(start_gateway, tmp_path):
    gateway = start_gateway(complete({
        "listeners": {"public": {"routes": [{"prefix": "/", "respond": {"body": "old"}}]}},
        "outputs": {"nil": {"type": "null"}}, "inputs": {"api": {"type": "http"}}, "routes": [{"outputs": ["nil"]}],
        "storage": {"type": "sqlite", "path": str(tmp_path / "outbox.db")}}))
    wanted = json.loads(gateway.config_path.read_text())
    wanted["outputs"]["file"] = {"type": "file", "path": "/nowhere/at/all.jsonl"}
    errors = refused(gateway, as_text(wanted))
    assert errors[0]["path"].startswith("outputs.file") and errors[0]["line"] > 0


def test_what_needs_a_restart_says_so(start_gateway):
    gateway = start_gateway(responding("old"))
    errors = refused(gateway, as_text(responding("old", gateway={"workers": 3})))
    assert errors[0]["path"] == "gateway.workers" and "restart" in errors[0]["message"]


def test_a_good_reload_after_a_bad_one_is_well_again(start_gateway):
    gateway = start_gateway(responding("old"))
    refused(gateway, "nonsense: 1\n")
    _, _, text = gateway.admin("/v1/health")
    assert json.loads(text)["status"] == "degraded"
    gateway.reconfigure(responding("new"))
    assert gateway.metric("tocsin_config_reload_success") == 1
    _, _, text = gateway.admin("/v1/health")
    assert json.loads(text)["status"] == "ok"


# --- under load

class Requests:
    """Clients that go on asking over kept connections; every answer must be whole and expected."""

    def __init__(self, gateway, clients=4):
        self.count = 0
        self.wrong = []
        self._ending = threading.Event()
        self._threads = [threading.Thread(target=self._ask, args=(gateway,)) for _ in range(clients)]
        for thread in self._threads:
            thread.start()

    def end(self):
        self._ending.set()
        for thread in self._threads:
            thread.join(30)
        assert not self.wrong, self.wrong[:5]

    def _ask(self, gateway):
        connection = connect(gateway, "plain")
        while not self._ending.is_set():
            try:
                status, body = fetch(connection, "/x")
                if status != 200 or not body.startswith("round "):
                    self.wrong.append((status, body))
            except (OSError, http.client.HTTPException) as error:
                self.wrong.append(repr(error))
                return
            self.count += 1


def busy(folder, sink, number):
    """Every round another body, another webhook path, and now and then another output and filter."""
    outputs = {"hook": webhook(sink, f"/hook/{number}"), "steady": webhook(sink, "/steady")}
    if number % 3 == 0:
        outputs["extra"] = webhook(sink, "/extra")
    wanted = settings(folder, outputs, filters=[{"type": "level", "min": "info" if number % 2 else "debug"}])
    wanted["listeners"]["plain"] = {
        "limits": {"requests_per_connection_max": "unlimited"},
        "routes": [{"prefix": "/", "respond": {"status": 200, "body": f"round {number}"}}]}
    return complete(wanted)


@pytest.mark.parametrize("workers, rounds", [(2, 200), (1, 40)])
def test_reloads_in_a_row_under_load_lose_and_repeat_nothing(start_gateway, tmp_path, sink, workers, rounds):
    def wanted(number):
        configured = busy(tmp_path, sink, number)
        configured["gateway"]["workers"] = workers
        return configured

    gateway = start_gateway(wanted(0))
    load, requests = Load(clients=3), Requests(gateway, clients=3)
    load.to(gateway)
    for number in range(1, 11):
        gateway.reconfigure(wanted(number))
    descriptors, resident = gateway.descriptors(), gateway.resident_bytes()
    for number in range(11, rounds + 1):
        assert gateway.reconfigure(wanted(number))["snapshot"] == number + 1
    requests.end()
    load.end()
    assert requests.count > rounds and load.count() > rounds
    eventually(lambda: gateway.metric("tocsin_config_snapshots"), 1, "snapshots")
    metrics = gateway.metrics()
    assert sum(value for (name, labels), value in metrics.items()
               if name == "tocsin_http_connections_total" and ("listener", "plain") in labels) == 3

    def settled():
        received = [json.loads(entry["body"]) for entry in sink.received() if entry["path"] == "/steady"]
        return len({one["title"] for one in received})
    eventually(settled, len(load.accepted), "what arrived")
    titles = [(entry["path"].split("/")[1], json.loads(entry["body"])["title"])
              for entry in sink.received()]
    assert len(titles) == len(set(titles)), "something was delivered twice"
    # Nothing of the configurations stays; kept connections to the sink go when they have been idle.
    eventually(gateway.descriptors, lambda now: now <= descriptors + 8, "descriptors")
    if "san" not in BUILD.name:  # sanitizers keep what was freed
        assert gateway.resident_bytes() <= resident * 1.5 + 8 * 1024 * 1024
