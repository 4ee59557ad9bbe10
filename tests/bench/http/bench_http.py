#!/usr/bin/env python3
"""A fixed answer over HTTP/1.1: Tocsin beside nginx's `return 200`, interleaved.

    tests/bench/http/bench_http.py [--rounds 5] [--seconds 4] [--binary build/release/tocsin]

Rows: 32 and 256 kept connections, bare and with request id and access log on both sides; memory with
10,000 idle connections; start to ready; allocations per request in the steady state. Prints tables and
writes build/bench/http.json. Load comes from wrk on the same machine, so CPU per request leads.
"""

import argparse
import contextlib
import os
import pathlib
import resource
import socket
import statistics
import struct
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
import measure  # noqa: E402

BODY = "hello, world\n"
IDLE_CONNECTIONS = 10_000


def tocsin_config(folder, workers):
    bare, logged, admin = measure.free_port(), measure.free_port(), measure.free_port()
    path = folder / f"tocsin-{workers}.yaml"
    path.write_text(f"""\
gateway: {{workers: {workers}, log: {{output: {folder}/tocsin.log}}}}
admin: {{address: "127.0.0.1:{admin}"}}
listeners:
  bare:
    address: "127.0.0.1:{bare}"
    limits: {{requests_per_connection_max: unlimited}}
    routes: [{{prefix: /, respond: {{body: "{BODY.strip()}\\n"}}}}]
  logged:
    address: "127.0.0.1:{logged}"
    limits: {{requests_per_connection_max: unlimited}}
    filters: [request_id, {{type: access_log, format: combined, path: {folder}/tocsin-access.log}}]
    routes: [{{prefix: /, respond: {{body: "{BODY.strip()}\\n"}}}}]
""")
    return path, {"bare": bare, "logged": logged}


def nginx_config(folder, workers):
    bare, logged = measure.free_port(), measure.free_port()
    path = folder / f"nginx-{workers}.conf"
    body = BODY.replace("\n", "\\n")
    path.write_text(f"""\
daemon off;
worker_processes {workers};
worker_rlimit_nofile 20000;
pid {folder}/nginx-{workers}.pid;
error_log {folder}/nginx.err;
events {{ worker_connections 12000; }}
http {{
  keepalive_requests 1000000000;
  default_type text/plain;
  client_body_temp_path {folder}/t1; proxy_temp_path {folder}/t2; fastcgi_temp_path {folder}/t3;
  uwsgi_temp_path {folder}/t4; scgi_temp_path {folder}/t5;
  server {{ listen 127.0.0.1:{bare} reuseport; access_log off; location / {{ return 200 "{body}"; }} }}
  server {{
    listen 127.0.0.1:{logged} reuseport;
    access_log {folder}/nginx-access.log combined buffer=32k flush=1s;
    add_header X-Request-Id $request_id;
    location / {{ return 200 "{body}"; }}
  }}
}}
""")
    return path, {"bare": bare, "logged": logged}


class Contestants:
    """Both servers, up for the length of a with block."""

    def __init__(self, binary, folder, workers, env=None):
        self.stack = contextlib.ExitStack()
        config, self.tocsin_ports = tocsin_config(folder, workers)
        version = subprocess.run([binary, "version"], capture_output=True, text=True, check=True).stdout
        self.tocsin = measure.Server("tocsin", [binary, "run", "-c", str(config)],
                                     self.tocsin_ports["bare"], version.splitlines()[0], env)
        self.stack.callback(self.tocsin.stop)
        config, self.nginx_ports = nginx_config(folder, workers)
        version = subprocess.run(["nginx", "-v"], capture_output=True, text=True, check=True).stderr.strip()
        self.nginx = measure.Server("nginx", ["nginx", "-p", str(folder), "-c", str(config)],
                                    self.nginx_ports["bare"], version)
        self.stack.callback(self.nginx.stop)

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.stack.close()

    def each(self, kind):
        return [(self.tocsin, self.tocsin_ports[kind]), (self.nginx, self.nginx_ports[kind])]


def load_round(contestants, kind, connections, seconds):
    result = {}
    for server, port in contestants.each(kind):
        before = server.cpu_ns()
        seen = measure.wrk(f"http://127.0.0.1:{port}/", connections, seconds)
        seen["cpu_us"] = (server.cpu_ns() - before) / 1000 / seen["requests"]
        result[server.name] = seen
    return result


def bench_load(contestants, rounds, seconds):
    report, rows = [], []
    for kind in ("bare", "logged"):
        for connections in (32, 256):
            load_round(contestants, kind, connections, 1)  # warm
            seen = [load_round(contestants, kind, connections, seconds) for _ in range(rounds)]
            row = {"kind": kind, "connections": connections, "rounds": seen}
            for figure in ("cpu_us", "p50_ms", "p99_ms", "per_second"):
                row[figure] = measure.ratios(seen, "tocsin", "nginx", figure)
            report.append(row)
            ratio = row["cpu_us"]
            rows.append([
                f"{kind}, {connections} connections",
                f"{measure.median_of(seen, 'tocsin', 'cpu_us'):.2f}",
                f"{measure.median_of(seen, 'nginx', 'cpu_us'):.2f}",
                f"{ratio['median']:.2f} ({ratio['min']:.2f}-{ratio['max']:.2f})",
                f"{row['p50_ms']['median']:.2f}", f"{row['p99_ms']['median']:.2f}",
                f"{row['per_second']['median']:.2f}",
            ])
    measure.show("fixed answer, 1 worker each: CPU us per request, and ratios tocsin/nginx",
                 ["row", "tocsin", "nginx", "CPU ratio", "p50", "p99", "requests/s"], rows)
    return report


def hold_idle(port, count):
    """Opens connections that have each served one request and stay open."""
    held = []
    for _ in range(count):
        client = socket.create_connection(("127.0.0.1", port))
        client.sendall(b"GET / HTTP/1.1\r\nHost: bench\r\n\r\n")
        held.append(client)
    for client in held:
        answer = b""
        while BODY.encode() not in answer:
            answer += client.recv(4096)
    return held


def bench_idle(contestants):
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    report = {}
    for server, port in contestants.each("bare"):
        before = server.pss_bytes()
        held = hold_idle(port, IDLE_CONNECTIONS)
        time.sleep(0.5)
        report[server.name] = {"pss_before": before, "pss_idle": server.pss_bytes()}
        for client in held:
            client.close()
    ours, theirs = report["tocsin"]["pss_idle"], report["nginx"]["pss_idle"]
    report["ratio"] = ours / theirs
    measure.show(f"memory with {IDLE_CONNECTIONS} idle connections, PSS in MiB",
                 ["row", "tocsin", "nginx", "ratio"],
                 [["idle", f"{ours / 2**20:.1f}", f"{theirs / 2**20:.1f}", f"{ours / theirs:.2f}"]])
    return report


def bench_start(binary, folder, runs):
    times = []
    for _ in range(runs):
        config, ports = tocsin_config(folder, 2)
        began = time.monotonic()
        server = measure.Server("tocsin", [binary, "run", "-c", str(config)], ports["bare"], "")
        times.append((time.monotonic() - began) * 1000)
        server.stop()
    report = {"median_ms": statistics.median(times), "max_ms": max(times), "runs": runs}
    measure.show("start: from exec until a connection is accepted, 2 workers", ["row", "median ms", "max ms"],
                 [["start", f"{report['median_ms']:.1f}", f"{report['max_ms']:.1f}"]])
    return report


def count_allocations(binary, folder, kind, requests):
    library, counter = folder / "count_mallocs.so", folder / f"mallocs-{kind}"
    source = pathlib.Path(__file__).resolve().parents[1] / "count_mallocs.c"
    subprocess.run(["cc", "-O2", "-shared", "-fPIC", "-o", library, source], check=True)
    config, ports = tocsin_config(folder, 1)
    server = measure.Server("tocsin", [binary, "run", "-c", str(config)], ports["bare"], "",
                            {"LD_PRELOAD": str(library), "TOCSIN_BENCH_COUNTER": str(counter)})
    try:
        with socket.create_connection(("127.0.0.1", ports[kind])) as client:
            def ask(times):
                for _ in range(times):
                    client.sendall(b"GET / HTTP/1.1\r\nHost: bench\r\nUser-Agent: bench\r\n\r\n")
                    answer = b""
                    while BODY.encode() not in answer:
                        answer += client.recv(4096)
                return struct.unpack("Q", counter.read_bytes())[0]
            warm = ask(1000)
            return (ask(requests) - warm) / requests
    finally:
        server.stop()


def bench_allocations(binary, folder):
    report = {kind: count_allocations(binary, folder, kind, 10_000) for kind in ("bare", "logged")}
    measure.show("allocations per request in the steady state, one connection", ["row", "mallocs"],
                 [[kind, f"{value:.4f}"] for kind, value in report.items()])
    return report


def main():
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--seconds", type=int, default=4)
    options.add_argument("--binary", default=str(measure.ROOT / "build/release/tocsin"))
    options.add_argument("--json", type=pathlib.Path, default=measure.ROOT / "build/bench/http.json")
    arguments = options.parse_args()
    with tempfile.TemporaryDirectory(prefix="tocsin-bench-") as name:
        folder = pathlib.Path(name)
        os.chmod(folder, 0o755)
        with Contestants(arguments.binary, folder, 1) as contestants:
            document = {
                "machine": measure.machine(),
                "versions": [contestants.tocsin.version, contestants.nginx.version],
                "load": bench_load(contestants, arguments.rounds, arguments.seconds),
                "idle": bench_idle(contestants),
            }
        document["start"] = bench_start(arguments.binary, folder, 20)
        document["allocations"] = bench_allocations(arguments.binary, folder)
        measure.write_json(arguments.json, document)


if __name__ == "__main__":
    main()
