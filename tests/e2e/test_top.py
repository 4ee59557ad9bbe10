"""`tocsin top`: on a terminal (a pseudo terminal here), into a pipe, and for programs."""

import json
import os
import pty
import select
import signal
import subprocess
import termios
import time

import pytest

from gateway_process import BINARY, PATIENCE_SECONDS, eventually
from notifications import Client, settings

NOBODY = "127.0.0.1:1"  # where nothing listens


@pytest.fixture(name="gateway", scope="module")
def fixture_gateway(module_gateway, tmp_path_factory):
    return module_gateway(settings(tmp_path_factory.mktemp("store"), {"quick": {"type": "null"}}))


def at(gateway):
    return "%s:%d" % gateway.admin_address()


class Screen:
    """`tocsin top` on a terminal of 100 columns."""

    def __init__(self, *words):
        self.ours, theirs = pty.openpty()
        termios.tcsetwinsize(theirs, (30, 100))
        self.before = termios.tcgetattr(theirs)
        self.theirs = theirs
        self.process = subprocess.Popen([BINARY, "top", "--interval", "100ms", *words], stdin=theirs, stdout=theirs,
                                        stderr=theirs, start_new_session=True)
        self.text = ""

    def shows(self, words):
        """Waits until it has written the words."""
        end = time.monotonic() + PATIENCE_SECONDS
        while words not in self.text:
            ready, _, _ = select.select([self.ours], [], [], 1)
            if ready:
                self.text += os.read(self.ours, 65536).decode()
            assert time.monotonic() < end, f"never showed {words!r}: {self.text[-2000:]!r}"
        return self.text

    def press(self, key):
        os.write(self.ours, key)

    def ended(self):
        """Its exit code; the terminal must be as it was."""
        code = self.process.wait(PATIENCE_SECONDS)
        while select.select([self.ours], [], [], 0)[0]:
            self.text += os.read(self.ours, 65536).decode()
        assert termios.tcgetattr(self.theirs) == self.before
        assert self.text.endswith("\x1b[?25h\x1b[?1049l"), "cursor and screen are given back"
        return code

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        os.close(self.ours)
        os.close(self.theirs)


@pytest.fixture(name="screen")
def fixture_screen():
    screens = []

    def start(*words):
        screens.append(Screen(*words))
        return screens[-1]

    yield start
    for screen in screens:
        screen.close()


@pytest.mark.parametrize("end", [b"q", b"Q", b"\x03"])
def test_it_shows_and_quits_by_a_key(gateway, screen, end):
    top = screen("--admin", at(gateway))
    text = top.shows("quick")
    assert text.startswith("\x1b[?1049h\x1b[?25l") and "DELIVERED/S" in text and "accepted" in text
    top.press(end)
    assert top.ended() == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_it_with_the_terminal_as_it_was(gateway, screen, number):
    top = screen("--admin", at(gateway))
    top.shows("quick")
    top.process.send_signal(number)
    assert top.ended() == 0


def test_it_goes_on_trying_where_nothing_answers(start_gateway, tmp_path, screen):
    gateway = start_gateway(settings(tmp_path, {"quick": {"type": "null"}}))
    top = screen("--admin", at(gateway))
    top.shows("running")
    gateway.stop()
    top.shows("not reachable: nothing answers at " + at(gateway))
    assert "before that:" in top.shows("trying again")
    top.press(b"q")
    assert top.ended() == 0


def test_it_cuts_lines_to_the_terminal(gateway, screen):
    top = screen("--admin", at(gateway))
    top.shows("quick")
    top.text = ""
    termios.tcsetwinsize(top.theirs, (3, 10))
    top.process.send_signal(signal.SIGWINCH)
    text = top.shows("tocsin at\x1b[K\r\n")
    last = text[text.rindex("tocsin at\x1b[K"):]
    assert "quick" not in last
    top.press(b"q")
    assert top.ended() == 0


def run(*words):
    return subprocess.run([BINARY, "top", *words], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          timeout=PATIENCE_SECONDS, check=False)


def test_once_is_a_report_for_scripts(gateway):
    said = run("--once", "--interval", "100ms", "--admin", at(gateway))
    assert said.returncode == 0 and "\x1b" not in said.stdout, said.stderr
    lines = said.stdout.splitlines()
    assert lines[0].startswith(f"tocsin at {at(gateway)}, ready") and lines[4].split()[0] == "OUTPUT"
    assert lines[1].startswith("accepted 0/s") or "accepted -/s" in lines[1]


def test_json_has_what_was_counted(gateway):
    client = Client(gateway)
    for _ in range(5):
        client.accepted({"topic": "a"})
    client.close()
    eventually(lambda: gateway.metric("tocsin_deliveries_total", output="quick", result="delivered"), lambda n: n >= 5)
    said = run("--once", "--json", "--interval", "100ms", "--admin", at(gateway))
    report = json.loads(said.stdout)
    assert (report["state"], report["accepting"], report["dead"]) == ("ready", True, 0)
    [output] = report["outputs"]
    assert (output["name"], output["state"], output["breaker"]) == ("quick", "running", "closed")
    assert output["delivered_per_second"] == 0 and report["accepted_per_second"] == 0


def test_into_a_pipe_it_writes_report_after_report(gateway):
    with subprocess.Popen([BINARY, "top", "--json", "--interval", "100ms", "--admin", at(gateway)],
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True) as top:
        reports = [json.loads(top.stdout.readline()) for _ in range(3)]
        assert [report["state"] for report in reports] == ["ready"] * 3
        assert "accepted_per_second" not in reports[0] or reports[0]["accepted_per_second"] == 0
        top.terminate()
        assert top.wait(PATIENCE_SECONDS) == 0


def test_faults_of_the_caller_end_it(gateway, module_gateway):
    guarded = module_gateway({"admin": {"address": "127.0.0.1:0", "tokens": {
        "vera": {"token": "viewer-0123456789abcdef", "role": "viewer"}}}})
    said = run("--interval", "100ms", "--admin", at(guarded))
    assert said.returncode == 1 and "--token-file" in said.stderr
    for interval in ("1", "fast", "1ms", "2h"):
        assert run("--interval", interval, "--admin", at(gateway)).returncode == 2
    said = run("--once", "--admin", NOBODY)
    assert (said.returncode, said.stdout) == (1, "") and "nothing answers" in said.stderr
