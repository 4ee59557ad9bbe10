"""The provider that other tests rely on counts what it says it counts."""

import http.client
import json

import pytest


class Caller:
    def __init__(self, sink):
        self.connection = http.client.HTTPConnection("127.0.0.1", sink.port, timeout=10)

    def send(self, path, delivery_id, **message):
        """(status, Retry-After), or None when there was no answer that could be read."""
        try:
            self.connection.request("POST", path, json.dumps(message), {"Idempotency-Key": delivery_id})
            answer = self.connection.getresponse()
            answer.read()
            return answer.status, answer.headers.get("Retry-After")
        except (OSError, http.client.HTTPException):
            self.connection.close()
            return None


@pytest.fixture
def caller(sink):
    return Caller(sink)


def test_it_names_duplicates_by_delivery_id_and_gaps_by_number(sink, caller):
    sink.plan("a")
    for delivery_id, number in (("d0", 0), ("d1", 1), ("d1", 1), ("d3", 3)):
        assert caller.send("/a/hook", delivery_id, external_id=f"s-{number}") == (200, None)
    report = sink.report("a", s=6)
    assert (report["requests"], report["accepted"], report["duplicates"]) == (4, 3, 1)
    assert report["repeated"] == ["d1"]
    assert report["series"]["s"] == {"seen": 3, "missing": 3, "first_missing": [2, 4, 5]}
    assert sink.report("")["requests"] == 0


def test_what_it_accepts_before_it_misbehaves_counts_as_accepted(sink, caller):
    sink.plan("a", steps=["ok-reset", "reset", "ok-close", "close", "ok-garbage", "garbage", "status 503"])
    answers = [caller.send("/a", f"d{number}") for number in range(7)]
    assert answers == [None] * 6 + [(503, None)]
    report = sink.report("a")
    assert report["accepted"] == 3
    assert report["answers"] == {words: 1 for words in ("ok-reset", "reset", "ok-close", "close", "ok-garbage",
                                                        "garbage", "status 503")}


def test_callers_that_do_not_wait_are_counted(sink, caller):
    sink.plan("a", steps=["status 429 30", "ok"])
    assert caller.send("/a", "d0") == (429, "30")
    assert caller.send("/a", "d0") == (200, None)
    assert sink.report("a")["early"] == 1


def test_its_limit_refuses_what_is_over_the_rate(sink, caller):
    sink.plan("a", limit={"rate": 0.001, "burst": 2, "retry_after": 7})
    assert [caller.send("/a", f"d{number}")[0] for number in range(3)] == [200, 200, 429]


def test_a_mix_depends_on_ids_and_seed_alone(sink, caller):
    def refused(seed):
        sink.plan("a", mix={"status 503": 0.5}, seed=seed)
        return [caller.send("/a", f"d{number}")[0] == 503 for number in range(64)]

    assert refused(1) == refused(1) != refused(2)
    assert 16 < sum(refused(1)) < 48


def test_an_idempotent_provider_accepts_a_delivery_once(sink, caller):
    sink.plan("a", idempotent=True, steps=["ok-reset", "status 500"])
    assert caller.send("/a", "d0") is None
    assert caller.send("/a", "d0") == (200, None)
    assert sink.report("a")["duplicates"] == 0


def test_it_sees_what_overtook_in_a_key(sink, caller):
    sink.plan("a")
    for number in (0, 2, 1):
        caller.send("/a", f"d{number}", key="k", external_id=f"s-{number}")
    assert sink.report("a")["out_of_order"] == ["k: 1 after 2"]


@pytest.mark.parametrize("plan", [{"steps": ["dance"]}, {"steps": ["status"]}, {"mix": {"reset": 1.5}}, {"odd": 1}])
def test_a_plan_without_sense_is_refused(sink, plan):
    with pytest.raises(Exception, match="400"):
        sink.plan("a", **plan)
