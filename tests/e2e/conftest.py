"""Fixtures of the end-to-end tests: gateways in child processes, all on loopback and free ports."""

import resource

import pytest

import notifications
from gateway_process import BINARY, Gateway
from sink import Sink


def pytest_configure():
    if not BINARY.exists():
        pytest.exit(f"{BINARY} is missing: build it, or name its folder in TOCSIN_BUILD", 4)
    # Tests hold thousands of sockets.
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def complete(settings):
    """Adds what every test wants: ports that the system chooses, and few workers."""
    settings = {"admin": {"address": "127.0.0.1:0"}, **settings}
    settings["gateway"] = {"workers": 2, "shutdown_grace": "10s", **settings.get("gateway", {})}
    for listener in settings.get("listeners", {}).values():
        listener.setdefault("address", "127.0.0.1:0")
    return settings


@pytest.fixture
def start_gateway(tmp_path):
    """A function that starts a gateway with the given settings and waits until it is ready. All of
    them are ended with the test, which fails if one does not end well. `folder`: where its file is,
    as when one is started again; else each has its own."""
    running = []

    def start(settings, folder=None, **options):
        folder = folder or tmp_path / f"gateway-{len(running)}"
        folder.mkdir(exist_ok=True)
        gateway = Gateway(complete(settings), folder, **options)
        running.append(gateway)
        return gateway.wait_until_ready()

    yield start
    for gateway in running:
        gateway.stop()


@pytest.fixture
def start(start_gateway, tmp_path):
    """A function that starts a gateway with these outputs, and a client of it."""
    clients = []

    def start_both(outputs, **more):
        gateway = start_gateway(notifications.settings(tmp_path, outputs, **more))
        clients.append(notifications.Client(gateway))
        return gateway, clients[-1]

    yield start_both
    for client in clients:
        client.close()


@pytest.fixture(scope="module")
def module_gateway(tmp_path_factory):
    """The same for gateways that all tests of a file share."""
    running = []

    def start(settings, **options):
        gateway = Gateway(complete(settings), tmp_path_factory.mktemp("gateway"), **options)
        running.append(gateway)
        return gateway.wait_until_ready()

    yield start
    for gateway in running:
        gateway.stop()


@pytest.fixture
def start_sink(tmp_path):
    """A function that starts a receiver of webhooks; they are ended with the test."""
    running = []

    def start():
        folder = tmp_path / f"sink-{len(running)}"
        folder.mkdir()
        running.append(Sink(folder))
        return running[-1]

    yield start
    for sink in running:
        sink.stop()


@pytest.fixture
def sink(start_sink):
    return start_sink()
