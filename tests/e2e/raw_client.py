"""A client that sends bytes as they are and reads answers more strictly than any browser does."""

import itertools
import json
import re
import socket
from dataclasses import dataclass, field

from gateway_process import PATIENCE_SECONDS

_STATUS_LINE = re.compile(rb"HTTP/1\.1 ([1-5]\d\d) ([ -~]+)")
_FIELD = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+): ?([\t -~\x80-\xff]*)")
_DATE = re.compile(r"(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d (Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|"
                   r"Dec) \d{4} \d\d:\d\d:\d\d GMT")
_IP_BIND_ADDRESS_NO_PORT = 24

# Every loopback address has its own ephemeral ports: thousands of short connections need several.
_sources = itertools.cycle(f"127.0.{third}.{fourth}" for third in range(1, 5) for fourth in range(1, 250))


@dataclass
class Answer:
    status: int
    reason: str
    headers: dict  # names in lower case
    body: bytes = b""
    repeated: set = field(default_factory=set)

    def problem(self):
        """Its problem document (RFC 9457), checked."""
        assert self.headers["content-type"] == "application/problem+json"
        document = json.loads(self.body)
        assert document["status"] == self.status and document["title"] == self.reason
        return document


class Connection:
    """A client's end of one connection."""

    def __init__(self, address, source=None, receive_buffer=None):
        self.socket = socket.socket()
        self.socket.settimeout(PATIENCE_SECONDS)
        if receive_buffer is not None:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.setsockopt(socket.IPPROTO_IP, _IP_BIND_ADDRESS_NO_PORT, 1)
        self.socket.bind((source or next(_sources), 0))
        self.socket.connect(address)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    def reset(self):
        """Closes with RST instead of FIN."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data)
        return self

    def end(self):
        self.socket.shutdown(socket.SHUT_WR)
        return self

    def _more(self):
        data = self.socket.recv(65536)
        self.buffer += data
        return bool(data)

    def _line(self):
        while b"\n" not in self.buffer:
            assert self._more(), f"the connection ended inside a line: {self.buffer[:200]!r}"
        line, self.buffer = self.buffer.split(b"\n", 1)
        assert line.endswith(b"\r"), f"a line ends without CR: {line!r}"
        assert b"\r" not in line[:-1], f"a CR inside a line: {line!r}"
        return line[:-1]

    def _bytes(self, count):
        while len(self.buffer) < count:
            assert self._more(), f"the connection ended {count - len(self.buffer)} bytes early"
        data, self.buffer = self.buffer[:count], self.buffer[count:]
        return data

    def _chunks(self):
        body = b""
        while size := int(self._line(), 16):
            body += self._bytes(size)
            assert self._line() == b""
        while self._line():
            pass
        return body

    def read_head(self):
        line = self._line()
        match = _STATUS_LINE.fullmatch(line)
        assert match, f"not a status line: {line!r}"
        answer = Answer(int(match[1]), match[2].decode(), {})
        while line := self._line():
            match = _FIELD.fullmatch(line)
            assert match, f"not a field: {line!r}"
            name = match[1].decode().lower()
            if name in answer.headers:
                answer.repeated.add(name)
            answer.headers[name] = match[2].decode("latin-1")
        _check_head(answer)
        return answer

    def read_answer(self, head=False):
        """One whole answer; `head`: to a HEAD request, and so without body."""
        answer = self.read_head()
        if head or answer.status < 200 or answer.status in (204, 304):
            return answer
        if "transfer-encoding" in answer.headers:
            answer.body = self._chunks()
        elif "content-length" in answer.headers:
            answer.body = self._bytes(int(answer.headers["content-length"]))
        else:
            answer.body = self.read_rest()
        return answer

    def read_rest(self):
        """Everything up to the peer's FIN."""
        while self._more():
            pass
        data, self.buffer = self.buffer, b""
        return data

    def expect_end(self):
        """The peer closes cleanly, and nothing comes before."""
        rest = self.read_rest()
        assert rest == b"", f"bytes behind the last answer: {rest[:300]!r}"

    def get(self, path="/", fields=""):
        self.send(f"GET {path} HTTP/1.1\r\nHost: t\r\n{fields}\r\n".encode("latin-1"))
        return self.read_answer()


def _check_head(answer):
    """What holds for every answer, whoever made it."""
    headers = answer.headers
    assert not answer.repeated & {"content-length", "transfer-encoding", "connection", "date"}
    assert not {"content-length", "transfer-encoding"} <= headers.keys()
    if answer.status >= 200:  # RFC 9110 6.6.1
        assert _DATE.fullmatch(headers.get("date", "")), f"a bad Date or none: {answer}"
    if answer.status < 200 or answer.status == 204:  # RFC 9110 8.6
        assert "content-length" not in headers and "transfer-encoding" not in headers


def gone(connection):
    """Waits for the connection's end, clean or reset; True when nothing was sent before."""
    try:
        return connection.read_rest() == b""
    except ConnectionResetError:
        return connection.buffer == b""
