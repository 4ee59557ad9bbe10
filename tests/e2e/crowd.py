"""Many clients at once, without a thread for each."""

import selectors
import time

from gateway_process import PATIENCE_SECONDS
from raw_client import Connection


def connect_all(address, count, source=None):
    return [Connection(address, source) for _ in range(count)]


def close_all(connections):
    for connection in connections:
        connection.close()


def gather(connections, finished):
    """Reads all connections side by side into their buffers until finished(connection) holds for each
    or its peer ended it. Returns {connection: "open", "closed" or "reset"}."""
    fates = {connection: "open" for connection in connections}
    deadline = time.monotonic() + PATIENCE_SECONDS
    with selectors.DefaultSelector() as selector:
        for connection in connections:
            selector.register(connection.socket, selectors.EVENT_READ, connection)
        while selector.get_map():
            assert time.monotonic() < deadline, f"{len(selector.get_map())} clients still wait"
            for key, _ in selector.select(0.1):
                connection = key.data
                try:
                    data = connection.socket.recv(65536)
                except ConnectionResetError:
                    fates[connection] = "reset"
                    selector.unregister(connection.socket)
                    continue
                connection.buffer += data
                if not data:
                    fates[connection] = "closed"
                if not data or finished(connection):
                    selector.unregister(connection.socket)
    return fates


def never(_):
    """For gather: until the peer ends it."""
    return False
