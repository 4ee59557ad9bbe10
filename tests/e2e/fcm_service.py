"""Google as output/fcm meets it: a token endpoint that checks assertions with openssl, and messages:send."""

import base64
import json
import subprocess
import threading
import time
import urllib.parse
from collections import deque
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PROJECT = "tocsin-test"
EMAIL = "push@tocsin-test.iam.gserviceaccount.com"
SCOPE = "https://www.googleapis.com/auth/firebase.messaging"


def from_base64url(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def error(status, words, code=None):
    """The body of an error, as Google documents it."""
    details = [{"@type": "type.googleapis.com/google.rpc.BadRequest", "fieldViolations": []}]
    if code:
        details.append({"@type": "type.googleapis.com/google.firebase.fcm.v1.FcmError", "errorCode": code})
    return {"error": {"code": 0, "message": words, "status": status, "details": details}}


class ServiceAccount:
    """A service account whose key openssl made, and its file."""

    def __init__(self, folder, token_uri):
        self.folder = folder
        key = folder / "key.pem"
        subprocess.run(["openssl", "genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out", key],
                       check=True, capture_output=True)
        subprocess.run(["openssl", "pkey", "-in", key, "-pubout", "-out", folder / "public.pem"],
                       check=True, capture_output=True)
        self.private_key = key.read_text(encoding="ascii")
        self.fields = {"type": "service_account", "project_id": PROJECT, "private_key_id": "k1",
                       "private_key": self.private_key, "client_email": EMAIL, "token_uri": token_uri}
        self.path = folder / "account.json"
        self.path.write_text(json.dumps(self.fields), encoding="utf-8")

    def verifies(self, content, signature):
        """What the command line says, which shares no code with the gateway's."""
        (self.folder / "content").write_bytes(content)
        (self.folder / "signature").write_bytes(signature)
        done = subprocess.run(["openssl", "dgst", "-sha256", "-verify", self.folder / "public.pem", "-signature",
                               self.folder / "signature", self.folder / "content"], capture_output=True, check=False)
        return done.returncode == 0


class FcmService:
    """Takes messages of who has a token. `steps` are the next answers, (status, body, headers) each; when there
    are none a message is delivered. `refused` are devices that always get their own."""

    def __init__(self, folder):
        self.lock = threading.Lock()
        self.assertions = []  # as they came
        self.faults = []  # what was wrong with one
        self.tokens = []  # those that were given, the last of them is good
        self.messages = []  # (message, instant) of every request with a good token
        self.steps = deque()
        self.refused = {}
        self.token_steps = deque()
        self.hold = None  # an event that the token endpoint waits for
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self.account = ServiceAccount(folder, self.url + "/token")
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def devices(self):
        """Whom messages came for, in order and with repetitions."""
        with self.lock:
            return [message.get("token") for message, _ in self.messages]

    def message(self, index=-1):
        with self.lock:
            return self.messages[index][0]

    def revoke(self):
        """The token that was given last is good no longer."""
        with self.lock:
            self.tokens.append(None)

    def close(self):
        self._server.shutdown()
        self._server.server_close()

    def _exchange(self, body):
        form = dict(urllib.parse.parse_qsl(body.decode()))
        jwt = form.get("assertion", "")
        with self.lock:
            self.assertions.append(jwt)
            step = self.token_steps.popleft() if self.token_steps else None
        if self.hold:
            self.hold.wait()
        if step:
            return step
        with self.lock:
            fault = self._fault(form, jwt)
            if fault:
                self.faults.append(fault)
                return 400, {"error": "invalid_grant", "error_description": fault}, {}
            self.tokens.append(f"ya29.planted-token-{len(self.tokens)}")
            return 200, {"access_token": self.tokens[-1], "expires_in": 3599, "token_type": "Bearer"}, {}

    def _fault(self, form, jwt):
        if form.get("grant_type") != "urn:ietf:params:oauth:grant-type:jwt-bearer":
            return "unsupported grant"
        head, claims, signature = (jwt + "..").split(".")[:3]
        if not self.account.verifies(f"{head}.{claims}".encode(), from_base64url(signature)):
            return "Invalid JWT Signature."
        if json.loads(from_base64url(head)) != {"alg": "RS256", "typ": "JWT", "kid": "k1"}:
            return "wrong header"
        said = json.loads(from_base64url(claims))
        wanted = {"iss": EMAIL, "scope": SCOPE, "aud": self.url + "/token"}
        if {name: said.get(name) for name in wanted} != wanted:
            return "wrong claims"
        now = time.time()
        return None if now - 300 < said["iat"] < now + 300 and 0 < said["exp"] - said["iat"] <= 3600 else "wrong times"

    def _send(self, path, authorization, body):
        if path != f"/v1/projects/{PROJECT}/messages:send":
            return 404, error("NOT_FOUND", "no such project"), {}
        with self.lock:
            if not self.tokens or authorization != f"Bearer {self.tokens[-1]}":
                return 401, error("UNAUTHENTICATED", "Request had invalid authentication credentials."), {}
            message = json.loads(body)["message"]
            self.messages.append((message, time.monotonic()))
            if message.get("token") in self.refused:
                return self.refused[message["token"]]
            if self.steps:
                return self.steps.popleft()
            return 200, {"name": f"projects/{PROJECT}/messages/{len(self.messages)}"}, {}

    def _handler(self):
        service = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if self.path == "/token":
                    status, answer, headers = service._exchange(body)
                else:
                    status, answer, headers = service._send(self.path, self.headers["Authorization"], body)
                text = json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(text)))
                for name, value in headers.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, *words):
                pass

        return Handler
