"""Ports of loopback that nobody listens on, for what must be named before it listens."""

import socket

_given = set()


def free_port():
    """One that was never given to this process before: the system may choose the same twice."""
    while True:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        if port not in _given:
            _given.add(port)
            return port
