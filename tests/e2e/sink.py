"""A receiver of webhooks as a process of its own, with manners good and bad.

usage: sink.py RECEIVED_FILE [PORT]

Prints the port it listens on (loopback; one the system chose unless PORT is given). Each request it takes is one JSON line in RECEIVED_FILE:
{"path", "headers", "body", "answer"}. How it answers is set by PUT /_mode with a body of words:

  ok [STATUS]          answer STATUS (200)
  status STATUS [AFTER]  answer it, with "Retry-After: AFTER" when given
  slow SECONDS         answer 200 after that long
  hang                 never answer
  reset                close with a reset
  close                close without an answer
  garbage              answer what is no HTTP

A path /fail/... is answered 500 whatever the mode. GET /_count tells how many it took.
"""

import asyncio
import json
import socket
import struct
import subprocess
import sys
import urllib.request
from pathlib import Path


class Mode:
    words = ["ok"]


class SinkProtocol(asyncio.Protocol):
    received = None
    taken = 0

    def connection_made(self, transport):
        self.transport = transport
        self.buffer = bytearray()

    def data_received(self, data):
        self.buffer += data
        while self.take_request():
            pass

    def take_request(self):
        end = self.buffer.find(b"\r\n\r\n")
        if end < 0:
            return False
        lines = self.buffer[:end].decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, value in (line.split(":", 1) for line in lines[1:])}
        total = end + 4 + int(headers.get("content-length", 0))
        if len(self.buffer) < total:
            return False
        body = bytes(self.buffer[end + 4:total]).decode("utf-8")
        del self.buffer[:total]
        method, path, _ = lines[0].split(" ")
        self.serve(method, path, headers, body)
        return True

    def serve(self, method, path, headers, body):
        if path == "/_mode":
            Mode.words = body.split()
            return self.answer(204)
        if path == "/_count":
            return self.answer(200, str(SinkProtocol.taken))
        words = ["status", "500"] if path.startswith("/fail/") else Mode.words
        SinkProtocol.taken += 1
        line = {"method": method, "path": path, "headers": headers, "body": body, "answer": " ".join(words)}
        SinkProtocol.received.write(json.dumps(line) + "\n")
        SinkProtocol.received.flush()
        getattr(self, "do_" + words[0])(*words[1:])

    def do_ok(self, status="200"):
        self.answer(int(status))

    def do_status(self, status, after=None):
        self.answer(int(status), fields=[f"Retry-After: {after}"] if after else [])

    def do_slow(self, seconds):
        asyncio.get_running_loop().call_later(float(seconds), self.answer, 200)

    def do_hang(self):
        pass

    def do_reset(self):
        linger = struct.pack("ii", 1, 0)
        self.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self.transport.abort()

    def do_close(self):
        self.transport.close()

    def do_garbage(self):
        self.transport.write(b"220 mail.example ESMTP\r\n\r\n")
        self.transport.close()

    def answer(self, status, body="", fields=()):
        if self.transport.is_closing():
            return
        if status == 204:
            self.transport.write(b"HTTP/1.1 204 No Content\r\n\r\n")
            return
        lines = [f"HTTP/1.1 {status} Whatever", f"Content-Length: {len(body)}", *fields, "", body]
        self.transport.write("\r\n".join(lines).encode())


async def serve(path, port=0):
    # Line by line, so that a reader sees what was taken and a kill loses nothing.
    SinkProtocol.received = open(path, "a", encoding="utf-8")
    server = await asyncio.get_running_loop().create_server(SinkProtocol, "127.0.0.1", port, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


class Sink:
    """A sink.py in a child process, as tests use it."""

    def __init__(self, folder):
        self.path = Path(folder) / "received.jsonl"
        self.port = 0
        self.start()

    def start(self):
        """Listens, after stop() again where it did before; what it took before stays."""
        command = [sys.executable, __file__, self.path, str(self.port)]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        self.port = int(self.process.stdout.readline())

    def url(self, path="/hook"):
        return f"http://127.0.0.1:{self.port}{path}"

    def mode(self, *words):
        request = urllib.request.Request(self.url("/_mode"), " ".join(words).encode(), method="PUT")
        urllib.request.urlopen(request, timeout=10).close()

    def received(self):
        """Every request it took so far, in order."""
        if not self.path.exists():
            return []
        text = self.path.read_text(encoding="utf-8")
        return [json.loads(line) for line in text[:text.rfind("\n") + 1].splitlines()]

    def titles(self):
        """Of the notifications it took, in order and with repetitions."""
        return [json.loads(request["body"])["title"] for request in self.received()]

    def count(self):
        with urllib.request.urlopen(self.url("/_count"), timeout=10) as answer:
            return int(answer.read())

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
        self.process.wait(10)
        self.process.stdout.close()


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1], *map(int, sys.argv[2:])))
