#!/usr/bin/env python3
"""Mails a second and CPU per mail, beside a plain libcurl loop that sends the same mail.

    tests/bench/smtp/bench_smtp.py [--rounds 5] [--mails 4000] [--binary build/release/tocsin]

    smtp      a backlog of notifications through output/smtp: claimed, rendered, sent over 4 connections, settled
    null      the same backlog to output/null: what is left when no mail is sent
    libcurl   curl_mails.cc, the same mail over 4 connections and nothing else

The server is Postfix's smtp-sink, which takes mails and forgets them. CPU is all of the process per mail; what a mail
costs the gateway is the difference of its first two rows. Prints a table and writes build/bench/smtp.json. Needs
ninja -C build/release tocsin curl_mails and the plugins.
"""

import argparse
import contextlib
import http.client
import json
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
import gateway_load  # noqa: E402
import measure  # noqa: E402

CONNECTIONS = 4
DELIVERED = "tocsin_deliveries_total:delivered"
TEXT = "x" * 330
MAIL = f"""Date: Thu, 01 Jan 2026 00:00:00 +0000
From: alerts@example.com
To: ops@example.net
Subject: Order paid
Message-ID: <dlv_01@example.com>
Auto-Submitted: auto-generated
MIME-Version: 1.0
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: quoted-printable

{TEXT[:75]}=
{TEXT[75:150]}=
{TEXT[150:225]}=
{TEXT[225:300]}=
{TEXT[300:]}
""".replace("\n", "\r\n")


def sink():
    program = shutil.which("smtp-sink") or "/usr/sbin/smtp-sink"
    port = measure.free_port()
    return measure.Server("smtp-sink", [program, f"127.0.0.1:{port}", "1000"], port, "")


def admin(server, path, method="POST"):
    client = http.client.HTTPConnection("127.0.0.1", server.admin, timeout=30)
    client.request(method, path)
    answer = client.getresponse()
    text = answer.read().decode()
    client.close()
    if answer.status >= 300:
        raise RuntimeError(f"{method} {path}: {answer.status} {text}")


def fill(server, mails):
    client = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    for first in range(0, mails, 500):
        batch = [{"topic": "orders.paid", "level": "info", "title": "Order paid", "body": TEXT}] * \
            min(500, mails - first)
        client.request("POST", "/v1/notifications/batch", json.dumps(batch), {"Content-Type": "application/json"})
        answer = client.getresponse()
        answer.read()
        if answer.status != 202:
            raise RuntimeError(f"a batch was answered {answer.status}")
    client.close()


def drain(server, mails):
    """A backlog that waits for a paused output, from its resume until the last one is settled."""
    admin(server, "/v1/outputs/out/pause")
    fill(server, mails)
    before, cpu, begun = gateway_load.metrics(server)[DELIVERED], server.cpu_ns(), time.monotonic()
    admin(server, "/v1/outputs/out/resume")
    while (delivered := gateway_load.metrics(server)[DELIVERED] - before) < mails:
        if time.monotonic() - begun > 300:
            raise RuntimeError(f"{server.name} delivered {delivered} of {mails}")
        time.sleep(0.05)
    seconds = time.monotonic() - begun
    return {"mails_per_second": mails / seconds, "cpu_us": (server.cpu_ns() - cpu) / 1000 / mails}


def plain(port, mails, mail):
    done = subprocess.run([gateway_load.PROGRAMS / "curl_mails", f"smtp://127.0.0.1:{port}", str(mails),
                           str(CONNECTIONS), mail], capture_output=True, text=True, check=True)
    seen = json.loads(done.stdout)
    return {"mails_per_second": mails / seen["seconds"], "cpu_us": seen["cpu_us"]}


def run(arguments, folder):
    mail = folder / "mail"
    mail.write_text(MAIL, encoding="ascii", newline="")
    with contextlib.ExitStack() as stack:
        server = sink()
        stack.callback(server.stop)
        output = f'{{type: smtp, url: "smtp://127.0.0.1:{server.port}", from: alerts@example.com, ' \
                 f'to: ops@example.net, connections: {CONNECTIONS}, delivery: {{concurrency: 64}}}}'
        smtp = gateway_load.gateway(arguments.binary, folder, "smtp", output)
        stack.callback(smtp.stop)
        null = gateway_load.gateway(arguments.binary, folder, "null", "{type: 'null'}")
        stack.callback(null.stop)
        drain(smtp, 500)
        drain(null, 500)
        return [{"smtp": drain(smtp, arguments.mails), "null": drain(null, arguments.mails),
                 "libcurl": plain(server.port, arguments.mails, mail)} for _ in range(arguments.rounds)]


def main():
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--mails", type=int, default=4000)
    options.add_argument("--binary", default=str(measure.ROOT / "build/release/tocsin"))
    options.add_argument("--json", type=pathlib.Path, default=measure.ROOT / "build/bench/smtp.json")
    arguments = options.parse_args()
    with tempfile.TemporaryDirectory(prefix="tocsin-bench-") as name:
        rounds = run(arguments, pathlib.Path(name))
    rows = []
    for name in ("smtp", "null", "libcurl"):
        cpu = [r[name]["cpu_us"] for r in rounds]
        rows.append([name, f"{measure.median_of(rounds, name, 'mails_per_second'):.0f}",
                     f"{statistics.median(cpu):.1f} ({min(cpu):.1f}-{max(cpu):.1f})"])
    measure.show(f"{arguments.mails} mails over {CONNECTIONS} connections, medians of {arguments.rounds} rounds",
                 ["row", "mails/s", "CPU us"], rows)
    for each in rounds:
        each["mail_alone"] = {"cpu_us": each["smtp"]["cpu_us"] - each["null"]["cpu_us"]}
    ratio = measure.ratios(rounds, "mail_alone", "libcurl", "cpu_us")
    print(f"\n  what a mail adds to a delivery, of a mail in the plain loop: {gateway_load.spread(ratio)}")
    measure.write_json(arguments.json, {"machine": measure.machine(), "rounds": rounds, "ratio": ratio})


if __name__ == "__main__":
    main()
