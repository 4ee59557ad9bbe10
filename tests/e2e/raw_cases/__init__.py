"""What clients may send and what must come back, as tables.

A case is played whole and cut in every way the tests know; the expectations stay the same.
"""

from dataclasses import dataclass

# The listeners that the cases are written for; test_raw_http.py starts them.
URI_BYTES_MAX = 128
HEADER_BYTES_MAX = 1024  # request line and fields, to the empty line
HEADER_COUNT_MAX = 12
BODY_BYTES_MAX = 2048

ROOT_BODY = b"root\n"
PROBE = b"GET /probe HTTP/1.1\r\nHost: t\r\n\r\n"
PROBE_BODY = b"probe\n"
BIG_BODY = b"0123456789abcdef0123456789abcde\n" * 2048

LISTENERS = {
    "raw": {
        "limits": {"uri_bytes_max": f"{URI_BYTES_MAX}B", "header_bytes_max": f"{HEADER_BYTES_MAX}B",
                   "header_count_max": HEADER_COUNT_MAX, "body_bytes_max": f"{BODY_BYTES_MAX}B",
                   "requests_per_connection_max": "unlimited"},
        "routes": [
            {"path": "/", "respond": {"body": ROOT_BODY.decode()}},
            {"path": "/probe", "respond": {"body": PROBE_BODY.decode()}},
            {"path": "/get", "methods": ["GET"], "respond": {"body": "got"}},
            {"path": "/post", "methods": ["POST"], "respond": {"status": 201, "body": "posted"}},
            {"path": "/none", "respond": 204},
            {"path": "/empty", "respond": 200},
            {"path": "/teapot", "respond": {"status": 418, "body": "short", "headers": {"X-Pot": "tea"}}},
            {"path": "/big", "respond": {"body": BIG_BODY.decode()}},
            {"path": "/hosted", "host": "named.example", "respond": {"body": "named"}},
            {"path": "/hosted", "respond": {"body": "any"}},
            {"prefix": "/tree", "respond": {"body": "tree"}},
            {"prefix": "/echo/", "redirect": {"to": "/n/", "append_path": True}},
            {"prefix": "/up/", "redirect": {"to": "/", "append_path": True}},
            {"path": "/moved", "redirect": {"to": "https://elsewhere.example/", "status": 308}},
        ],
    },
    "few": {
        "limits": {"requests_per_connection_max": 2},
        "routes": [{"prefix": "/", "respond": {"body": ROOT_BODY.decode()}}],
    },
    "hasty": {
        "timeouts": {"header": "150ms", "body": "150ms", "idle": "150ms"},
        "routes": [{"prefix": "/", "respond": {"body": ROOT_BODY.decode()}}],
    },
}


@dataclass(frozen=True)
class Expected:
    """One answer. `fields`: (name, value) pairs it has; `present`: names it has with whatever value;
    `absent`: names it has not."""
    status: int
    body: bytes = None
    fields: tuple = ()
    absent: tuple = ()
    present: tuple = ()
    head: bool = False


@dataclass(frozen=True)
class Case:
    name: str
    send: bytes
    answers: tuple
    open: bool  # whether the connection serves a further request afterwards
    listener: str = "raw"
    detail: str = ""  # part of the last answer's problem document


def root(**more):
    return Expected(200, ROOT_BODY, **more)


def problem(status, **more):
    return Expected(status, None, (("content-type", "application/problem+json"),), **more)


def served(name, send, *answers, **more):
    """Answered, and the connection goes on."""
    return Case(name, send, answers or (root(),), True, **more)


def closed(name, send, *answers, **more):
    """Answered, then closed by the gateway."""
    return Case(name, send, answers or (root(),), False, **more)


def refused(name, send, status=400, before=(), **more):
    """Refused with a problem document, then closed; `before` are answers to earlier requests."""
    return Case(name, send, (*before, problem(status)), False, **more)


def request(line="GET / HTTP/1.1", *fields, host="Host: t", body=b""):
    """A request of lines that are joined with CRLF; a field may be bytes as well."""
    lines = [line, *([host] if host is not None else []), *fields, "", ""]
    return b"\r\n".join(part if isinstance(part, bytes) else part.encode("latin-1") for part in lines) + body


def post(*fields, body=b""):
    return request("POST / HTTP/1.1", *fields, body=body)


def chunked(body, *fields):
    return post("Transfer-Encoding: chunked", *fields, body=body)
