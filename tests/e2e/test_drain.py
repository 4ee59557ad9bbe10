"""The end of a gateway: what was begun is finished, what is new is refused, and nobody waits for ever."""

import os
import signal
import threading
import time

import pytest

from crowd import close_all, connect_all
from gateway_process import eventually
from raw_client import Connection, gone

pytestmark = pytest.mark.sanitize

GET = b"GET / HTTP/1.1\r\nHost: t\r\n\r\n"
POST_AFTER_CONTINUE = b"POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n"
BODY = b"here\n"
BIG_BODY = b"a line of a large answer, 32 long\n" * 30_000
ROUTES = [{"path": "/", "respond": {"body": BODY.decode()}}, {"path": "/big", "respond": {"body": BIG_BODY.decode()}}]


def settings(grace="20s", **listener):
    return {"gateway": {"shutdown_grace": grace}, "listeners": {"public": {"routes": ROUTES, **listener}}}


def check_refused(gateway):
    """Nobody listens there any more."""
    with pytest.raises((ConnectionRefusedError, ConnectionResetError)):
        with Connection(gateway.address()) as connection:
            connection.get()


def begin(gateway):
    """A connection with a request whose head the gateway has read, and that waits for its client."""
    connection = Connection(gateway.address())
    connection.send(POST_AFTER_CONTINUE)
    assert connection.read_answer().status == 100
    return connection


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGQUIT])
def test_with_nobody_there_it_ends_at_once(start_gateway, number):
    gateway = start_gateway(settings())
    gateway.signal(number)
    assert gateway.wait() == 0
    assert gateway.log()[-1]["message"] == "stopped" and gateway.log()[-1]["drained"] is True


def test_what_was_begun_is_finished(start_gateway):
    gateway = start_gateway(settings())
    waiting = begin(gateway)
    idle = connect_all(gateway.address(), 20)
    for connection in idle[:10]:
        assert connection.get().body == BODY
    eventually(gateway.open_connections, 21, "open connections")
    assert gateway.admin("/readyz")[0] == 200

    gateway.signal(signal.SIGTERM)
    assert gateway.wait_for_log("draining")["connections"] == 21
    for connection in idle:
        connection.expect_end()
    eventually(gateway.open_connections, 1, "open connections")
    status, _, text = gateway.admin("/readyz")
    assert (status, text) == (503, '{"status":"draining"}\n')
    assert gateway.admin("/healthz")[0] == 200
    check_refused(gateway)

    waiting.send(b"body")
    answer = waiting.read_answer()
    assert answer.body == BODY and answer.headers["connection"] == "close"
    waiting.expect_end()
    waiting.close()
    assert gateway.wait() == 0
    assert gateway.log()[-1]["drained"] is True
    close_all(idle)


def test_a_head_that_was_begun_is_finished(start_gateway):
    gateway = start_gateway(settings())
    connections = connect_all(gateway.address(), 2)
    for connection in connections:
        assert connection.get().body == BODY
    part, rest = GET[:20], GET[20:]
    connections[0].send(part)
    assert connections[1].get().body == BODY
    seen_by_all_loops(gateway)
    gateway.signal(signal.SIGTERM)
    connections[1].expect_end()
    connections[0].send(rest)
    answer = connections[0].read_answer()
    assert answer.body == BODY and answer.headers["connection"] == "close"
    connections[0].expect_end()
    close_all(connections)
    assert gateway.wait() == 0


def seen_by_all_loops(gateway):
    """Returns when every worker has read what was sent before: enough clients reach each of them."""
    others = connect_all(gateway.address(), 30)
    for connection in others:
        assert connection.get().body == BODY
    close_all(others)
    eventually(gateway.open_connections, 2, "open connections")


def test_a_large_answer_on_its_way_arrives_whole(start_gateway):
    gateway = start_gateway(settings())
    with Connection(gateway.address(), receive_buffer=4096) as connection:
        connection.send(b"GET /big HTTP/1.1\r\nHost: t\r\n\r\n" * 4)
        assert connection.read_answer().body == BIG_BODY
        gateway.signal(signal.SIGTERM)
        gateway.wait_for_log("draining")
        answers = 1
        while answers < 4:  # those that were begun; the first that was not ends the connection
            answer = connection.read_answer()
            assert answer.body == BIG_BODY
            answers += 1
            if answer.headers.get("connection") == "close":
                break
            if not connection.buffer and gone(connection):
                break
    assert gateway.wait() == 0


def test_who_asked_before_the_drain_is_answered(start_gateway):
    """Neither accepted nor read yet: all were reset."""
    gateway = start_gateway({**settings(), "gateway": {"workers": 1}})
    with Connection(gateway.address()) as first:
        first.get()
        gateway.signal(signal.SIGSTOP)
        waiting = [Connection(gateway.address()) for _ in range(50)]
        for connection in waiting:
            connection.send(GET)
        gateway.signal(signal.SIGTERM)
        gateway.signal(signal.SIGCONT)
        for connection in waiting:
            assert connection.read_answer().body == BODY
    assert gateway.wait() == 0
    close_all(waiting)


def test_a_log_that_nobody_reads_holds_up_nothing(start_gateway, tmp_path):
    fifo = tmp_path / "access.fifo"
    os.mkfifo(fifo)
    reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    gateway = start_gateway(settings(filters=[{"type": "access_log", "path": str(fifo)}]))
    with Connection(gateway.address()) as connection:
        for _ in range(2000):  # more than a pipe holds
            assert connection.get("/?" + 100 * "x").body == BODY
    begun = time.monotonic()
    gateway.signal(signal.SIGTERM)
    assert gateway.wait() == 0
    assert time.monotonic() - begun < 10
    assert gateway.wait_for_log("an access log takes no more: its last lines are lost")
    os.close(reader)


def test_the_grace_ends(start_gateway):
    gateway = start_gateway(settings(grace="300ms"))
    waiting = [begin(gateway) for _ in range(5)]
    gateway.signal(signal.SIGTERM)
    for connection in waiting:
        assert gone(connection)
    assert gateway.wait() == 0
    messages = {entry["message"]: entry for entry in gateway.log()}
    assert messages["the grace is over: connections are cut"]["connections"] == 5
    assert messages["stopped"]["drained"] is False
    close_all(waiting)


def test_a_second_signal_ends_it_at_once(start_gateway):
    gateway = start_gateway(settings(grace="1h"))
    waiting = begin(gateway)
    gateway.signal(signal.SIGTERM)
    gateway.wait_for_log("draining")
    gateway.signal(signal.SIGINT)
    assert gone(waiting)
    assert gateway.wait() == 0
    assert "second signal: stopping at once" in [entry["message"] for entry in gateway.log()]
    waiting.close()


class Caller(threading.Thread):
    """Asks on one connection, again and again, until the gateway ends it."""

    def __init__(self, address, number):
        super().__init__()
        self.address = address
        self.number = number
        self.answered = 0
        self.broken = None

    def run(self):
        with Connection(self.address) as connection:
            while True:
                try:
                    connection.send(f"GET /?{self.number}-{self.answered} HTTP/1.1\r\nHost: t\r\n\r\n".encode())
                    if not connection.buffer and not connection._more():
                        return  # ended before a byte of an answer
                except (ConnectionResetError, BrokenPipeError):
                    return
                try:
                    answer = connection.read_answer()
                    assert answer.body == BODY
                except (AssertionError, ConnectionResetError) as error:
                    self.broken = error  # ended inside an answer
                    return
                self.answered += 1
                if answer.headers.get("connection") == "close":
                    connection.expect_end()
                    return


def test_under_load_every_request_that_was_begun_is_answered(start_gateway, tmp_path):
    log = tmp_path / "access.log"
    gateway = start_gateway(settings(filters=[{"type": "access_log", "path": str(log)}],
                                     limits={"requests_per_connection_max": "unlimited"}))
    callers = [Caller(gateway.address(), number) for number in range(40)]
    for caller in callers:
        caller.start()
    eventually(lambda: min(caller.answered for caller in callers), lambda fewest: fewest >= 20, "answers of each")
    gateway.signal(signal.SIGTERM)
    for caller in callers:
        caller.join(30)
        assert not caller.is_alive() and caller.broken is None
    assert gateway.wait() == 0
    assert gateway.log()[-1]["drained"] is True
    # What the gateway says it answered was received, and the other way round.
    assert len(log.read_text().splitlines()) == sum(caller.answered for caller in callers)
