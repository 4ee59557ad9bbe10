"""What the tests of notifications share: a gateway that delivers, and a client that sends."""

import http.client
import json
import subprocess

from gateway_process import BINARY, PATIENCE_SECONDS


def settings(folder, outputs, routes=None, filters=None, **more):
    """A gateway with an http input on its public listener and a store in `folder`."""
    return {
        "listeners": {"public": {"routes": [{"prefix": "/", "plugin": "api"}]}},
        "inputs": {"api": {"type": "http"}},
        "filters": filters or [],
        "outputs": outputs,
        "routes": routes or [{"outputs": list(outputs)}],
        "storage": {"type": "sqlite", "path": str(folder / "outbox.db")},
        **more,
    }


class Client:
    """One kept connection to the ingest API."""

    def __init__(self, gateway, listener="public", token=None, timeout=PATIENCE_SECONDS):
        self.connection = http.client.HTTPConnection(*gateway.address(listener), timeout=timeout)
        self.token = token

    def request(self, method, path, body=None, **headers):
        """(status, headers, decoded body)."""
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        if body is not None and not isinstance(body, (str, bytes)):
            body = json.dumps(body)
        if body is not None:
            headers.setdefault("Content-Type", "application/json")
        self.connection.request(method, path, body, headers)
        answer = self.connection.getresponse()
        text = answer.read()
        return answer.status, answer.headers, json.loads(text) if text else None

    def send(self, notification, **headers):
        return self.request("POST", "/v1/notifications", notification, **headers)

    def accepted(self, notification, **headers):
        """The id of a notification that must be accepted."""
        status, _, body = self.send(notification, **headers)
        assert (status, body.get("status")) == (202, "accepted"), (status, body)
        return body["id"]

    def batch(self, items):
        return self.request("POST", "/v1/notifications/batch", items)

    def lines(self, items):
        text = "\n".join(item if isinstance(item, str) else json.dumps(item) for item in items)
        return self.request("POST", "/v1/notifications/batch", text, Content_Type="application/x-ndjson")

    def get(self, notification_id):
        return self.request("GET", f"/v1/notifications/{notification_id}")

    def cancel(self, notification_id):
        return self.request("DELETE", f"/v1/notifications/{notification_id}")

    def states(self, notification_id):
        """{output: state} of its deliveries."""
        status, _, body = self.get(notification_id)
        assert status == 200, body
        return {delivery["output"]: delivery["state"] for delivery in body["deliveries"]}

    def close(self):
        self.connection.close()


def webhook(sink, path="/hook", **delivery):
    """A webhook output that tries again quickly, however often it fails, so that tests need not wait."""
    retry = {"max_attempts": 3, "initial": "20ms", "max": "40ms", "jitter": "none"}
    delivery = {"timeout": "2s", "retry": retry, "breaker": False, "retry_budget": False, **delivery}
    return {"type": "webhook", "url": sink.url(path), "delivery": delivery}


def command(gateway, *words):
    """What `tocsin WORDS --json` says to the admin address of a gateway."""
    address = "%s:%d" % gateway.admin_address()
    done = subprocess.run([BINARY, *words, "--json", "--admin", address], capture_output=True, text=True,
                          timeout=PATIENCE_SECONDS, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def dead_letters(gateway, output="hook"):
    """Newest first, as the command line lists them."""
    return command(gateway, "dlq", "list", "--output", output)["dead_letters"]
