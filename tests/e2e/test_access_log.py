"""One line for each request, whatever the request holds."""

import json
import re

import pytest

from gateway_process import eventually
from raw_client import Connection

pytestmark = pytest.mark.sanitize

COMBINED = re.compile(r'(?P<client>[0-9.]+) - - \[\d\d/[A-Z][a-z][a-z]/\d{4}:\d\d:\d\d:\d\d \+0000\] '
                      r'"(?P<request>[^"]*)" (?P<status>\d{3}) (?P<bytes>\d+) "(?P<referer>[^"]*)" "(?P<agent>[^"]*)"')
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
ROUTES = [{"path": "/", "respond": {"body": "here\n"}}, {"prefix": "/in/", "respond": {"status": 201, "body": "in"}}]


class Logged:
    """A gateway with an access log, and the log."""

    def __init__(self, start, folder, filters=(), **access_log):
        self.path = folder / "access.log"
        # One worker: lines come in the order of the requests.
        self.gateway = start({"gateway": {"workers": 1}, "listeners": {"public": {
            "filters": [*filters, {"type": "access_log", "path": str(self.path), **access_log}],
            "timeouts": {"header": "200ms"}, "routes": ROUTES}}})

    def lines(self, count):
        """All lines, which are `count` once all are written."""
        lines = eventually(self.path.read_bytes, lambda text: text.count(b"\n") >= count, "the log")
        assert lines.endswith(b"\n") and lines.count(b"\n") == count
        return lines.decode().split("\n")[:-1]  # Unicode has other line ends, which are none here

    def entries(self, count):
        return [json.loads(line, parse_constant=lambda word: pytest.fail(word)) for line in self.lines(count)]

    def ask(self, *requests):
        """Sends each on a connection of its own; returns the answers."""
        answers = []
        for request in requests:
            with Connection(self.gateway.address(), "127.0.0.1") as connection:
                answers.append(connection.send(request).read_answer())
        return answers


@pytest.fixture(name="logged")
def fixture_logged(start_gateway, tmp_path):
    return Logged(start_gateway, tmp_path, ["request_id"])


def test_the_fields_of_a_line(logged):
    body = b"abcdefg"
    answer, = logged.ask(b"POST /in/a%20b?c=d HTTP/1.1\r\nHost: Shop.example:81\r\nUser-Agent: till/2\r\n"
                         b"Content-Length: 7\r\n\r\n" + body)
    entry, = logged.entries(1)
    assert TIME.fullmatch(entry.pop("time"))
    assert re.fullmatch(r"127\.0\.0\.1:\d+", entry.pop("client"))
    assert 0 <= entry.pop("first_byte_ms") <= entry.pop("duration_ms")
    assert entry == {"listener": "public", "route": "/in/", "method": "POST", "host": "Shop.example:81",
                     "target": "/in/a%20b?c=d", "protocol": "HTTP/1.1", "status": 201, "request_bytes": 7,
                     "response_bytes": 2, "request_id": answer.headers["x-request-id"], "user_agent": "till/2"}


def test_requests_of_one_connection_are_logged_in_order(logged):
    with Connection(logged.gateway.address()) as connection:
        connection.send(b"".join(b"GET /in/%d HTTP/1.1\r\nHost: t\r\n\r\n" % i for i in range(50)))
        for _ in range(50):
            connection.read_answer()
        entries = logged.entries(50)  # while the connection is still open
    assert [entry["target"] for entry in entries] == [f"/in/{i}" for i in range(50)]
    assert len({entry["request_id"] for entry in entries}) == 50


REFUSED = [
    ("no route", b"GET /nowhere HTTP/1.1\r\nHost: t\r\n\r\n", 404),
    ("malformed", b"GET / HTTP/1.1\r\nHost: t\r\nX : y\r\n\r\n", 400),
    ("no Host", b"GET / HTTP/1.1\r\n\r\n", 400),
    ("a long target", b"GET /" + b"x" * 9000 + b" HTTP/1.1\r\nHost: t\r\n\r\n", 414),
    ("many fields", b"GET / HTTP/1.1\r\nHost: t\r\n" + b"X: y\r\n" * 200 + b"\r\n", 431),
    ("a long body", b"POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 99999999\r\n\r\n", 413),
    ("an expectation", b"GET / HTTP/1.1\r\nHost: t\r\nExpect: x\r\n\r\n", 417),
    ("too slow", b"GET / HTTP/1.1\r\n", 408),
    ("CONNECT", b"CONNECT t:1 HTTP/1.1\r\nHost: t:1\r\n\r\n", 501),
    ("TLS", b"\x16\x03\x01\x02\x00\x01\x00", 400),
]


@pytest.mark.parametrize("request_bytes,status", [case[1:] for case in REFUSED], ids=[case[0] for case in REFUSED])
def test_refused_requests_are_logged_as_well(logged, request_bytes, status):
    answer, = logged.ask(request_bytes)
    entry, = logged.entries(1)
    assert answer.status == entry["status"] == status
    assert entry["response_bytes"] == len(answer.body)


def test_a_client_that_leaves_is_logged_once_its_request_was_routed(logged):
    with Connection(logged.gateway.address()) as connection:
        connection.send(b"POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 9\r\nExpect: 100-continue\r\n\r\n")
        assert connection.read_answer().status == 100
        connection.reset()
    entry, = logged.entries(1)
    assert entry["status"] == 0 and "downstream_closed" in entry["flags"]


def test_nobody_stays_out_of_the_log(logged):
    """A line of 16 KiB or more was dropped."""
    fillers = [b"a" * 30_000, b'"' * 20_000, b"\xff" * 20_000, b"\t" * 20_000]
    for filler in fillers:
        logged.ask(b"GET / HTTP/1.1\r\nHost: t\r\nUser-Agent: x" + filler + b"y\r\n\r\n")
    entries = logged.entries(len(fillers))
    assert all(entry["truncated"] is True and entry["user_agent"].endswith("...") for entry in entries)
    assert logged.gateway.metric("tocsin_log_lines_cut_total", log=f"access:{logged.path}") == len(fillers)


def test_refused_requests_say_why(logged):
    answers = logged.ask(b"GET / HTTP/1.1\r\nHost: t\r\nBad Field: x\r\n\r\n",
                         b"GET / HTTP/1.1\r\nHost: t\r\n",
                         b"POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 9999999\r\n\r\n",
                         b"GET / HTTP/1.1\r\nHost: t\r\nExpect: miracles\r\n\r\n",
                         b"GET / HTTP/2.0\r\nHost: t\r\n\r\n")
    assert [answer.status for answer in answers] == [400, 408, 413, 417, 505]
    entries = logged.entries(5)
    assert [set(entry["flags"].split(",")) - {"request_incomplete"} for entry in entries] == [
        {"local_answer", "malformed"}, {"local_answer", "timed_out"}, {"local_answer"}, {"local_answer"},
        {"local_answer"}]
    assert [entry["protocol"] for entry in entries] == ["HTTP/1.1"] * 4 + ["HTTP/2.0"]
    assert [entry["request_id"] for entry in entries] == [answer.headers["x-request-id"] for answer in answers]


HOSTILE = [b'"', b"\\", b'\\"', b'","status":200,"x":"', b"\t", b"\x80\xff", b"\xc3\xa4", b"\xe2\x80\xa8", b"%0a", b"\\n",
           b"\xed\xa0\x80", b"</script>", b"$(id)", b"\xf0\x9f\x94\x94", b"'", b"{}", b"\xc2\x85"]


@pytest.mark.parametrize("hostile", HOSTILE, ids=repr)
def test_hostile_bytes_do_not_break_a_json_line(logged, hostile):
    logged.ask(b"GET /in/ HTTP/1.1\r\nHost: t\r\nUser-Agent: a" + hostile + b"b\r\nReferer: " + hostile +
               b"\r\nX-Request-Id: " + hostile + b"\r\n\r\n",
               b"GET /in/" + hostile + b" HTTP/1.1\r\nHost: t\r\n\r\n",
               b"GET / HTTP/1.1\r\nHost: " + hostile + b"\r\n\r\n",
               b"GET" + hostile + b" / HTTP/1.1\r\nHost: t\r\n\r\n")
    entries = logged.entries(4)
    agent = entries[0]["user_agent"]
    assert agent[0] == "a" and agent[-1] == "b"
    try:
        assert agent == "a" + hostile.decode() + "b"
    except UnicodeDecodeError:
        assert agent != ""  # bytes that are no UTF-8 are replaced, whichever way
    assert entries[0]["status"] == 201
    assert all(set(entry) <= {"time", "listener", "route", "client", "method", "host", "target", "protocol", "status",
                              "request_bytes", "response_bytes", "duration_ms", "first_byte_ms", "request_id",
                              "user_agent", "flags"} for entry in entries)


@pytest.mark.parametrize("hostile", HOSTILE, ids=repr)
def test_hostile_bytes_do_not_break_a_combined_line(start_gateway, tmp_path, hostile):
    logged = Logged(start_gateway, tmp_path, format="combined")
    logged.ask(b"GET /in/ HTTP/1.1\r\nHost: t\r\nUser-Agent: a" + hostile + b"b\r\nReferer: c" + hostile + b"d\r\n\r\n",
               b"GET /in/" + hostile + b" HTTP/1.1\r\nHost: t\r\n\r\n")
    lines = [COMBINED.fullmatch(line) for line in logged.lines(2)]
    assert all(lines)
    assert lines[0]["agent"][0] == "a" and lines[0]["agent"][-1] == "b"
    assert lines[0]["referer"][0] == "c" and lines[0]["referer"][-1] == "d"
    assert lines[0].string.isascii() and lines[0].string.isprintable()


def test_the_combined_format(start_gateway, tmp_path):
    logged = Logged(start_gateway, tmp_path, format="combined")
    logged.ask(b"GET /in/x?y HTTP/1.0\r\nUser-Agent: curl/8\r\nReferer: http://r/\r\n\r\n",
               b"GET /nowhere HTTP/1.1\r\nHost: t\r\n\r\n")
    first, second = (COMBINED.fullmatch(line).groupdict() for line in logged.lines(2))
    assert first == {"client": "127.0.0.1", "request": "GET /in/x?y HTTP/1.0", "status": "201", "bytes": "2",
                     "referer": "http://r/", "agent": "curl/8"}
    assert second["status"] == "404" and second["referer"] == second["agent"] == "-"


@pytest.mark.parametrize("sent", ["a", "0123-abc_DEF.xyz", "trace:1/2+3=", "x" * 64])
def test_a_harmless_request_id_is_kept(logged, sent):
    answer, = logged.ask(f"GET / HTTP/1.1\r\nHost: t\r\nx-request-ID: {sent}\r\n\r\n".encode())
    assert answer.headers["x-request-id"] == sent
    assert logged.entries(1)[0]["request_id"] == sent


@pytest.mark.parametrize("sent", [b"", b"a b", b'a"b', b"a\\b", b"a\xffb", b"a;b", b"$(id)", b"a\tb", b"x" * 300, b"<a>"])
def test_a_hostile_request_id_is_replaced(logged, sent):
    answer, = logged.ask(b"GET / HTTP/1.1\r\nHost: t\r\nX-Request-Id: " + sent + b"\r\n\r\n")
    made = answer.headers["x-request-id"]
    assert re.fullmatch(r"[0-9a-f]{32}", made)
    assert logged.entries(1)[0]["request_id"] == made


def test_a_request_id_may_have_another_name_and_no_trust(start_gateway, tmp_path):
    logged = Logged(start_gateway, tmp_path, [{"type": "request_id", "header": "X-Mark", "trust_incoming": False}])
    answer, = logged.ask(b"GET / HTTP/1.1\r\nHost: t\r\nX-Mark: mine\r\n\r\n")
    assert re.fullmatch(r"[0-9a-f]{32}", answer.headers["x-mark"]) and "x-request-id" not in answer.headers


def test_the_log_may_be_standard_output(start_gateway):
    gateway = start_gateway({"listeners": {"public": {"filters": ["access_log"], "routes": ROUTES}}})
    with Connection(gateway.address()) as connection:
        connection.get()
        line = eventually(gateway.stdout_path.read_text, lambda text: text.endswith("\n"), "standard output")
    assert json.loads(line)["status"] == 200


def test_workers_share_a_log_without_mixing_lines(start_gateway, tmp_path):
    path = tmp_path / "access.log"
    gateway = start_gateway({"gateway": {"workers": 4}, "listeners": {"public": {
        "filters": [{"type": "access_log", "path": str(path)}], "routes": ROUTES}}})
    crowd = [Connection(gateway.address()) for _ in range(40)]
    for round_number in range(25):
        for number, connection in enumerate(crowd):
            connection.send(f"GET /in/{number}-{round_number} HTTP/1.1\r\nHost: t\r\n\r\n".encode())
    for connection in crowd:
        for _ in range(25):
            connection.read_answer()
        connection.close()
    text = eventually(path.read_text, lambda text: text.count("\n") == 1000, "the log")
    targets = [json.loads(line)["target"] for line in text.splitlines()]
    assert sorted(targets) == sorted(f"/in/{number}-{turn}" for number in range(40) for turn in range(25))
