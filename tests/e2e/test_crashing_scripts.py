"""A gateway that dies while it is inside a Lua output: the script and its delivery are blamed as a shared object is."""

import ctypes
import signal
import time
from pathlib import Path

from notifications import Client, settings
from test_crashing_plugins import FOUND

SYS_TGKILL = 234  # x86-64

# Inside of deliver for most of the time, within its limits.
BUSY = """\
return {
  name = "busy", kind = "output", doc = "Takes its time and is never done.",
  create = function()
    return {
      deliver = function()
        for _ = 1, 100000 do tocsin.now() end
        return "retry", {reason = "busy"}
      end,
      traits = {idempotent = true},
    }
  end,
}
"""
TRIES = 20


def worker_thread(gateway):
    """The thread that has worked most."""
    def ticks(task):
        fields = (task / "stat").read_text().rsplit(")", 1)[1].split()
        return int(fields[11]) + int(fields[12])

    return int(max(Path(f"/proc/{gateway.process.pid}/task").iterdir(), key=ticks).name)


def fault(gateway):
    """What a fault in a host function would be: a SIGSEGV of that thread."""
    result = ctypes.CDLL(None, use_errno=True).syscall(SYS_TGKILL, gateway.process.pid, worker_thread(gateway),
                                                       int(signal.SIGSEGV))
    assert result == 0
    assert gateway.wait() == -signal.SIGSEGV
    gateway.kill()


def test_a_crash_inside_a_script_is_blamed_on_it_and_on_its_delivery(start_gateway, tmp_path):
    (tmp_path / "output_busy.lua").write_text(BUSY)
    delivery = {"retry": {"max_attempts": 1000, "initial": "1ms", "max": "1ms", "jitter": "none"},
                "breaker": False, "retry_budget": False}
    wanted = settings(tmp_path, {"slow": {"type": "busy", "delivery": delivery}},
                      gateway={"workers": 1, "plugin_path": [str(tmp_path)]})
    gateway = start_gateway(wanted)
    client = Client(gateway)
    for i in range(3):
        client.accepted({"topic": "t", "title": str(i)})
    for _ in range(TRIES):
        time.sleep(0.5)
        fault(gateway)
        gateway = start_gateway(wanted)
        gateway.expected_errors |= {FOUND, "a plugin is suspected of crashing the gateway", "a loop stands still"}
        found = [entry for entry in gateway.log() if entry and entry["message"] == FOUND]
        if found:  # else the signal came between two callbacks, and nobody is to blame
            break
    assert (found[0]["plugin"], found[0]["id"], found[0]["deliveries"]) == ("output/busy", "slow", 1)
