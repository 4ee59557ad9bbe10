"""Twilio's messages as its documentation describes them, and the callbacks it makes."""

import base64
import hashlib
import hmac
import http.client
import itertools
import json
import urllib.parse

from api_simulator import Simulator
from gateway_process import PATIENCE_SECONDS

# https://www.twilio.com/docs/api/errors
STATUSES = {20003: 401, 20005: 403, 20429: 429, 20500: 500}


def signature(token, url, form):
    content = url + "".join(name + value for name, value in sorted(form.items()))
    return base64.b64encode(hmac.new(token.encode(), content.encode(), hashlib.sha1).digest()).decode()


class Twilio(Simulator):
    ACCOUNT = "AC5ef8732a3c49700934481addd5ce1659"
    TOKEN = "s3cret0auth0token0of0twilio00000"

    def __init__(self):
        super().__init__()
        self.failures = {}  # by number: a list of codes, used up
        self.numbers = itertools.count(1)

    def fail(self, number, *codes):
        """The next messages to it end so; None is no failure."""
        self.failures.setdefault(number, []).extend(codes)

    def messages(self):
        """The forms it took or refused, in order."""
        return [dict(urllib.parse.parse_qsl(one["body"], strict_parsing=True)) for one in self.received()]

    def answer(self, request):
        headers = {"Content-Type": "application/json"}
        assert request["path"] == f"/2010-04-01/Accounts/{self.ACCOUNT}/Messages.json", request["path"]
        form = dict(urllib.parse.parse_qsl(request["body"], strict_parsing=True))
        expected = base64.b64encode(f"{self.ACCOUNT}:{self.TOKEN}".encode()).decode()
        planned = self.failures.get(form["To"])
        code = planned.pop(0) if planned else None
        if request["headers"].get("authorization") != f"Basic {expected}":
            code = 20003
        if code == "hang up":
            return None, None, None
        if code is not None:
            status = STATUSES.get(code, 400)
            more = {"Retry-After": "1"} if status == 429 else {}
            return status, {**headers, **more}, json.dumps(
                {"code": code, "message": f"what Twilio says of {code}", "status": status,
                 "more_info": f"https://www.twilio.com/docs/errors/{code}"})
        return 201, headers, json.dumps(
            {"sid": f"SM{next(self.numbers):032x}", "status": "queued", "to": form["To"], "from": form.get("From"),
             "body": form["Body"], "num_segments": "1", "error_code": None, "error_message": None})

    def call_back(self, address, url, form, token=None):
        """(status, text) of a signed request, made to `address` as if `url` led there. `token`: signs with it."""
        path = urllib.parse.urlsplit(url).path
        connection = http.client.HTTPConnection(*address, timeout=PATIENCE_SECONDS)
        try:
            connection.request("POST", path, urllib.parse.urlencode(form), {
                "Content-Type": "application/x-www-form-urlencoded",
                "X-Twilio-Signature": signature(token or self.TOKEN, url, form)})
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()
