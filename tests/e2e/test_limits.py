"""How many clients at once: ten thousand, the caps of a listener, and the end of the descriptors."""

import resource

import pytest

from crowd import close_all, connect_all, gather
from gateway_process import eventually
from raw_client import Connection

GET = b"GET / HTTP/1.1\r\nHost: t\r\n\r\n"
BODY = b"here\n"
HERE = {"routes": [{"prefix": "/", "respond": {"body": BODY.decode()}}]}

CLIENTS = 10_000
BYTES_PER_CLIENT_MAX = 12 * 1024
# What this process and the gateway open besides one descriptor a client.
SPARE_DESCRIPTORS = 200


def answered(connection):
    return connection.buffer.endswith(BODY)


def ask_all(connections):
    """Every client asks and every one is answered."""
    for connection in connections:
        connection.send(GET)
    gather(connections, answered)
    for connection in connections:
        assert connection.read_answer().body == BODY
        assert connection.buffer == b""


def settled_refusals(gateway, reason, count):
    return eventually(lambda: gateway.metric("tocsin_http_connections_refused_total", listener="public", reason=reason),
                      count, f"refusals for {reason}")


def check_refusal(connection, status):
    answer = connection.read_answer()
    assert answer.status == status
    assert answer.headers["connection"] == "close"
    assert int(answer.headers["retry-after"]) >= 1
    assert answer.problem()["detail"]
    connection.expect_end()
    connection.close()


def test_ten_thousand_clients_are_answered_again_and_again(start_gateway):
    descriptors, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    count = min(CLIENTS, descriptors - SPARE_DESCRIPTORS)
    gateway = start_gateway({"listeners": {"public": {**HERE, "backlog": 4096}}})
    memory = []
    for wave in range(4):
        clients = []
        for batch in range(0, count, 500):  # so that no accept queue overflows
            newcomers = connect_all(gateway.address(), min(500, count - batch), f"127.0.0.{2 + batch // 500}")
            ask_all(newcomers)
            clients += newcomers
        assert gateway.open_connections() == count
        ask_all(clients)
        memory.append(gateway.metric("process_resident_memory_bytes"))
        close_all(clients)
        eventually(gateway.open_connections, 0, "open connections")
        assert gateway.metric("tocsin_http_requests_total", listener="public", **{"class": "2xx"}) == 2 * count * (wave + 1)
    # What the first wave took is used again by the others; a leak would cost each of them anew.
    assert memory[-1] < count * BYTES_PER_CLIENT_MAX


@pytest.mark.sanitize
def test_a_client_address_has_a_cap_of_its_own(start_gateway):
    gateway = start_gateway({"listeners": {"public": {**HERE, "limits": {"connections_per_ip_max": 5}}}})
    clients = connect_all(gateway.address(), 5, "127.0.0.1")
    ask_all(clients)
    for refusals in range(1, 4):
        check_refusal(Connection(gateway.address(), "127.0.0.1"), 429)
        settled_refusals(gateway, "connections_per_ip_max", refusals)
    others = connect_all(gateway.address(), 5, "127.0.0.2")
    ask_all(clients + others)
    clients.pop().close()
    eventually(gateway.open_connections, 9, "open connections")
    clients += connect_all(gateway.address(), 1, "127.0.0.1")
    ask_all(clients)
    check_refusal(Connection(gateway.address(), "127.0.0.1"), 429)
    close_all(clients + others)


@pytest.mark.sanitize
def test_a_listener_has_a_cap_of_its_own(start_gateway):
    gateway = start_gateway({"listeners": {"public": {**HERE, "limits": {"connections_max": 8}}, "other": HERE}})
    clients = connect_all(gateway.address(), 8)
    ask_all(clients)
    for refusals in range(1, 4):
        check_refusal(Connection(gateway.address()), 503)
        settled_refusals(gateway, "connections_max", refusals)
    with Connection(gateway.address("other")) as other:
        assert other.get().body == BODY
    assert gateway.admin("/healthz")[0] == 200
    close_all(clients[:4])
    eventually(gateway.open_connections, 4, "open connections")
    clients[:4] = connect_all(gateway.address(), 4)
    ask_all(clients)
    check_refusal(Connection(gateway.address()), 503)
    close_all(clients)


def test_a_refused_client_that_speaks_first_still_reads_why(start_gateway):
    gateway = start_gateway({"listeners": {"public": {**HERE, "limits": {"connections_max": 1}}}})
    with Connection(gateway.address()) as only:
        assert only.get().body == BODY
        for _ in range(50):
            refused = Connection(gateway.address())
            try:
                refused.send(GET)
            except (BrokenPipeError, ConnectionResetError):
                pass  # it was refused before it spoke
            assert refused.read_answer().status == 503
            refused.close()


@pytest.mark.sanitize
def test_without_descriptors_clients_are_told_and_later_ones_served(start_gateway):
    limit = 96
    gateway = start_gateway({"gateway": {"workers": 1}, "listeners": {"public": HERE}}, descriptors=limit)
    with Connection(gateway.admin_address()) as admin:
        assert admin.get("/healthz").status == 200  # it has its descriptor before the others come
        def refusals():
            admin.send(b"GET /metrics HTTP/1.1\r\nHost: t\r\n\r\n")
            page = admin.read_answer().body.decode()
            line = 'tocsin_http_connections_refused_total{listener="public",reason="descriptors"} '
            return int(page.split(line)[1].split("\n")[0])

        assert refusals() == 0  # answered, so accepted: it keeps its descriptor

        clients = connect_all(gateway.address(), limit)
        for connection in clients:
            connection.send(GET)
        gather(clients, answered)
        served, refused = [], []
        for connection in clients:
            answer = connection.read_answer()
            (served if answer.status == 200 else refused).append(connection)
            assert answer.status in (200, 503)
        assert served and refused
        assert refusals() == len(refused)
        for connection in refused:
            connection.close()
        ask_all(served)  # who was here before is served on
        # Some are kept from listeners, so that as many more have to go.
        gone = len(served) // 2
        before = gateway.descriptors()
        close_all(served[:gone])
        eventually(gateway.descriptors, lambda open_now: open_now <= before - gone, "open descriptors")
        newcomers = connect_all(gateway.address(), 5)
        ask_all(newcomers)
        close_all(newcomers + served[gone:])


def test_without_descriptors_the_admin_address_still_answers(start_gateway):
    limit = 128
    gateway = start_gateway({"gateway": {"workers": 1}, "listeners": {"public": HERE}}, descriptors=limit)
    clients = connect_all(gateway.address(), limit)
    for connection in clients:
        connection.send(GET)
    gather(clients, answered)
    for _ in range(3):  # a connection of its own each time
        assert gateway.admin("/healthz")[0] == 200
    assert gateway.metric("tocsin_http_connections_refused_total", listener="public", reason="descriptors") > 0
    assert gateway.metric("tocsin_http_connections", listener="admin") >= 1
    close_all(clients)


def test_the_admin_address_has_a_cap_of_its_own(start_gateway):
    gateway = start_gateway({"listeners": {"public": HERE}})
    many = connect_all(gateway.admin_address(), 48, "127.0.0.1")
    check_refusal(Connection(gateway.admin_address(), "127.0.0.1"), 429)
    more = connect_all(gateway.admin_address(), 16, "127.0.0.2")
    check_refusal(Connection(gateway.admin_address(), "127.0.0.3"), 503)
    close_all(many + more)
    eventually(lambda: gateway.metric("tocsin_http_connections", listener="admin"), 1, "admin connections")


@pytest.mark.parametrize("megabytes", [5, 20])
def test_who_sends_far_too_much_still_reads_the_refusal(start_gateway, megabytes):
    """The rest was cut off after 1 MiB, and the reset took the answer along."""
    gateway = start_gateway({"listeners": {"public": HERE}})
    body = b"x" * (megabytes << 20)
    with Connection(gateway.address()) as connection:
        connection.send(b"POST / HTTP/1.1\r\nHost: t\r\nContent-Length: %d\r\n\r\n" % len(body))
        connection.send(body)
        assert connection.read_answer().status == 413
