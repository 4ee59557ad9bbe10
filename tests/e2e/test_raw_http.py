"""Raw requests, valid and hostile, with exact expectations: whole, and cut at every byte."""

import pytest

from raw_cases import LISTENERS, PROBE, PROBE_BODY, framing, requests, streams, targets
from raw_client import Connection

CASES = requests.CASES + targets.CASES + framing.CASES + streams.CASES
IDS = [case.name for case in CASES]

# A case this short is cut at each of its bytes; a longer one around its line ends.
CUT_EVERYWHERE_MAX = 200
# And this short: sent byte by byte.
BYTE_BY_BYTE_MAX = 1200


@pytest.fixture(scope="module", name="gateway")
def fixture_gateway(module_gateway):
    return module_gateway({"gateway": {"workers": 1}, "listeners": LISTENERS})


@pytest.fixture(scope="module", name="barrier")
def fixture_barrier(gateway):
    """Returns when the gateway has read all that was sent before: with one worker, its one loop
    serves sockets in the order in which they became readable, and this request comes last."""
    with Connection(gateway.address("raw")) as connection:
        def wait():
            connection.send(PROBE)
            assert connection.read_answer().body == PROBE_BODY
        yield wait


def check_answer(answer, expected):
    assert answer.status == expected.status, f"wanted {expected}, got {answer}"
    if expected.body is not None:
        assert answer.body == expected.body
    for name, value in expected.fields:
        assert answer.headers.get(name) == value, f"{name} is {answer.headers.get(name)!r}"
    for name in expected.present:
        assert name in answer.headers, f"{name} is missing: {answer}"
    for name in expected.absent:
        assert name not in answer.headers, f"{name} is there: {answer}"
    if answer.status >= 400 and answer.headers.get("content-type") == "application/problem+json" and not expected.head:
        answer.problem()


def check_case(connection, case):
    """All of its answers and no more, and what becomes of the connection."""
    answer = None
    for expected in case.answers:
        answer = connection.read_answer(expected.head)
        check_answer(answer, expected)
    if case.detail:
        assert case.detail in answer.problem()["detail"]
    if case.open:
        assert answer.headers.get("connection") != "close"
        connection.send(PROBE)
        assert connection.read_answer().body == PROBE_BODY
    else:
        announced = case.listener == "hasty" and answer.status == 200  # who idles was told nothing
        assert announced or answer.headers.get("connection") == "close", answer
        connection.expect_end()


def cuts(data):
    """Each way in which a case is cut, as a list of pieces."""
    if len(data) <= CUT_EVERYWHERE_MAX:
        places = range(1, len(data))
    else:
        ends = [at + offset for at in range(len(data)) if data[at:at + 1] == b"\n" for offset in (0, 1, 2)]
        places = sorted({1, len(data) // 3, len(data) // 2, len(data) - 1, *ends[:12], *ends[-12:]})
    for place in places:
        if 0 < place < len(data):
            yield [data[:place], data[place:]]
    if len(data) <= BYTE_BY_BYTE_MAX:
        yield [data[i:i + 1] for i in range(len(data))]
    if len(data) > 2:
        yield [data[i:i + 7] for i in range(0, len(data), 7)] if len(data) < 8 * BYTE_BY_BYTE_MAX else [
            data[i:i + 997] for i in range(0, len(data), 997)]


def play_cut(gateway, barrier, case):
    """Plays all cuts of a case side by side, piece by piece."""
    attempts = [(pieces, Connection(gateway.address(case.listener))) for pieces in cuts(case.send)]
    try:
        for turn in range(max(len(pieces) for pieces, _ in attempts)):
            for pieces, connection in attempts:
                if turn < len(pieces):
                    connection.send(pieces[turn])
            barrier()
        for pieces, connection in attempts:
            try:
                check_case(connection, case)
            except AssertionError as error:
                raise AssertionError(f"cut into {len(pieces)} pieces, the first {pieces[0]!r}: {error}") from error
    finally:
        for _, connection in attempts:
            connection.close()


def test_names_of_cases_are_unique_and_they_are_many():
    assert len(set(IDS)) == len(IDS) >= 170


@pytest.mark.sanitize
@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_whole(gateway, case):
    with Connection(gateway.address(case.listener)) as connection:
        connection.send(case.send)
        check_case(connection, case)


@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_cut(gateway, barrier, case):
    play_cut(gateway, barrier, case)


def test_a_client_that_ends_its_side_still_gets_every_answer(gateway):
    with Connection(gateway.address("raw")) as connection:
        connection.send(requests.GET * 3).end()
        assert [connection.read_answer().status for _ in range(3)] == [200, 200, 200]
        connection.expect_end()


@pytest.mark.parametrize("part", [b"", b"GET / HTTP/1.1\r\nHost:", b"POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 9\r\n\r\nabc"])
def test_a_client_that_ends_inside_a_request_gets_no_answer(gateway, part):
    with Connection(gateway.address("raw")) as connection:
        connection.send(part).end()
        connection.expect_end()


def test_the_body_is_asked_for_before_it_is_sent(gateway):
    head = b"POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n"
    with Connection(gateway.address("raw")) as connection:
        for _ in range(3):
            connection.send(head)
            assert connection.read_answer().status == 100
            connection.send(b"abc")
            assert connection.read_answer().status == 200


def test_a_body_that_is_too_large_is_refused_before_it_is_sent(gateway):
    head = b"POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 999999\r\n\r\n"
    with Connection(gateway.address("raw")) as connection:
        connection.send(head)
        assert connection.read_answer().status == 413
        connection.send(b"b" * 100_000)  # a client that does not listen is read to the end of its breath
        connection.expect_end()


def test_ten_thousand_requests_on_one_connection(module_gateway):
    gateway = module_gateway({"listeners": {"public": {
        "limits": {"requests_per_connection_max": "unlimited"},
        "routes": [{"prefix": "/", "respond": {"body": "x"}}]}}})
    with Connection(gateway.address()) as connection:
        for _ in range(100):
            connection.send(requests.GET * 100)
            assert [connection.read_answer().body for _ in range(100)] == [b"x"] * 100
