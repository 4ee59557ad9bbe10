"""Clients that leave at every moment, politely or not: nobody else notices and nothing of them stays."""

import random

import pytest

from crowd import close_all
from gateway_process import eventually
from raw_client import Connection

pytestmark = pytest.mark.sanitize

GET = b"GET / HTTP/1.1\r\nHost: t\r\n\r\n"
GET_BIG = b"GET /big HTTP/1.1\r\nHost: t\r\n\r\n"
BODY = b"here\n"
BIG_BODY = b"a line of a large answer, 32 long\n" * 30_000
ROUNDS = 40

# What a client has sent when it leaves.
STATES = {
    "nothing": b"",
    "an empty line": b"\r\n",
    "half a line": b"GET /lo",
    "half a head": b"GET / HTTP/1.1\r\nHost: t\r\nX-Half: ",
    "a head without its body": b"POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 500\r\n\r\n",
    "half a body": b"POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 500\r\n\r\n" + b"b" * 250,
    "an expectation": b"POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 500\r\nExpect: 100-continue\r\n\r\n",
    "half a chunk size": b"POST / HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n5",
    "half a chunk": b"POST / HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabc",
    "half a trailer": b"POST / HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX-Tra",
    "a request": GET,
    "a request for much": GET_BIG,
    "many requests for much": GET_BIG * 8,
    "a pipeline": GET * 30,
    "a pipeline and a half": GET * 30 + GET[:11],
    "a body where none is read": b"POST /nowhere HTTP/1.1\r\nHost: t\r\nContent-Length: 500\r\n\r\nabc",
    "nonsense": b"nonsense\r\n\r\n",
    "nonsense behind a pipeline": GET * 5 + b"\x00\x01",
}


def leave(connection, how):
    if how == "reset":
        connection.reset()
        return
    if how == "end":  # says that it sends no more, and leaves without waiting
        try:
            connection.end()
        except OSError:
            pass  # the gateway was faster
    connection.close()


@pytest.fixture(scope="module", name="gateway")
def fixture_gateway(module_gateway, tmp_path_factory):
    log = tmp_path_factory.mktemp("abort") / "access.log"
    return module_gateway({"listeners": {"public": {
        "filters": ["request_id", {"type": "access_log", "path": str(log)}],
        "routes": [{"path": "/", "respond": {"body": BODY.decode()}},
                   {"path": "/big", "respond": {"body": BIG_BODY.decode()}}]}}})


@pytest.fixture(autouse=True)
def nothing_stays(gateway):
    # Every worker has had a connection: libuv opens one descriptor per loop with the first.
    for _ in range(20):
        with Connection(gateway.address()) as connection:
            connection.get()
    eventually(gateway.open_connections, 0, "open connections")
    before = gateway.descriptors()
    yield
    eventually(gateway.open_connections, 0, "open connections")
    eventually(gateway.descriptors, lambda open_now: open_now <= before, "descriptors")
    with Connection(gateway.address()) as connection:
        assert connection.get().body == BODY
        assert connection.get("/big").body == BIG_BODY


@pytest.mark.parametrize("how", ["close", "reset", "end"])
@pytest.mark.parametrize("state", STATES)
def test_leaving(gateway, state, how):
    for _ in range(ROUNDS):
        connection = Connection(gateway.address())
        connection.send(STATES[state])
        leave(connection, how)


@pytest.mark.parametrize("how", ["close", "reset"])
def test_leaving_while_an_answer_arrives(gateway, how):
    for taken in (1, 100, 5000, 200_000):
        for _ in range(10):
            connection = Connection(gateway.address(), receive_buffer=4096)
            connection.send(GET_BIG * 2)
            while len(connection.buffer) < taken:
                connection.buffer += connection.socket.recv(min(4096, taken - len(connection.buffer)))
            leave(connection, how)


def test_leaving_at_random(gateway):
    chance = random.Random(20260131)
    staying = []
    for _ in range(1500):
        data = b"".join(chance.choices([GET, GET_BIG, *STATES.values()], k=chance.randint(1, 3)))
        connection = Connection(gateway.address(), receive_buffer=chance.choice([None, 2048]))
        cut = chance.randint(0, len(data))
        try:
            connection.send(data[:cut])
            if chance.random() < 0.5:
                connection.send(data[cut:])
        except OSError:
            pass  # what it had sent was refused already
        staying.append(connection)
        if len(staying) > chance.randint(0, 30):
            leave(staying.pop(chance.randrange(len(staying))), chance.choice(["close", "reset", "end"]))
    close_all(staying)


def test_leaving_while_the_gateway_drains(start_gateway):
    gateway = start_gateway({"gateway": {"shutdown_grace": "20s"}, "listeners": {"public": {
        "routes": [{"path": "/", "respond": {"body": BODY.decode()}},
                   {"path": "/big", "respond": {"body": BIG_BODY.decode()}}]}}})
    crowd = [Connection(gateway.address(), receive_buffer=4096) for _ in range(60)]
    for connection, data in zip(crowd, list(STATES.values()) * 4):
        connection.send(data)
    eventually(lambda: gateway.metric("tocsin_http_connections_total", listener="public"), 60, "connections")
    gateway.process.terminate()
    gateway.wait_for_log("draining")
    for number, connection in enumerate(crowd):
        leave(connection, ("close", "reset", "end")[number % 3])
    assert gateway.wait() == 0
    assert gateway.log()[-1]["drained"] is True
