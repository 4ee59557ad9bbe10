#!/usr/bin/env python3
"""POSTs over kept connections: the gateway's HTTP client beside a bare epoll loop, interleaved.

    tests/bench/http/bench_client.py [--rounds 5] [--seconds 2] [--program build/release/tests/bench/client_posts]

Both post 486 bytes to the same nginx (`return 200`), with 32 and 256 requests in flight. What counts is
the program's own CPU per POST. Prints a table and writes build/bench/http_client.json.
"""

import argparse
import json
import pathlib
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
import measure  # noqa: E402


def nginx_config(folder, port):
    path = folder / "nginx.conf"
    path.write_text(f"""\
daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/nginx.err;
events {{ worker_connections 2000; }}
http {{
  keepalive_requests 1000000000;
  access_log off;
  client_body_temp_path {folder}/t1; proxy_temp_path {folder}/t2; fastcgi_temp_path {folder}/t3;
  uwsgi_temp_path {folder}/t4; scgi_temp_path {folder}/t5;
  server {{ listen 127.0.0.1:{port}; location / {{ return 200 "ok"; }} }}
}}
""")
    return path


def post_round(program, port, in_flight, seconds):
    result = {}
    for mode in ("client", "bare"):
        command = [program, mode, str(port), str(in_flight), str(seconds)]
        text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        result[mode] = json.loads(text)
    return result


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=2)
    parser.add_argument("--program", default=str(measure.ROOT / "build/release/tests/bench/client_posts"))
    arguments = parser.parse_args()
    report, rows = [], []
    with tempfile.TemporaryDirectory() as folder:
        port = measure.free_port()
        sink = measure.Server("nginx", ["nginx", "-p", folder, "-c", str(nginx_config(pathlib.Path(folder), port))],
                              port, "nginx")
        try:
            for in_flight in (32, 256):
                post_round(arguments.program, port, in_flight, 0.5)  # warm
                seen = [post_round(arguments.program, port, in_flight, arguments.seconds)
                        for _ in range(arguments.rounds)]
                ratio = measure.ratios(seen, "client", "bare", "cpu_us")
                report.append({"in_flight": in_flight, "rounds": seen, "cpu_us": ratio})
                rows.append([f"{in_flight} in flight", f"{measure.median_of(seen, 'client', 'cpu_us'):.2f}",
                             f"{measure.median_of(seen, 'bare', 'cpu_us'):.2f}",
                             f"{ratio['median']:.2f} ({ratio['min']:.2f}-{ratio['max']:.2f})",
                             f"{max(r['client']['connections'] for r in seen)}"])
        finally:
            sink.stop()
    measure.show("CPU us per POST", ["row", "client", "bare loop", "ratio", "connections opened"], rows)
    measure.write_json(measure.ROOT / "build/bench/http_client.json",
                       {"machine": measure.machine(), "rows": report})


if __name__ == "__main__":
    main()
