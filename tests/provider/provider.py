#!/usr/bin/env python3
"""A provider of messages as a process of its own, with manners good and bad.

usage: provider.py [--port N] [--record FILE]

Prints the port it listens on (loopback; one the system chose unless --port says so). behaviour.py says how it can
answer, ledger.py what it counts. Each first segment of a path has a plan and a ledger of its own once a plan is set
for it; all others share those of "".

  PUT /_plan/SEGMENT     a plan as JSON; its ledger begins anew. "/_plan/" is that of all others
  PUT /_mode             words of one behaviour, for "" from now on; its ledger goes on
  GET /_report/SEGMENT   what happened, as JSON; a body {"SERIES": COUNT} names what should have come
  GET /_count            requests taken so far, all together

Requests under /fail/ are answered 500 whatever the plan. With --record each request it took is one JSON line in
FILE: {"method", "path", "headers", "body", "answer"}. A delivery is known by its Idempotency-Key field, else by
"delivery_id" in its JSON body.
"""

import argparse
import asyncio
import json
import socket
import struct

import behaviour
from ledger import Ledger

FAIL = ["status", "500"]


class Provider:
    def __init__(self, record=None):
        # Line by line, so that a reader sees what was taken and a kill loses nothing.
        self.record = open(record, "a", encoding="utf-8", buffering=1) if record else None
        self.plans = {"": (behaviour.Plan(), Ledger())}
        self.taken = 0

    def set_plan(self, segment, settings):
        self.plans[segment] = (behaviour.Plan(settings), Ledger())

    def set_mode(self, words):
        self.plans[""][0].steps = [behaviour.parse(words)]

    def of(self, path):
        return self.plans.get(path.split("/", 2)[1].partition("?")[0], self.plans[""])


class Connection(asyncio.Protocol):
    def __init__(self, provider):
        self.provider = provider
        self.buffer = bytearray()
        self.hanging = []  # ledgers of requests that are never answered
        self.clock = asyncio.get_running_loop().time

    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        self.buffer += data
        while self.take_request():
            pass

    def connection_lost(self, error):
        for ledger in self.hanging:
            ledger.answered()

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
        if path.startswith("/_"):
            self.control(path[2:], body)
        else:
            self.serve(method, path, headers, body)
        return True

    # --- what is asked of the simulator itself ----------------------------------------------------

    def control(self, words, body):
        what, _, segment = words.partition("/")
        try:
            if what == "plan":
                self.provider.set_plan(segment, json.loads(body))
                return self.write_answer(204)
            if what == "mode":
                self.provider.set_mode(body)
                return self.write_answer(204)
            if what == "report":
                ledger = self.provider.plans[segment][1]
                return self.write_answer(200, json.dumps(ledger.report(json.loads(body or "null"))))
            if what == "count":
                return self.write_answer(200, str(self.provider.taken))
        except (ValueError, TypeError, KeyError) as error:
            return self.write_answer(400, f"{type(error).__name__}: {error}")
        return self.write_answer(404)

    # --- messages ---------------------------------------------------------------------------------

    def serve(self, method, path, headers, body):
        plan, ledger = self.provider.of(path)
        message = self.message_of(body)
        delivery_id = headers.get("idempotency-key") or message.get("delivery_id") or ""
        number = ledger.arrived(delivery_id, self.clock())
        words = FAIL if path.startswith("/fail/") else plan.pick(delivery_id, number)
        if plan.idempotent and ledger.accepted_of[delivery_id]:
            words = behaviour.OK
        elif behaviour.accepts(words):
            ledger.accepted(delivery_id, message)
        ledger.answers[" ".join(words)] += 1
        self.provider.taken += 1
        if self.provider.record:
            line = {"method": method, "path": path, "headers": headers, "body": body, "answer": " ".join(words)}
            self.provider.record.write(json.dumps(line) + "\n")
        self.carry_out(words, ledger)

    @staticmethod
    def message_of(body):
        try:
            message = json.loads(body)
        except ValueError:
            return {}
        return message if isinstance(message, dict) else {}

    def carry_out(self, words, ledger):
        name, arguments = words[0].removeprefix("ok-"), words[1:]
        if name == "slow":
            asyncio.get_running_loop().call_later(float(arguments[0]), self.answer, ledger, 200)
        elif name == "ok":
            self.answer(ledger, *map(int, arguments or ["200"]))
        elif name == "status":
            after = arguments[1] if len(arguments) > 1 else None
            if after is not None:
                ledger.told_to_wait(self.clock() + float(after))
            self.answer(ledger, int(arguments[0]), after)
        elif name == "hang":
            self.hanging.append(ledger)
        else:
            ledger.answered()
            getattr(self, "end_by_" + name)()

    def answer(self, ledger, status, after=None):
        ledger.answered()
        self.write_answer(status, fields=[f"Retry-After: {after}"] if after is not None else [])

    def end_by_reset(self):
        linger = struct.pack("ii", 1, 0)
        self.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self.transport.abort()

    def end_by_close(self):
        self.transport.close()

    def end_by_garbage(self):
        self.transport.write(b"220 mail.example ESMTP\r\n\r\n")
        self.transport.close()

    def write_answer(self, status, body="", fields=()):
        if self.transport.is_closing():
            return
        if status == 204:
            self.transport.write(b"HTTP/1.1 204 No Content\r\n\r\n")
            return
        payload = body.encode()
        head = "\r\n".join([f"HTTP/1.1 {status} Whatever", f"Content-Length: {len(payload)}", *fields, "", ""])
        self.transport.write(head.encode() + payload)


async def serve(port, record):
    provider = Provider(record)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(provider), "127.0.0.1", port, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--record")
    options = parser.parse_args()
    asyncio.run(serve(options.port, options.record))
