"""The operator's door: health, readiness, and metrics that count."""

import json
import subprocess
import threading

import pytest

from gateway_process import eventually, parse_metrics
from raw_client import Connection

pytestmark = pytest.mark.sanitize

ROUTES = [{"path": "/", "respond": {"body": "here\n"}}, {"path": "/moved", "redirect": "/"},
          {"path": "/broken", "respond": 502}]


@pytest.fixture(name="gateway")
def fixture_gateway(start_gateway):
    return start_gateway({"listeners": {"public": {"routes": ROUTES, "limits": {"connections_per_ip_max": 3}},
                                        "unused": {"routes": ROUTES}}})


def requests(gateway, answer_class, listener="public"):
    return gateway.metric("tocsin_http_requests_total", listener=listener, **{"class": answer_class})


@pytest.mark.parametrize("path,status", [("/healthz", "ok"), ("/readyz", "ready")])
def test_health_and_readiness(gateway, path, status):
    code, headers, text = gateway.admin(path)
    assert code == 200 and headers["Content-Type"] == "application/json"
    assert json.loads(text) == {"status": status}


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics"])
def test_head_is_get_without_the_body(gateway, path):
    code, headers, text = gateway.admin(path, "HEAD")
    assert code == 200 and text == ""
    assert headers["Content-Type"] == gateway.admin(path)[1]["Content-Type"]
    assert int(headers["Content-Length"]) > 0


@pytest.mark.parametrize("path", ["/", "/healthz/", "/metrics/x", "/Healthz", "/reload"])
def test_other_pages_do_not_exist(gateway, path):
    code, headers, text = gateway.admin(path)
    assert code == 404 and headers["Content-Type"] == "application/problem+json"
    assert json.loads(text)["status"] == 404


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics"])
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS"])
def test_pages_are_only_read(gateway, path, method):
    code, headers, text = gateway.admin(path, method)
    assert code == 405 and headers["Allow"] == "GET, HEAD"
    assert json.loads(text)["status"] == 405


def test_metrics_are_what_prometheus_wants(gateway):
    with Connection(gateway.address()) as connection:
        connection.get()
        code, headers, text = gateway.admin("/metrics")
    assert code == 200 and headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    checked = subprocess.run(["promtool", "check", "metrics"], input=text, text=True, capture_output=True, check=False)
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, "", "")


def test_requests_are_counted_by_class(gateway):
    with Connection(gateway.address()) as connection:
        for path, times in (("/", 5), ("/moved", 4), ("/nowhere", 3), ("/broken", 2)):
            for _ in range(times):
                connection.get(path)
        connection.send(b"POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 7\r\n\r\n1234567")
        connection.read_answer()
        connection.send(b"nonsense\r\n\r\n")
        connection.read_answer()
        connection.expect_end()
    with Connection(gateway.address()) as connection:
        connection.send(b"GET / HTTP/1.1\r\n")
    eventually(lambda: requests(gateway, "none"), 1, "requests without an answer")
    counts = {name: requests(gateway, name) for name in ("1xx", "2xx", "3xx", "4xx", "5xx")}
    assert counts == {"1xx": 0, "2xx": 6, "3xx": 4, "4xx": 4, "5xx": 2}
    metrics = gateway.metrics()
    public = frozenset({("listener", "public")})
    assert metrics["tocsin_http_request_body_bytes_total", public] == 7
    assert metrics["tocsin_http_request_duration_seconds_count", public] == 17
    assert metrics["tocsin_http_request_duration_seconds_bucket", public | {("le", "+Inf")}] == 17
    assert requests(gateway, "2xx", "unused") == 0


def test_connections_are_counted(gateway):
    open_now = [Connection(gateway.address(), "127.0.0.9") for _ in range(3)]
    for connection in open_now:
        connection.get()
    assert gateway.open_connections() == 3
    with Connection(gateway.address(), "127.0.0.9") as refused:
        assert refused.read_answer().status == 429
    eventually(lambda: gateway.metric("tocsin_http_connections_refused_total", listener="public",
                                      reason="connections_per_ip_max"), 1, "refused connections")
    assert gateway.metric("tocsin_http_connections_total", listener="public") == 3
    for connection in open_now:
        connection.close()
    eventually(gateway.open_connections, 0, "open connections")


def test_counters_never_fall_and_scrapes_do_not_disturb_each_other(gateway):
    pages, failures = [], []

    def scrape():
        try:
            pages.extend(gateway.metrics() for _ in range(10))
        except AssertionError as error:
            failures.append(error)

    with Connection(gateway.address()) as connection:
        scrapers = [threading.Thread(target=scrape) for _ in range(8)]
        for scraper in scrapers:
            scraper.start()
        for _ in range(200):
            connection.get()
        for scraper in scrapers:
            scraper.join()
    assert not failures and len(pages) == 80
    key = "tocsin_http_requests_total", frozenset({("listener", "public"), ("class", "2xx")})
    assert all(0 <= page[key] <= 200 for page in pages)
    assert requests(gateway, "2xx") == 200


def test_a_scraper_that_leaves_early_hurts_nobody(gateway):
    for _ in range(50):
        with Connection(gateway.admin_address()) as connection:
            connection.send(b"GET /metrics HTTP/1.1\r\nHost: t\r\n\r\n").reset()
    assert parse_metrics(gateway.admin("/metrics")[2])


def test_the_process_tells_of_itself(gateway):
    metrics = {name: value for (name, _), value in gateway.metrics().items()}
    assert metrics["process_open_fds"] > 0
    assert metrics["process_resident_memory_bytes"] > 1 << 20
    assert metrics["process_max_fds"] > metrics["process_open_fds"]
    assert metrics["tocsin_build_info"] == 1
