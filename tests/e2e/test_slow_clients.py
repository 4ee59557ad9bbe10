"""Clients that take their time: each phase of a connection has an end, and nobody else waits."""

import socket
import time

import pytest

from crowd import close_all, connect_all, gather, never
from gateway_process import eventually
from raw_client import Connection, gone

pytestmark = pytest.mark.sanitize

GET = b"GET / HTTP/1.1\r\nHost: t\r\n\r\n"
GET_BIG = b"GET /big HTTP/1.1\r\nHost: t\r\n\r\n"
GET_BIG_AND_CLOSE = b"GET /big HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n"
POST = b"POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 100000\r\n\r\n"
BODY = b"here\n"
BIG_BODY = b"a line of a large answer, 32 long\n" * 30_000
MEBIBYTE = 1 << 20
ROUTES = [{"path": "/", "respond": {"body": BODY.decode()}}, {"path": "/big", "respond": {"body": BIG_BODY.decode()}}]

CROWD = 500
# Long enough that only the one that a test is about ends a connection.
PATIENT = {"header": "60s", "body": "60s", "body_rate_min": "0B/s", "idle": "60s", "write": "60s", "linger": "10s"}


def listener(**timeouts):
    return {"listeners": {"public": {"routes": ROUTES, "timeouts": {**PATIENT, **timeouts}}}}


def wait_for_nothing(seconds):
    """The pause of a client; the tests of pauses have no event to wait for."""
    time.sleep(seconds)


def check_served(gateway):
    with Connection(gateway.address()) as connection:
        assert connection.get().body == BODY
        assert connection.get("/big").body == BIG_BODY


def check_all_told(gateway, crowd):
    """Each of the crowd is told 408, then closed; nothing of them stays."""
    fates = gather(crowd, never)
    assert set(fates.values()) == {"closed"}
    for connection in crowd:
        answer = connection.read_answer()
        assert answer.status == 408 and answer.headers["connection"] == "close"
        assert answer.problem()["detail"]
        connection.expect_end()
    close_all(crowd)
    eventually(gateway.open_connections, 0, "open connections")


@pytest.mark.parametrize("part", [b"G", b"GET / HTTP/1.1\r\n", b"GET / HTTP/1.1\r\nHost: t\r\nX-Slow: "])
def test_heads_that_stop_are_told_so(start_gateway, part):
    gateway = start_gateway(listener(header="400ms"))
    crowd = connect_all(gateway.address(), CROWD)
    for connection in crowd:
        connection.send(part)
    check_served(gateway)
    check_all_told(gateway, crowd)


def test_a_head_that_trickles_is_told_so(start_gateway):
    gateway = start_gateway(listener(header="300ms"))
    with Connection(gateway.address()) as connection:
        connection.send(b"GET / HTTP/1.1\r\nHost: t\r\nX: ")
        connection.socket.settimeout(0.02)
        while True:  # each byte comes well in time, the whole does not
            connection.send(b"x")
            try:
                connection.buffer = connection.socket.recv(65536)
                break
            except socket.timeout:
                continue
        connection.socket.settimeout(10)
        assert connection.read_answer().status == 408
        connection.expect_end()


def test_bodies_that_stop_are_told_so(start_gateway):
    gateway = start_gateway(listener(body="400ms"))
    crowd = connect_all(gateway.address(), CROWD)
    for connection in crowd:
        connection.send(POST + b"some")
    check_served(gateway)
    check_all_told(gateway, crowd)


def test_bodies_below_the_minimum_rate_are_told_so(start_gateway):
    gateway = start_gateway(listener(body_rate_min="100KiB/s", body_rate_grace="200ms"))
    crowd = connect_all(gateway.address(), 100)
    for connection in crowd:
        connection.send(POST)
        connection.socket.settimeout(0)
    check_served(gateway)
    waiting = set(crowd)
    while waiting:  # a byte from each, again and again: alive, and much too slow
        for connection in list(waiting):
            try:
                connection.socket.send(b"b")
                connection.buffer += connection.socket.recv(65536)
            except BlockingIOError:
                continue
            waiting.discard(connection)
    for connection in crowd:
        connection.socket.settimeout(10)
    check_all_told(gateway, crowd)


def test_a_body_above_the_minimum_rate_may_take_long(start_gateway):
    gateway = start_gateway(listener(body_rate_min="10KiB/s", body_rate_grace="50ms", body="1s"))
    with Connection(gateway.address()) as connection:
        connection.send(POST + b"b" * 99_999)  # ten seconds are earned by now
        connection.socket.settimeout(0.2)
        with pytest.raises(socket.timeout):
            connection.socket.recv(1)
        connection.socket.settimeout(10)
        connection.send(b"b")
        assert connection.read_answer().body == BODY


def test_connections_that_idle_are_closed_without_a_word(start_gateway):
    gateway = start_gateway(listener(header="300ms", idle="300ms"))
    silent = connect_all(gateway.address(), CROWD)
    served = connect_all(gateway.address(), CROWD)
    for connection in served:
        connection.send(GET)
    check_served(gateway)
    fates = gather(silent + served, never)
    assert set(fates.values()) == {"closed"}
    assert all(connection.buffer == b"" for connection in silent)
    for connection in served:
        assert connection.read_answer().body == BODY
        assert connection.buffer == b""
    close_all(silent + served)
    eventually(gateway.open_connections, 0, "open connections")


def test_clients_that_never_read_are_cut(start_gateway):
    gateway = start_gateway(listener(write="400ms"))
    crowd = [Connection(gateway.address(), receive_buffer=4096) for _ in range(40)]
    for connection in crowd:
        connection.send(GET_BIG * 8)  # more than the kernel takes off our hands
    check_served(gateway)
    eventually(gateway.open_connections, 0, "open connections")
    for connection in crowd:
        try:  # what arrived before is there; the rest must not look whole
            assert len(connection.read_rest()) < 8 * len(BIG_BODY)
        except ConnectionResetError:
            pass
    close_all(crowd)
    check_served(gateway)


def test_answers_wait_for_who_reads_them_in_bounded_memory(start_gateway):
    gateway = start_gateway({"gateway": {"workers": 1}, **listener()})
    check_served(gateway)
    before = gateway.metric("process_resident_memory_bytes")
    clients = [Connection(gateway.address(), receive_buffer=4096) for _ in range(4)]
    for connection in clients:
        connection.send(GET_BIG * 100)  # a hundred mebibytes of answers for three kilobytes
    check_served(gateway)
    assert gateway.metric("process_resident_memory_bytes") - before < len(clients) * 8 * MEBIBYTE
    for connection in clients:
        for _ in range(100):
            assert connection.read_answer().body == BIG_BODY
    close_all(clients)


def test_a_slow_reader_gets_the_whole_last_answer(start_gateway):
    gateway = start_gateway(listener(linger="100ms"))
    with Connection(gateway.address(), receive_buffer=4096) as connection:
        connection.send(GET_BIG * 7 + GET_BIG_AND_CLOSE)
        assert connection.read_answer().body == BIG_BODY
        wait_for_nothing(0.4)  # longer than the gateway lingers behind what the client has taken
        for _ in range(7):
            assert connection.read_answer().body == BIG_BODY
        connection.expect_end()


def test_who_lingers_after_a_refusal_is_closed(start_gateway):
    gateway = start_gateway(listener(linger="200ms"))
    crowd = connect_all(gateway.address(), 100)
    for connection in crowd:
        connection.send(b"nonsense\r\n\r\n")
    for connection in crowd:
        assert connection.read_answer().status == 400
        connection.expect_end()
    eventually(gateway.open_connections, 0, "open connections")  # though no client closed
    check_served(gateway)
    close_all(crowd)


def test_a_refused_client_that_never_stops_sending_is_closed(start_gateway):
    gateway = start_gateway(listener())
    with Connection(gateway.address()) as connection:
        connection.send(b"nonsense\r\n\r\n")
        assert connection.read_answer().status == 400
        with pytest.raises((BrokenPipeError, ConnectionResetError)):
            for _ in range(3000):  # more than it may send to read its answer
                connection.send(b"x" * 65536)
        assert gone(connection)
    eventually(gateway.open_connections, 0, "open connections")
