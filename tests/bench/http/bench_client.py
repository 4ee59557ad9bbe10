#!/usr/bin/env python3
"""POSTs over kept connections: the gateway's HTTP client, plain and over TLS, beside a bare epoll loop, interleaved.

    tests/bench/http/bench_client.py [--rounds 5] [--seconds 2] [--program build/release/tests/bench/client_posts]

All post 486 bytes to the same nginx (`return 200`), with 32 and 256 requests in flight. What counts is
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


def certificate(folder):
    words = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
             "-subj", "/CN=bench", "-keyout", folder / "key.pem", "-out", folder / "cert.pem"]
    subprocess.run(words, check=True, capture_output=True)


def nginx_config(folder, port, tls_port):
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
  ssl_certificate {folder}/cert.pem; ssl_certificate_key {folder}/key.pem; ssl_protocols TLSv1.3;
  server {{ listen 127.0.0.1:{port}; location / {{ return 200 "ok"; }} }}
  server {{ listen 127.0.0.1:{tls_port} ssl; location / {{ return 200 "ok"; }} }}
}}
""")
    return path


def post_round(program, ports, in_flight, seconds):
    result = {}
    for mode, port in ports.items():
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
        port, tls_port = measure.free_port(), measure.free_port()
        ports = {"client": port, "tls": tls_port, "bare": port}
        certificate(pathlib.Path(folder))
        config = nginx_config(pathlib.Path(folder), port, tls_port)
        sink = measure.Server("nginx", ["nginx", "-p", folder, "-c", str(config)], port, "nginx")
        try:
            for in_flight in (32, 256):
                post_round(arguments.program, ports, in_flight, 0.5)  # warm
                seen = [post_round(arguments.program, ports, in_flight, arguments.seconds)
                        for _ in range(arguments.rounds)]
                ratio = measure.ratios(seen, "client", "bare", "cpu_us")
                tls = measure.ratios(seen, "tls", "client", "cpu_us")
                report.append({"in_flight": in_flight, "rounds": seen, "cpu_us": ratio, "tls_cpu_us": tls})
                rows.append([f"{in_flight} in flight", f"{measure.median_of(seen, 'client', 'cpu_us'):.2f}",
                             f"{measure.median_of(seen, 'bare', 'cpu_us'):.2f}",
                             f"{ratio['median']:.2f} ({ratio['min']:.2f}-{ratio['max']:.2f})",
                             f"{measure.median_of(seen, 'tls', 'cpu_us'):.2f}",
                             f"{tls['median']:.2f} ({tls['min']:.2f}-{tls['max']:.2f})",
                             f"{max(r['client']['connections'] for r in seen)}"])
        finally:
            sink.stop()
    measure.show("CPU us per POST", ["row", "client", "bare loop", "ratio", "over TLS", "to plain", "connections opened"], rows)
    measure.write_json(measure.ROOT / "build/bench/http_client.json",
                       {"machine": measure.machine(), "rows": report})


if __name__ == "__main__":
    main()
