"""A plugin that does not let go of its loop: what is asked of all loops is answered without that one."""

import json
import time

import pytest

from conftest import complete
from gateway_process import BUILD, eventually
from notifications import command, settings

pytestmark = pytest.mark.sanitize


@pytest.fixture
def stuck(start_gateway, tmp_path):
    """A gateway of which one loop stands still for some seconds, inside the output `bad`."""
    outputs = {"bad": {"type": "unruly", "how": "hang", "hang": "5s"}, "good": {"type": "null"}}
    gateway = start_gateway(complete(settings(
        tmp_path, outputs, gateway={"workers": 2, "plugin_path": [str(BUILD / "tests" / "plugins" / "good")]})))
    gateway.expected_errors.add("a loop stands still")
    command(gateway, "send", "--topic", "a")
    eventually(lambda: gateway.metric("tocsin_deliveries_total", output="good", result="delivered"), 1, "good")
    return gateway


def outputs_of(gateway):
    status, _, text = gateway.admin("/v1/outputs")
    assert status == 200
    answer = json.loads(text)
    return {output["name"]: output for output in answer["outputs"]}, answer.get("silent_loops", [])


def test_outputs_are_shown_without_the_loop_that_stands_still(stuck):
    shown, silent = eventually(lambda: outputs_of(stuck), lambda answer: answer[1], "the silent loop")
    [loop] = silent
    assert shown["bad"]["state"] == "unknown" and shown["bad"]["reason"] == f"the loop {loop} does not answer"
    assert "lane" not in shown["bad"] and shown["bad"]["ready"] == 0
    assert shown["good"]["state"] == "running"
    began = time.monotonic()
    outputs_of(stuck)
    assert time.monotonic() - began < 2
    status, _, text = stuck.admin("/v1/outputs/bad/resume", "POST")
    assert (status, json.loads(text)["status"]) == (200, "resumes once its loop answers")
    # It comes back by itself.
    shown, _ = eventually(lambda: outputs_of(stuck), lambda answer: not answer[1], "all loops")
    assert shown["bad"]["state"] == "running"
