"""Clients that go on sending whatever happens to the gateway, as careful clients do."""

import http.client
import threading
import time

from gateway_process import PATIENCE_SECONDS
from notifications import Client


class Load:
    """Threads that send notifications with unique titles to whichever gateway runs; `note` is what all of
    them have, or what one with a given title has. What got no answer,
    or was refused for now, is sent again under the same idempotency key until it is accepted. Each thread
    waits `pause` seconds between two: what a slow sink must take afterwards is bounded by it."""

    def __init__(self, clients=4, note=None, pause=0.0):
        self.accepted = {}  # title -> the id that a 202 named
        self.unexpected = []
        self._note = note if callable(note) else lambda _: note or {}
        self._pause = pause
        self._gateway = None
        self._ending = False
        self._changed = threading.Condition()
        self._threads = [threading.Thread(target=self._send_all, args=(f"c{i}",)) for i in range(clients)]
        for thread in self._threads:
            thread.start()

    def to(self, gateway):
        """Sends there from now on; None: waits."""
        with self._changed:
            self._gateway = gateway
            self._changed.notify_all()

    def count(self):
        return len(self.accepted)

    def end(self):
        """What was begun is still sent until it is accepted; then nothing more comes."""
        with self._changed:
            self._ending = True
            self._changed.notify_all()
        for thread in self._threads:
            thread.join(PATIENCE_SECONDS)
            assert not thread.is_alive(), "a notification is never accepted"
        assert not self.unexpected, self.unexpected

    def _send_all(self, name):
        number = 0
        client = gateway = None
        while not self._ending:
            title = f"{name}-{number}"
            while title not in self.accepted:
                with self._changed:
                    if not self._changed.wait_for(lambda: self._gateway, PATIENCE_SECONDS):
                        return
                    if gateway is not self._gateway:
                        gateway, client = self._gateway, None
                try:
                    client = client or Client(gateway)
                    self._send(client, title)
                except (OSError, http.client.HTTPException):
                    client = None
            number += 1
            time.sleep(self._pause)

    def _send(self, client, title):
        note = {"topic": "load.test", "level": "warning", **self._note(title), "title": title}
        status, _, body = client.send(note, Idempotency_Key=title)
        if status == 202 and body["status"] == "accepted":
            self.accepted[title] = body["id"]
        elif status != 503:
            self.unexpected.append((title, status, body))
            self.accepted[title] = None
