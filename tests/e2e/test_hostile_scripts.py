"""Scripts that take all the time they get: other traffic of the same loop goes on."""

import http.client
import threading
import time

import pytest

from gateway_process import PATIENCE_SECONDS, eventually
from notifications import Client, settings

pytestmark = pytest.mark.sanitize

# One call takes all of its 50 ms, which so many calls in a row would make half a minute.
ENDLESS = "local f = {} for i = 1, 400 do f[i] = i end while true do table.concat(f) end"
MANY = 500
# Of one answer, on a machine that does other things too. The loop would be gone for MANY times as long.
PATIENT_SECONDS = 4

FILTER = f"""\
return {{name = "endless", kind = "filter", doc = "Never ends.", create = function(cfg)
  return {{on_message = function(n) if n.topic == "evil" then {ENDLESS} end return "pass" end}}
end}}
"""
OUTPUT = f"""\
return {{name = "endless", kind = "output", doc = "Never ends.", create = function(cfg)
  return {{deliver = function(attempt) {ENDLESS} end}}
end}}
"""
ROUTE = f"""\
function route(n) if n.topic == "evil" then {ENDLESS} end end
"""


@pytest.fixture
def scripts(tmp_path):
    folder = tmp_path / "scripts"
    folder.mkdir()
    (folder / "filter_endless.lua").write_text(FILTER)
    (folder / "output_endless.lua").write_text(OUTPUT)
    (folder / "route.lua").write_text(ROUTE)
    return folder


class Others:
    """A client that goes on asking for something else."""

    def __init__(self, gateway):
        self.slowest = 0
        self.answers = 0
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._ask, args=(gateway,))
        self._thread.start()

    def end(self):
        eventually(lambda: self.answers, lambda count: count > 10, "answers")
        self._ending.set()
        self._thread.join(PATIENCE_SECONDS)
        assert self.slowest < PATIENT_SECONDS

    def _ask(self, gateway):
        connection = http.client.HTTPConnection(*gateway.address(), timeout=PATIENCE_SECONDS)
        while not self._ending.is_set():
            began = time.monotonic()
            connection.request("GET", "/status")
            assert connection.getresponse().read() == b"up"
            self.slowest = max(self.slowest, time.monotonic() - began)
            self.answers += 1
            time.sleep(0.01)  # it is not to be the load


def configured(folder, scripts, **more):
    wanted = settings(folder, {"nil": {"type": "null"}, "endless": {"type": "endless"}},
                      gateway={"plugin_path": [str(scripts)], "workers": 1}, **more)
    wanted["listeners"]["public"]["limits"] = {"requests_per_connection_max": "unlimited"}
    wanted["listeners"]["public"]["routes"].insert(0, {"path": "/status", "respond": {"body": "up"}})
    return wanted


def send_evil(gateway):
    client = Client(gateway)
    others = Others(gateway)
    status, _, results = client.batch([{"topic": "evil", "title": str(i)} for i in range(MANY)])
    assert status == 202
    return others, results


def test_a_filter_that_never_ends(start_gateway, tmp_path, scripts):
    gateway = start_gateway(configured(tmp_path, scripts, filters=["endless"],
                                       routes=[{"outputs": ["nil"]}]))
    others, results = send_evil(gateway)
    others.end()
    # What it fails to decide passes.
    assert {one["status"] for one in results["results"]} == {"accepted"}


def test_a_route_that_never_ends(start_gateway, tmp_path, scripts):
    gateway = start_gateway(configured(tmp_path, scripts,
                                       routes=[{"script": str(scripts / "route.lua")},
                                               {"outputs": ["nil"]}]))
    others, results = send_evil(gateway)
    others.end()
    assert {one["status"] for one in results["results"]} == {"accepted"}


def test_an_output_that_never_ends(start_gateway, tmp_path, scripts):
    gateway = start_gateway(configured(tmp_path, scripts, routes=[{"outputs": ["endless"]}]))
    others, _ = send_evil(gateway)
    failed = ("tocsin_script_errors_total",
              frozenset({("plugin", "output/endless"), ("id", "endless"), ("reason", "time")}))
    eventually(lambda: gateway.metrics().get(failed, 0), lambda count: count >= 8, "failures")
    others.end()
    client = Client(gateway)
    began = time.monotonic()
    client.accepted({"topic": "good", "title": "meanwhile"})
    assert time.monotonic() - began < PATIENT_SECONDS
