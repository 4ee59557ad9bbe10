"""Slack as its documentation describes it: incoming webhooks in plain text, the Web API in JSON."""

import itertools
import json

from api_simulator import Simulator

# https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks
WEBHOOK_ERRORS = {"invalid_payload": 400, "no_text": 400, "action_prohibited": 403, "channel_not_found": 404,
                  "channel_is_archived": 410, "rate_limited": 429, "rollup_error": 500}


class Slack(Simulator):
    """Webhooks below /services/, the API below /api/. A path, or a channel of the API, fails as it was told."""

    TOKEN = "xoxb-s3cret-t0ken"

    def __init__(self):
        super().__init__()
        self.failures = {}  # of a webhook's path or a channel: a list of (error, Retry-After or None), used up
        self.messages = {}  # by (channel, ts): its JSON
        self.stamps = itertools.count(1)

    def fail(self, where, *errors, retry_after=None):
        """The next requests there end so; None is no failure."""
        self.failures.setdefault(where, []).extend((error, retry_after) for error in errors)

    def forget(self, channel, ts):
        """Somebody deletes the message."""
        del self.messages[channel, ts]

    def posted(self, method="chat.postMessage"):
        return [json.loads(one["body"]) for one in self.received() if one["path"] == f"/api/{method}"]

    def answer(self, request):
        if request["path"].startswith("/services/"):
            return self._webhook(request)
        return self._api(request, request["path"].removeprefix("/api/"))

    def _failure(self, where):
        planned = self.failures.get(where)
        return planned.pop(0) if planned else (None, None)

    def _webhook(self, request):
        error, retry_after = self._failure(request["path"])
        headers = {"Content-Type": "text/html", **({"Retry-After": str(retry_after)} if retry_after else {})}
        if error is None and "text" not in json.loads(request["body"]):
            error = "no_text"
        return (WEBHOOK_ERRORS[error], headers, error) if error else (200, headers, "ok")

    def _api(self, request, method):
        message = json.loads(request["body"])
        error, retry_after = self._failure(message.get("channel"))
        headers = {"Content-Type": "application/json; charset=utf-8",
                   **({"Retry-After": str(retry_after)} if retry_after else {})}
        if error == "hang up":
            self._store(message)
            return None, None, None
        if request["headers"].get("authorization") != f"Bearer {self.TOKEN}":
            error = "invalid_auth"
        elif error is None and not message.get("text"):
            error = "no_text"
        elif error is None and len(message["text"]) > 40_000:
            error = "msg_too_long"
        elif error is None and method == "chat.update" and (message["channel"], message["ts"]) not in self.messages:
            error = "message_not_found"
        if error:
            return 429 if error == "ratelimited" else 200, headers, json.dumps({"ok": False, "error": error})
        return 200, headers, json.dumps({"ok": True, **self._store(message), "message": message})

    def _store(self, message):
        channel = message["channel"] if message["channel"].startswith("C") else "C0GENERAL"
        ts = message.get("ts") or f"1503435956.{next(self.stamps):06}"
        self.messages[channel, ts] = message
        return {"channel": channel, "ts": ts}
