"""Dead letters as operators look after them: found, counted, and sent again or discarded many at a time."""

import http.client
import json
import subprocess

import pytest

from gateway_process import BINARY, PATIENCE_SECONDS, eventually
from notifications import Client, command, settings

pytestmark = pytest.mark.sanitize


@pytest.fixture(name="gateway")
def fixture_gateway(start_gateway, tmp_path):
    """Refuses what is for `broken`, and gives up what is for `tired` after two attempts."""
    outputs = {"broken": {"type": "flaky", "script": ["rejected"]},
               "tired": {"type": "flaky", "script": ["retry"],
                         "delivery": {"retry": {"max_attempts": 2, "initial": "1ms", "max": "1ms"}, "breaker": False}},
               "well": {"type": "null"}}
    routes = [{"match": {"topic": "orders.**"}, "outputs": ["broken"]},
              {"match": {"topic": "disk.**"}, "outputs": ["tired"]},
              {"outputs": ["well"]}]
    return start_gateway(settings(tmp_path, outputs, routes=routes, dead_letters={"redrive": []}))


def tocsin(gateway, *words):
    address = "%s:%d" % gateway.admin_address()
    return subprocess.run([BINARY, *words, "--admin", address], capture_output=True, text=True,
                          timeout=PATIENCE_SECONDS, check=False)


def counts(gateway, *words):
    """{(output, reason): (pending, discarded)}"""
    return {(group["output"], group["reason"]): (group["pending"], group["discarded"])
            for group in command(gateway, "dlq", "stats", *words)["groups"]}


def give_up(gateway, orders=3, disks=2):
    """The ids of the notifications whose deliveries are dead letters now."""
    client = Client(gateway)
    sent = [client.accepted({"topic": f"orders.{i}"}) for i in range(orders)]
    sent += [client.accepted({"topic": f"disk.{i}"}) for i in range(disks)]
    client.close()
    wanted = {("broken", "rejected"): (orders, 0), ("tired", "exhausted"): (disks, 0)}
    eventually(lambda: counts(gateway), {key: value for key, value in wanted.items() if value[0]}, "the dead letters")
    return sent


def redriven_by_hand(gateway, output):
    """How many deliveries of the output died, counted by the gateway: each redrive ends in one more."""
    return int(gateway.metric("tocsin_deliveries_total", output=output, result="dead"))


def test_they_are_found_by_what_is_asked(gateway):
    sent = give_up(gateway)

    def found(*words):
        return {letter["notification"] for letter in command(gateway, "dlq", "list", *words)["dead_letters"]}

    assert found() == set(sent)
    assert found("--reason", "exhausted") == set(sent[3:])
    assert found("--topic", "orders.1") == {sent[1]}
    assert found("--topic", "orders.*", "--output", "tired") == set()
    assert found("--accepted-after", "1h") == set(sent) and found("--accepted-before", "1h") == set()
    assert found("--updated-after", "1h") == set(sent)
    assert found("--review", "discarded") == set()
    table = tocsin(gateway, "dlq", "stats").stdout.splitlines()
    assert table[0].split() == ["OUTPUT", "REASON", "PENDING", "APPROVED", "DISCARDED", "OLDEST", "NEWEST"]
    assert [line.split()[:3] for line in table[1:]] == [["broken", "rejected", "3"], ["tired", "exhausted", "2"]]


def test_a_dry_run_changes_nothing(gateway):
    give_up(gateway)
    for verb in ("redrive", "discard", "approve"):
        told = command(gateway, "dlq", verb, "--output", "broken", "--all", "--dry-run")
        assert (told["matched"], len(told["sample"])) == (3, 3)
    said = tocsin(gateway, "dlq", "redrive", "--reason", "exhausted", "--all", "--dry-run")
    assert said.returncode == 0 and said.stdout.startswith("would redrive 2 dead letters; nothing was changed\n")
    assert counts(gateway) == {("broken", "rejected"): (3, 0), ("tired", "exhausted"): (2, 0)}
    assert redriven_by_hand(gateway, "broken") == 3


def test_what_a_filter_means_is_changed_and_nothing_else(gateway):
    give_up(gateway)
    assert command(gateway, "dlq", "discard", "--topic", "disk.*", "--all")["changed"] == 2
    assert counts(gateway) == {("broken", "rejected"): (3, 0), ("tired", "exhausted"): (0, 2)}
    assert command(gateway, "dlq", "redrive", "--reason", "rejected", "--all")["changed"] == 3
    eventually(lambda: redriven_by_hand(gateway, "broken"), 6, "the deliveries that died twice")
    assert redriven_by_hand(gateway, "tired") == 2


def test_a_redrive_with_a_pace_tells_how_far_it_is(gateway):
    give_up(gateway, orders=8, disks=0)
    said = tocsin(gateway, "dlq", "redrive", "--output", "broken", "--all", "--rate", "1/s")
    assert said.returncode == 0, said.stderr
    assert said.stdout == "redriven 8 dead letters of broken\n"
    # How many of them a request reaches depends on the machine; that there are several does not.
    assert said.stderr.startswith("redriven ") and said.stderr.splitlines()[0].endswith(" of 8")
    eventually(lambda: redriven_by_hand(gateway, "broken"), 16, "the deliveries that died twice")


def test_many_are_named_by_their_ids(gateway):
    give_up(gateway, orders=3, disks=0)
    ids = [letter["id"] for letter in command(gateway, "dlq", "list")["dead_letters"]]
    gone = ids[0][:-1] + "7"  # no such delivery
    status, answer = ask(gateway, "POST", "/v1/dead-letters/discard", {"ids": [ids[0], gone, ids[1]]})
    assert (status, answer["changed"], answer["gone_ids"]) == (200, 2, [gone])
    assert counts(gateway) == {("broken", "rejected"): (1, 2)}
    said = tocsin(gateway, "dlq", "redrive", ids[0], ids[2])
    assert said.returncode == 0, said.stderr
    eventually(lambda: redriven_by_hand(gateway, "broken"), 5, "the deliveries that died twice")


def ask(gateway, method, path, body):
    """(status, answer) of one request to the admin address."""
    connection = http.client.HTTPConnection(*gateway.admin_address(), timeout=PATIENCE_SECONDS)
    try:
        connection.request(method, path, json.dumps(body), {"Content-Type": "application/json"})
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())
    finally:
        connection.close()


def test_an_output_that_is_none_is_told_and_one_that_was_removed_is_not(gateway):
    for verb in ("redrive", "approve", "discard"):
        said = tocsin(gateway, "dlq", verb, "--output", "brokn", "--all")
        assert said.returncode == 1 and "There is no output brokn" in said.stderr and not said.stdout
    for words in (["list"], ["stats"]):
        assert tocsin(gateway, "dlq", *words, "--output", "brokn").returncode == 1
    said = tocsin(gateway, "dlq", "redrive", "--output", "well", "--all")
    assert (said.returncode, said.stdout) == (0, "redriven 0 dead letters of well\n")
    give_up(gateway, orders=2, disks=0)
    gateway.reconfigure(without_broken(gateway))
    assert command(gateway, "dlq", "discard", "--output", "broken", "--all")["changed"] == 2


def without_broken(gateway):
    """Its configuration with `broken` removed."""
    wanted = json.loads(gateway.config_path.read_text(encoding="utf-8"))
    del wanted["outputs"]["broken"]
    wanted["routes"] = [{"outputs": ["well"]}]
    return wanted


def test_what_is_no_dead_letter_any_more_is_told_so(gateway):
    client = Client(gateway)
    sent = client.accepted({"topic": "fine"})
    eventually(lambda: client.states(sent), {"well": "delivered"}, "its states")
    client.close()
    said = tocsin(gateway, "dlq", "redrive", f"dlv_{sent[4:]}-0")
    assert said.returncode == 1 and "This delivery is no dead letter, it is delivered." in said.stderr
