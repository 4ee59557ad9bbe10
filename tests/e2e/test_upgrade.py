"""A process takes the place of another one, or is started by a service manager."""

import http.client
import json
import os
import shutil
import signal
import socket
import struct
import subprocess
import threading
from pathlib import Path

import pytest

from conftest import complete
from gateway_process import BINARY, PATIENCE_SECONDS, eventually
from ports import free_port

pytestmark = pytest.mark.sanitize


def responding(body, **more):
    return complete({
        "listeners": {"public": {"routes": [{"prefix": "/", "respond": {"status": 200, "body": body}}],
                                 "limits": {"requests_per_connection_max": "unlimited"}}},
        **more,
    })


def fetch(address, path="/"):
    connection = http.client.HTTPConnection(*address, timeout=PATIENCE_SECONDS)
    try:
        connection.request("GET", path)
        return connection.getresponse().read().decode()
    finally:
        connection.close()


def replaced(gateway):
    """The process id of the one that serves instead."""
    gateway.signal(signal.SIGUSR2)
    return gateway.wait_for_log("the new process serves")["pid"]


def gone(pid):
    """It is no more, or only waits to be noticed by whoever inherited it."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    except OSError:
        return True
    return stat.rsplit(")", 1)[1].split()[0] == "Z"


def left(gateway):
    """The exit code of the old process; its log goes on with the new one's."""
    return gateway.process.wait(PATIENCE_SECONDS)


def end(pid):
    os.kill(pid, signal.SIGTERM)
    eventually(lambda: gone(pid), True, f"process {pid}")


# --- taking over

def test_a_new_process_serves_on_the_same_port_by_the_configuration_of_now(start_gateway):
    gateway = start_gateway(responding("old"))
    address = gateway.address()
    assert fetch(address) == "old"
    gateway.configure(responding("new"))
    pid = replaced(gateway)
    try:
        assert left(gateway) == 0
        assert fetch(address) == "new"
    finally:
        end(pid)


def test_a_kept_connection_is_answered_once_more_and_told_to_close(start_gateway):
    gateway = start_gateway(responding("old"))
    kept = http.client.HTTPConnection(*gateway.address(), timeout=PATIENCE_SECONDS)
    kept.request("GET", "/")
    kept.getresponse().read()
    pid = replaced(gateway)
    try:
        # Each loop hears a moment later that it is to end; it answers until then as before.
        def told_to_close():
            kept.request("GET", "/")
            answer = kept.getresponse()
            assert answer.read() == b"old"
            return answer.headers["Connection"]
        eventually(told_to_close, "close")
        assert left(gateway) == 0
    finally:
        end(pid)


def test_a_new_process_that_does_not_start_changes_nothing(start_gateway):
    gateway = start_gateway(responding("old"))
    gateway.expected_errors.add("the upgrade failed; this process serves on")
    gateway.expects_text = True  # the new process says to people what is wrong
    written = gateway.config_path.read_text()
    gateway.config_path.write_text("nonsense: 1\n")
    gateway.signal(signal.SIGUSR2)
    failed = gateway.wait_for_log("the upgrade failed; this process serves on")
    assert failed["error"] == "the new process ended with exit code 1"
    assert fetch(gateway.address()) == "old"
    gateway.config_path.write_text(written)
    pid = replaced(gateway)
    left(gateway)
    end(pid)


@pytest.fixture
def binary(tmp_path):
    """A path of the binary that a test may put something else at."""
    path = tmp_path / "current"
    path.symlink_to(BINARY)
    return path


def put(path, script):
    """The next process is a shell script there."""
    written = path.with_suffix(".new")
    written.write_text(f"#!/bin/sh\n{script}\n")
    written.chmod(0o755)
    written.rename(path)


def test_the_binary_is_the_one_that_its_path_leads_to_now(start_gateway, binary):
    gateway = start_gateway(responding("old"), binary=binary)
    gateway.configure(responding("new"))
    put(binary, f'SAID=1 exec {BINARY} "$@"')
    pid = replaced(gateway)
    try:
        assert left(gateway) == 0
        assert b"SAID=1" in Path(f"/proc/{pid}/environ").read_bytes()
        assert fetch(gateway.address()) == "new"
    finally:
        end(pid)


def failed_upgrade(gateway):
    """What health says of it: the status, and the reason."""
    health = json.loads(gateway.admin("/v1/health")[2])
    return health["status"], health.get("failed_upgrade")


@pytest.mark.parametrize("script, reason, why", [
    ("exec sleep 1000", "not_ready", "the new process was not ready in time"),
    ("kill -9 $$", "ended", "the new process was ended by signal 9"),
    ("exec 3>&-; exit 7", "ended", "the new process ended with exit code 7"),
])
def test_a_new_process_that_fails_is_noticed_by_operators_only(start_gateway, binary, script, reason, why):
    gateway = start_gateway(responding("old", gateway={"upgrade_timeout": "1s"}), binary=binary)
    gateway.expected_errors.add("the upgrade failed; this process serves on")
    kept = http.client.HTTPConnection(*gateway.address(), timeout=PATIENCE_SECONDS)
    put(binary, script)
    assert failed_upgrade(gateway) == ("ok", None) and gateway.metric("tocsin_upgrade_success") == 1
    gateway.signal(signal.SIGUSR2)
    assert gateway.wait_for_log("the upgrade failed; this process serves on")["error"] == why
    status, failure = eventually(lambda: failed_upgrade(gateway), lambda found: found[1], "the failure")
    assert (status, failure["reason"], failure["error"]) == ("degraded", reason, why)
    assert gateway.metric("tocsin_upgrade_success") == 0
    assert gateway.metric("tocsin_upgrades_failed_total", reason=reason) == 1
    kept.request("GET", "/")
    answer = kept.getresponse()
    assert answer.read() == b"old" and answer.headers["Connection"] != "close"


def begin_request(address):
    """A request whose end is still to come: who has it drains for as long."""
    client = socket.create_connection(address, timeout=PATIENCE_SECONDS)
    client.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\n12")
    return client


def test_who_is_told_to_stop_leaves_no_new_process_behind(start_gateway, binary, tmp_path):
    gateway = start_gateway(responding("old"), binary=binary)
    begun = tmp_path / "begun"
    put(binary, f'touch {begun}; exec sleep 1000')
    with begin_request(gateway.address()) as client:
        eventually(gateway.open_connections, 1, "connections")
        gateway.signal(signal.SIGUSR2)
        eventually(begun.exists, True, "the new process")
        child = Path(f"/proc/{gateway.process.pid}/task/{gateway.process.pid}/children").read_text().split()[0]
        gateway.signal(signal.SIGTERM)
        gateway.wait_for_log("draining")
        # While the old one still has something to do.
        eventually(lambda: gone(child), True, "the new process")
        client.sendall(b"34")
        assert client.recv(4096).endswith(b"old")
    assert gateway.wait() == 0


def saying(**addresses):
    """Listeners that say their names."""
    return complete({"listeners": {
        name: {"address": address, "routes": [{"prefix": "/", "respond": {"body": name}}]}
        for name, address in addresses.items()}})


def test_the_file_says_where_the_new_process_listens(start_gateway):
    first, second, third = (f"127.0.0.1:{free_port()}" for _ in range(3))
    gateway = start_gateway(saying(one=first, two=second))
    gateway.configure(saying(one=second, two=first, three=third))
    pid = replaced(gateway)
    try:
        assert left(gateway) == 0
        for name, address in (("one", second), ("two", first), ("three", third)):
            host, port = address.split(":")
            assert fetch((host, int(port))) == name
    finally:
        end(pid)


def test_an_address_may_grow_by_an_upgrade(start_gateway):
    port = free_port()
    gateway = start_gateway(saying(one=f"127.0.0.1:{port}"))
    with begin_request(("127.0.0.1", port)) as client:
        eventually(lambda: gateway.open_connections("one"), 1, "connections")
        gateway.configure(saying(one=f"0.0.0.0:{port}"))
        pid = replaced(gateway)
        try:
            client.sendall(b"34")
            assert client.recv(4096).endswith(b"one")
            client.close()
            assert left(gateway) == 0
            assert fetch(("127.0.0.2", port)) == "one"
        finally:
            end(pid)


class Clients:
    """Threads that ask over kept connections and open another one when told to close."""

    def __init__(self, address, count=4):
        self.answers = 0
        self.wrong = []
        self._ending = threading.Event()
        self._threads = [threading.Thread(target=self._ask, args=(address,)) for _ in range(count)]
        for thread in self._threads:
            thread.start()

    def end(self):
        self._ending.set()
        for thread in self._threads:
            thread.join(PATIENCE_SECONDS)
        assert not self.wrong, self.wrong[:5]

    def _ask(self, address):
        connection = http.client.HTTPConnection(*address, timeout=PATIENCE_SECONDS)
        while not self._ending.is_set():
            try:
                connection.request("GET", "/")
                answer = connection.getresponse()
                if answer.status != 200 or not answer.read().startswith(b"round "):
                    self.wrong.append(answer.status)
            except (OSError, http.client.HTTPException) as error:
                self.wrong.append(repr(error))
                return
            self.answers += 1


def test_twenty_upgrades_in_a_row_fail_no_request(start_gateway):
    gateway = start_gateway(responding("round 0", gateway={"shutdown_grace": "4s"}))
    address = gateway.address()
    clients = Clients(address)
    pids = []
    pid = gateway.process.pid
    for number in range(1, 21):
        gateway.configure(responding(f"round {number}", gateway={"shutdown_grace": "4s"}))
        os.kill(pid, signal.SIGUSR2)
        # The new one writes to the same log.
        pid = eventually(lambda: took_over(gateway), lambda found, number=number: len(found) == number, "upgrades")[-1]
        pids.append(pid)
    clients.end()
    assert clients.answers > 100
    assert fetch(address) == "round 20"
    end(pid)
    for one in pids:
        eventually(lambda one=one: gone(one), True, f"process {one}")


# --- a new process that dies once it served

def took_over(gateway):
    """The process ids of those that served so far; all of them write to one log."""
    return [entry["pid"] for entry in gateway.log() if entry and entry["message"] == "the new process serves"]


def test_who_says_that_it_serves_and_dies_is_replaced_before_anybody_notices(start_gateway, binary):
    gateway = start_gateway(responding("round 0"), binary=binary)
    gateway.expected_errors.add("the new process failed; this binary is started again")
    address = gateway.address()
    clients = Clients(address)
    # Once it has taken all that it is handed.
    put(binary, 'until test "$(head -c 3 <&3)" = end; do :; done; printf ready >&3; kill -9 $$')
    gateway.signal(signal.SIGUSR2)
    failed = gateway.wait_for_log("the new process failed; this binary is started again")
    assert failed["error"] == "the new process was ended by signal 9"
    pid = eventually(lambda: took_over(gateway), lambda found: len(found) == 2, "processes")[-1]
    try:
        assert left(gateway) == 0
        clients.end()
        assert fetch(address) == "round 0"
        # It is this binary, and knows where the next one is to be found.
        assert os.path.samefile(f"/proc/{pid}/exe", BINARY)
        put(binary, f'SAID=1 exec {BINARY} "$@"')
        os.kill(pid, signal.SIGUSR2)
        before, pid = pid, eventually(lambda: took_over(gateway), lambda found: len(found) == 3, "processes")[-1]
        eventually(lambda: gone(before), True, f"process {before}")
        assert b"SAID=1" in Path(f"/proc/{pid}/environ").read_bytes()
    finally:
        end(pid)


def test_who_dies_while_the_old_process_drains_is_replaced(start_gateway):
    gateway = start_gateway(responding("old"))
    gateway.expected_errors.add("the new process failed; this binary is started again")
    address = gateway.address()
    with begin_request(address) as client:
        eventually(gateway.open_connections, 1, "connections")
        first = replaced(gateway)
        assert fetch(address) == "old"
        os.kill(first, signal.SIGKILL)
        second = eventually(lambda: took_over(gateway), lambda found: len(found) == 2, "processes")[-1]
        try:
            assert fetch(address) == "old"
            client.sendall(b"34")
            assert client.recv(4096).endswith(b"old")
            assert left(gateway) == 0
            assert fetch(address) == "old"
            # Who looks now is told that the upgrade did not last.
            status, failure = failed_upgrade(gateway)
            assert (status, failure["reason"]) == ("degraded", "ended_after_ready")
            assert failure["error"] == "the new process was ended by signal 9"
            assert gateway.metric("tocsin_upgrade_success") == 0
        finally:
            end(second)


def test_who_is_told_to_stop_while_the_old_process_drains_stays_stopped(start_gateway):
    gateway = start_gateway(responding("old"))
    with begin_request(gateway.address()) as client:
        eventually(gateway.open_connections, 1, "connections")
        pid = replaced(gateway)
        end(pid)
        client.sendall(b"34")
        assert client.recv(4096).endswith(b"old")
        assert left(gateway) == 0
    assert took_over(gateway) == [pid]
    with pytest.raises(OSError):
        socket.create_connection(gateway.address(), timeout=PATIENCE_SECONDS)


def test_nobody_is_started_for_ever_in_the_place_of_those_that_die(start_gateway, tmp_path):
    gateway = start_gateway(responding("old"))
    gateway.expected_errors |= {"the new process failed; this binary is started again",
                                "the new process failed and nobody serves"}
    gateway.expects_text = True
    with begin_request(gateway.address()) as client:
        eventually(gateway.open_connections, 1, "connections")
        pid = replaced(gateway)
        # Whoever is started now reads this.
        gateway.config_path.write_text("nonsense: 1\n")
        os.kill(pid, signal.SIGKILL)
        gateway.wait_for_log("the new process failed and nobody serves")
        client.sendall(b"34")
        assert client.recv(4096).endswith(b"old")
        assert left(gateway) == 0


# --- service managers

class Manager:
    """What systemd is to a service: a socket that it tells how it does. A path, or a name in the
    abstract space."""

    def __init__(self, path):
        self.path = str(path)
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        self.socket.bind(self.path.replace("@", "\0", 1) if self.path.startswith("@") else self.path)
        self.socket.settimeout(PATIENCE_SECONDS)
        self.heard = []

    def hear(self):
        """(process id, lines) of the next message."""
        text, ancillary, _, _ = self.socket.recvmsg(4096, socket.CMSG_SPACE(struct.calcsize("3i")))
        pid, _, _ = struct.unpack("3i", ancillary[0][2])
        return pid, text.decode().split("\n")

    def wait_for(self, line):
        while not any(line in message for message in self.heard):
            self.heard.append(self.hear()[1])
        return next(message for message in self.heard if line in message)

    def forget(self):
        self.heard.clear()


@pytest.fixture(params=["path", "abstract"])
def managed(start_gateway, tmp_path, request):
    manager = Manager(tmp_path / "notify" if request.param == "path" else f"@tocsin-test-{os.getpid()}")
    # As systemd does it, the watchdog is for the one process that it starts.
    binary = tmp_path / "managed"
    put(binary, f'export WATCHDOG_PID=$$; exec {BINARY} "$@"')
    environment = {"NOTIFY_SOCKET": manager.path, "WATCHDOG_USEC": "200000"}
    yield manager, start_gateway(responding("managed"), binary=binary, environment=environment)
    manager.socket.close()


def test_a_service_manager_hears_how_it_does(managed):
    manager, gateway = managed
    manager.wait_for("READY=1")
    manager.wait_for("WATCHDOG=1")
    manager.forget()
    gateway.configure(responding("other"))
    gateway.signal(signal.SIGHUP)
    reloading = manager.wait_for("RELOADING=1")
    assert any(line.startswith("MONOTONIC_USEC=") for line in reloading)
    manager.wait_for("READY=1")
    gateway.signal(signal.SIGTERM)
    manager.wait_for("STOPPING=1")


def test_a_service_manager_hears_who_took_over(managed):
    manager, gateway = managed
    manager.wait_for("READY=1")
    pid = replaced(gateway)
    manager.wait_for(f"MAINPID={pid}")
    left(gateway)
    end(pid)


def test_only_the_one_that_took_over_is_heard_of_from_then_on(managed):
    manager, gateway = managed
    manager.wait_for("READY=1")
    with begin_request(gateway.address()):
        eventually(gateway.open_connections, 1, "connections")
        pid = replaced(gateway)
        manager.wait_for(f"MAINPID={pid}")
        gateway.signal(signal.SIGHUP)
        gateway.wait_for_log("not while it stops")
        said = [manager.hear() for _ in range(8)]
        assert {who for who, _ in said} == {pid}
        assert sum("WATCHDOG=1" in lines for _, lines in said) >= 4
    left(gateway)
    end(pid)


def activate(tmp_path, settings, sockets):
    """Starts the gateway as socket activation does: sockets from descriptor 3 on, named."""
    config = tmp_path / "activated.yaml"
    config.write_text(json.dumps(settings, indent=1))
    names = ":".join(name for name, _ in sockets)
    script = (f"export LISTEN_PID=$$ LISTEN_FDS={len(sockets)} LISTEN_FDNAMES={names}; "
              f"exec {BINARY} run -c {config}")

    def place():
        copies = [os.dup2(listening.fileno(), 100 + i) for i, (_, listening) in enumerate(sockets)]
        for i, copy in enumerate(copies):
            os.dup2(copy, 3 + i, inheritable=True)

    return subprocess.Popen(["/bin/sh", "-c", script], preexec_fn=place, close_fds=False,
                            stdin=subprocess.DEVNULL, stderr=subprocess.PIPE)


ACTIVATE = shutil.which("systemd-socket-activate")


def activate_by_systemd(tmp_path, settings, address):
    """The same by systemd's own tool, which opens the socket and starts the gateway at once."""
    config = tmp_path / "activated.yaml"
    config.write_text(json.dumps(settings, indent=1))
    # It passes the variables on that it finds, so that none may be there.
    return subprocess.Popen([ACTIVATE, f"--listen={address}", "--fdname=public", "--", BINARY, "run", "-c", config],
                            stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def listening_socket():
    made = socket.socket()
    made.bind(("127.0.0.1", 0))
    made.listen(16)
    return made


@pytest.mark.parametrize("name", ["public", "unknown"])
def test_a_socket_of_systemd_is_served_by_its_name_or_its_address(tmp_path, name):
    with listening_socket() as public:
        settings = responding("activated")
        host, port = public.getsockname()
        settings["listeners"]["public"]["address"] = f"{host}:{port}"
        # Who connects before the gateway runs is answered once it does.
        early = http.client.HTTPConnection(host, port, timeout=PATIENCE_SECONDS)
        early.request("GET", "/")
        process = activate(tmp_path, settings, [(name, public)])
        try:
            assert early.getresponse().read() == b"activated"
            for _ in range(8):
                assert fetch((host, port)) == "activated"
        finally:
            process.terminate()
            assert process.wait(PATIENCE_SECONDS) == 0


@pytest.mark.parametrize("count, complaint", [
    ("2x", "LISTEN_FDS is no number of sockets: 2x"),
    ("-1", "LISTEN_FDS is no number of sockets: -1"),
    ("99999999999", "descriptor 3 is no socket"),
])
def test_sockets_that_are_not_there_are_no_secret(tmp_path, count, complaint):
    config = tmp_path / "activated.yaml"
    config.write_text(json.dumps(responding("x")))
    script = f"export LISTEN_PID=$$ LISTEN_FDS={count}; exec {BINARY} run -c {config}"
    ended = subprocess.run(["/bin/sh", "-c", script], capture_output=True, text=True, check=False,
                           timeout=PATIENCE_SECONDS, stdin=subprocess.DEVNULL)
    assert ended.returncode == 1 and complaint in ended.stderr


def test_an_inherited_socket_that_nobody_wants_is_named_and_closed(tmp_path):
    with listening_socket() as other:
        process = activate(tmp_path, responding("x"), [("other", other)])
        try:
            for raw in process.stderr:
                if b"an inherited socket is no listener's" in raw:
                    assert b"(other)" in raw
                    break
            else:
                pytest.fail("nothing was said")
        finally:
            process.terminate()
            process.stderr.close()
            process.wait(PATIENCE_SECONDS)


if ACTIVATE:  # comes with systemd, which a container may lack
    def test_systemds_own_tool_starts_it_when_somebody_connects(tmp_path):
        port = free_port()
        settings = responding("by systemd")
        settings["listeners"]["public"]["address"] = f"127.0.0.1:{port}"
        process = activate_by_systemd(tmp_path, settings, f"127.0.0.1:{port}")
        try:
            def answer():
                try:
                    return fetch(("127.0.0.1", port))
                except OSError:
                    return None
            eventually(answer, "by systemd")
        finally:
            process.terminate()
            assert process.wait(PATIENCE_SECONDS) == 0
