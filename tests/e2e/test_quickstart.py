"""packaging/quickstart.sh, with the binary that is there: what it promises in README.md."""

import os
import re
import subprocess

from gateway_process import BINARY, ROOT
from ports import free_port


def quickstart(folder, *words, **variables):
    environment = {**os.environ, "TOCSIN_BINARY": str(BINARY.resolve()), "TOCSIN_STATE": str(folder / "state"),
                   "TOCSIN_PORT": str(free_port()), "TOCSIN_ADMIN_PORT": str(free_port()), **variables}
    return subprocess.run([ROOT / "packaging" / "quickstart.sh", *words], text=True, capture_output=True, check=False,
                          env=environment)


def gateways_of(folder):
    """Processes that run with the state in that folder."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/environ", "rb") as environ:
                if f"TOCSIN_STATE={folder / 'state'}\0".encode() in environ.read():
                    found.append(pid)
        except OSError:
            pass  # it has ended, or is somebody else's
    return found


def test_it_shows_where_each_notification_went_and_stops_what_it_started(tmp_path):
    said = quickstart(tmp_path, "--stop-after")
    assert said.returncode == 0, said.stdout + said.stderr
    assert "installing" not in said.stdout and "building" not in said.stdout
    parts = dict(zip(*[iter(re.split(r"^==> (.*)\n", said.stdout, flags=re.M)[1:])] * 2))
    def part(begin):
        return next(text for title, text in parts.items() if title.startswith(begin))
    answers = part("sending notifications")
    assert answers.count('"status":"accepted"') == 3
    assert answers.count('"status":"dropped"') == 2, "below its level, and twice the same"
    assert '"pointer":"/level"' in answers
    assert part("the archive").count("Order 4711") == 1
    assert "Disk of db-1" in part("on call") and "Order" not in part("on call")
    assert "flawed" in part("dead letters")
    assert all(name in part("outputs") for name in ("archive", "oncall", "shop", "flawed"))
    assert gateways_of(tmp_path) == []


def test_it_leaves_no_gateway_behind_when_it_cannot_go_on(tmp_path):
    (tmp_path / "curl").write_text("#!/bin/sh\nexit 7\n", encoding="utf-8")
    (tmp_path / "curl").chmod(0o755)
    said = quickstart(tmp_path, PATH=f"{tmp_path}:{os.environ['PATH']}")
    assert said.returncode == 7, said.stdout + said.stderr
    assert "running as process" in said.stdout
    assert gateways_of(tmp_path) == []


def test_it_says_how_it_is_called(tmp_path):
    said = quickstart(tmp_path, "--colour")
    assert said.returncode == 2 and "TOCSIN_BINARY" in said.stderr
    assert not (tmp_path / "state").exists()
