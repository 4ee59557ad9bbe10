#!/usr/bin/env python3
"""Notifications through: HTTP in, durable, HTTP out, settled.

    tests/bench/deliver/bench_deliver.py [--rounds 5] [--seconds 4] [--binary build/release/tocsin]

    settled   as many as 32 and 256 connections bring, to nginx answering 204, until the last one is
              settled; CPU is all of the gateway's per delivered notification. Beside it the same
              into output/null: what is left when nobody is called
    latency   1,000 a second to a sink that reads the stamp in each notification; beside it the
              answers of minimal_ingest at the same rate, which is one commit

One worker, loader, gateway and sink on one machine. Prints tables and writes build/bench/deliver.json.
Needs ninja -C build/release tocsin minimal_ingest post_load stamp_sink and the plugins.
"""

import argparse
import contextlib
import http.client
import json
import pathlib
import statistics
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
import gateway_load  # noqa: E402
import measure  # noqa: E402

RATE = 1000
DELIVERED = "tocsin_deliveries_total:delivered"


def nginx_sink(folder):
    port = measure.free_port()
    config = folder / "sink.conf"
    config.write_text(f"""\
daemon off;
worker_processes 1;
pid {folder}/sink.pid;
error_log {folder}/sink.err;
events {{ worker_connections 4000; }}
http {{
  keepalive_requests 1000000000;
  access_log off;
  client_body_temp_path {folder}/t1; proxy_temp_path {folder}/t2; fastcgi_temp_path {folder}/t3;
  uwsgi_temp_path {folder}/t4; scgi_temp_path {folder}/t5;
  server {{ listen 127.0.0.1:{port}; location / {{ return 204; }} }}
}}
""")
    return measure.Server("sink", ["nginx", "-p", str(folder), "-c", str(config)], port, "")


def webhook(port):
    return f'{{type: webhook, url: "http://127.0.0.1:{port}/hook", delivery: {{concurrency: 64}}}}'


def run_until_settled(server, body, connections, seconds):
    """Load, and then the wait for what it left; CPU and rate count both."""
    before, cpu, begun = gateway_load.metrics(server)[DELIVERED], server.cpu_ns(), time.monotonic()
    seen = gateway_load.post(server, body, connections, seconds)
    while (delivered := gateway_load.metrics(server)[DELIVERED] - before) < seen["requests"]:
        if time.monotonic() - begun > seconds + 120:
            raise RuntimeError(f"{server.name} delivered {delivered} of {seen['requests']}")
        time.sleep(0.05)
    seen["cpu_us"] = (server.cpu_ns() - cpu) / 1000 / delivered
    seen["settled_per_second"] = delivered / (time.monotonic() - begun)
    seen["pss"] = server.pss_bytes()
    return seen


def bench_settled(binary, folder, arguments):
    body, report, rows = gateway_load.body_file(folder), [], []
    for connections in (32, 256):
        with contextlib.ExitStack() as stack:
            sink = nginx_sink(folder)
            stack.callback(sink.stop)
            http_out = gateway_load.gateway(binary, folder, f"webhook-{connections}", webhook(sink.port))
            stack.callback(http_out.stop)
            null = gateway_load.gateway(binary, folder, f"null-{connections}", "{type: 'null'}")
            stack.callback(null.stop)
            for server in (http_out, null):
                run_until_settled(server, body, connections, 1)
            rounds = [{"webhook": run_until_settled(http_out, body, connections, arguments.seconds),
                       "null": run_until_settled(null, body, connections, arguments.seconds)}
                      for _ in range(arguments.rounds)]
        report.append({"connections": connections, "rounds": rounds})
        for name in ("webhook", "null"):
            cpu = [r[name]["cpu_us"] for r in rounds]
            rows.append([f"{connections} connections, {name}",
                         f"{statistics.median(cpu):.1f} ({min(cpu):.1f}-{max(cpu):.1f})",
                         f"{measure.median_of(rounds, name, 'settled_per_second'):.0f}",
                         f"{measure.median_of(rounds, name, 'per_second'):.0f}",
                         f"{max(r[name]['pss'] for r in rounds) / 2**20:.1f}"])
    measure.show("accepted, delivered and settled, 1 worker",
                 ["row", "CPU us", "settled/s", "accepted/s", "PSS MiB"], rows)
    return report


def sink_report(port):
    client = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    client.request("GET", "/")
    report = json.loads(client.getresponse().read())
    client.close()
    return report


def bench_latency(binary, folder, arguments):
    body = gateway_load.body_file(folder)
    load = ("--rate", str(RATE))
    with contextlib.ExitStack() as stack:
        port = measure.free_port()
        sink = measure.Server("stamp_sink", [gateway_load.PROGRAMS / "stamp_sink", str(port)], port, "")
        stack.callback(sink.stop)
        tocsin = gateway_load.gateway(binary, folder, "latency", webhook(port))
        stack.callback(tocsin.stop)
        port = measure.free_port()
        command = [gateway_load.PROGRAMS / "minimal_ingest", str(port), folder / "latency.db"]
        commit = measure.Server("minimal", command, port, "")
        stack.callback(commit.stop)

        def round_of(seconds):
            accepted = gateway_load.post(tocsin, body, 64, seconds, *load)
            time.sleep(0.3)
            return {"accepted": accepted, "at_sink": sink_report(sink.port),
                    "commit": gateway_load.post(commit, body, 64, seconds, *load)}
        round_of(1)
        rounds = [round_of(arguments.seconds) for _ in range(arguments.rounds)]
    rows = [[name, *(f"{measure.median_of(rounds, key, figure):.2f}"
                     for figure in ("p50_ms", "p99_ms", "p999_ms", "max_ms"))]
            for name, key in (("posted to at the sink", "at_sink"), ("posted to 202", "accepted"),
                              ("minimal loop: posted to 202", "commit"))]
    measure.show(f"latency at {RATE} a second, ms, medians of the rounds",
                 ["row", "p50", "p99", "p99.9", "max"], rows)
    return rounds


def main():
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--seconds", type=float, default=4)
    options.add_argument("--binary", default=str(measure.ROOT / "build/release/tocsin"))
    options.add_argument("--json", type=pathlib.Path, default=measure.ROOT / "build/bench/deliver.json")
    arguments = options.parse_args()
    with tempfile.TemporaryDirectory(prefix="tocsin-bench-") as name:
        folder = pathlib.Path(name)
        folder.chmod(0o755)
        document = {"machine": measure.machine(), "body_bytes": len(gateway_load.BODY),
                    "settled": bench_settled(arguments.binary, folder, arguments),
                    "latency": bench_latency(arguments.binary, folder, arguments)}
        measure.write_json(arguments.json, document)


if __name__ == "__main__":
    main()
