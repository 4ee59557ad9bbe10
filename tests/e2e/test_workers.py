"""One worker or four: clients cannot tell."""

import pytest

from raw_cases import LISTENERS, framing, requests, streams, targets
from raw_client import Connection
from test_raw_http import check_case

pytestmark = pytest.mark.sanitize

ALL = requests.CASES + targets.CASES + framing.CASES + streams.CASES
SAMPLE = [case for case in ALL if case.listener == "raw"][::5] + [case for case in ALL if case.listener != "raw"]
# Enough connections that each of four workers gets some.
TIMES = 8


@pytest.fixture(scope="module", name="gateway", params=[1, 4])
def fixture_gateway(request, module_gateway):
    return module_gateway({"gateway": {"workers": request.param}, "listeners": LISTENERS})


@pytest.mark.parametrize("case", SAMPLE, ids=[case.name for case in SAMPLE])
def test_same_answers(gateway, case):
    connections = [Connection(gateway.address(case.listener)) for _ in range(TIMES)]
    for connection in connections:
        connection.send(case.send)
    for connection in connections:
        check_case(connection, case)
        connection.close()


def test_every_worker_serves(gateway):
    """The loops of a listener share its clients: with many of them, none has all."""
    loops = [dict(labels)["loop"] for name, labels in gateway.metrics() if name == "tocsin_loop_lag_seconds"]
    assert len(loops) == gateway.wait_for_log("ready")["workers"]
    connections = [Connection(gateway.address("raw")) for _ in range(200)]
    assert all(connection.get("/probe").status == 200 for connection in connections)
    for connection in connections:
        connection.close()
