"""A browser and its push service, written apart from the gateway: cryptography decrypts, PyJWT checks VAPID."""

import base64
import json
import os
import threading
import time
from collections import deque
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import jwt
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

CURVE = ec.SECP256R1()


def base64url(octets):
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()


def from_base64url(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def point_of(key):
    return key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


def hkdf(salt, key, info, length):
    return HKDF(hashes.SHA256(), length, salt, info).derive(key)


class VapidKey:
    """What `web-push generate-vapid-keys` prints."""

    def __init__(self):
        key = ec.generate_private_key(CURVE)
        self.private = base64url(key.private_numbers().private_value.to_bytes(32, "big"))
        self.public = base64url(point_of(key))


class Browser:
    """One subscription, and what only its browser can read."""

    def __init__(self, endpoint):
        self.endpoint = endpoint
        self.key = ec.generate_private_key(CURVE)
        self.auth = os.urandom(16)

    def address(self):
        return f"webpush:{base64url(point_of(self.key))}.{base64url(self.auth)}@{self.endpoint}"

    def json_address(self):
        keys = {"p256dh": base64url(point_of(self.key)), "auth": base64url(self.auth)}
        return "webpush:" + json.dumps({"endpoint": self.endpoint, "expirationTime": None, "keys": keys})

    def decrypt(self, body):
        """RFC 8291 as its receiver does it."""
        salt, record_size, key_length = body[:16], int.from_bytes(body[16:20], "big"), body[20]
        sender, record = body[21:21 + key_length], body[21 + key_length:]
        assert record_size >= 18 and len(record) <= record_size and len(body) <= 4096
        agreed = self.key.exchange(ec.ECDH(), ec.EllipticCurvePublicKey.from_encoded_point(CURVE, sender))
        secret = hkdf(self.auth, agreed, b"WebPush: info\0" + point_of(self.key) + sender, 32)
        cipher = AESGCM(hkdf(salt, secret, b"Content-Encoding: aes128gcm\0", 16))
        plain = cipher.decrypt(hkdf(salt, secret, b"Content-Encoding: nonce\0", 12), record, b"").rstrip(b"\0")
        assert plain.endswith(b"\x02")  # the last record
        return plain[:-1]


class PushService:
    """Takes messages. `steps` are the next answers, (status, headers) each; without one a message is taken."""

    def __init__(self, vapid):
        self.vapid = vapid
        self.lock = threading.Lock()
        self.requests = []  # (path, headers, body, instant)
        self.tokens = set()  # of VAPID, those that were good
        self.faults = []
        self.steps = deque()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self.origin = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def subscribe(self, name="1"):
        return Browser(f"{self.origin}/push/{name}")

    def close(self):
        self._server.shutdown()
        self._server.server_close()

    def _take(self, path, headers, body):
        with self.lock:
            self.requests.append((path, headers, body, time.monotonic()))
            fault = self._fault(headers)
            if fault:
                self.faults.append(fault)
                return 403, {}
            return self.steps.popleft() if self.steps else (201, {"Location": f"{self.origin}/m/{len(self.requests)}"})

    def _fault(self, headers):
        scheme, _, rest = headers["authorization"].partition(" ")
        fields = dict(part.strip().split("=", 1) for part in rest.split(","))
        if scheme != "vapid" or fields["k"] != self.vapid.public:
            return "another key"
        key = ec.EllipticCurvePublicKey.from_encoded_point(CURVE, from_base64url(fields["k"]))
        claims = jwt.decode(fields["t"], key, algorithms=["ES256"], audience=self.origin,
                            options={"require": ["exp", "aud", "sub"]})
        if not claims["sub"].startswith("mailto:") or claims["exp"] > time.time() + 24 * 3600:
            return f"wrong claims: {claims}"
        self.tokens.add(fields["t"])
        missing = {"ttl", "urgency"} - set(headers)
        if missing or headers["content-encoding"] != "aes128gcm":
            return f"wrong headers: {headers}"
        return None

    def _handler(self):
        service = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                fields = {name.lower(): value for name, value in self.headers.items()}
                status, headers = service._take(self.path, fields, body)
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *words):
                pass

        return Handler
