"""What the ingest and deliver benches share: gateways that take notifications, and load for them."""

import http.client
import json
import pathlib
import re
import subprocess

import measure

PROGRAMS = measure.ROOT / "build/release/tests/bench"
# 470 bytes, so that a row with its keys has about 600. The mark becomes the time of sending.
BODY = ('{"topic":"orders.paid","level":"info","title":"Order paid","body":"' + "x" * 330 +
        '","labels":{"team":"payments","region":"eu-west-1"},"external_id":"STAMP_STAMP_STAMP_20"}')
# Its lane holds four deliveries that never end; all others wait in the store.
HELD = "{type: flaky, script: [hang], delivery: {concurrency: 1, timeout: 10m}}"


ROUTES = """\
  - {match: {topic: "alerts.**"}, outputs: [out]}
  - {outputs: [out]}
"""


def gateway(binary, folder, name, output, workers=1, more_outputs="", routes=ROUTES):
    """A gateway with a store of its own; `output` is what all notifications go to, unless `routes` say
    otherwise. The texts are YAML, a line each, indented by two."""
    public, admin = measure.free_port(), measure.free_port()
    store = folder / name
    store.mkdir()
    config = folder / f"{name}.yaml"
    config.write_text(f"""\
gateway: {{workers: {workers}, log: {{output: {folder}/{name}.log}}}}
admin: {{address: "127.0.0.1:{admin}"}}
listeners:
  public:
    address: "127.0.0.1:{public}"
    limits: {{requests_per_connection_max: unlimited}}
    routes: [{{prefix: /v1/, plugin: api}}]
inputs: {{api: {{type: http}}}}
filters: [{{type: level, min: info}}]
outputs:
  out: {output}
{more_outputs}routes:
{routes}storage: {{type: sqlite, path: {store}/outbox.db}}
""")
    version = subprocess.run([binary, "version"], capture_output=True, text=True, check=True).stdout
    server = measure.Server(name, [binary, "run", "-c", str(config)], public, version.splitlines()[0])
    server.admin = admin
    return server


def metrics(server):
    """Sums of the gateway's metrics by name, whatever their labels; outcomes by NAME{result}."""
    client = http.client.HTTPConnection("127.0.0.1", server.admin, timeout=10)
    client.request("GET", "/metrics")
    text = client.getresponse().read().decode()
    client.close()
    found = {}
    for name, labels, value in re.findall(r"^(tocsin_\w+)(?:\{(.*?)\})? (\S+)$", text, re.M):
        found[name] = found.get(name, 0.0) + float(value)
        for label in re.findall(r'(?:state|outcome|verdict|result)="(\w+)"', labels):
            key = f"{name}:{label}"
            found[key] = found.get(key, 0.0) + float(value)
    return found


def buckets(server, name):
    """A histogram's cumulative counts by upper bound, as text."""
    client = http.client.HTTPConnection("127.0.0.1", server.admin, timeout=10)
    client.request("GET", "/metrics")
    text = client.getresponse().read().decode()
    client.close()
    return {bound: float(count) for bound, count in re.findall(rf'^{name}_bucket{{le="(.*?)"}} (\S+)$', text, re.M)}


def rss_bytes(server):
    """What of its memory is in RAM, shared libraries included."""
    text = pathlib.Path(f"/proc/{server.process.pid}/status").read_text(encoding="ascii")
    return int(re.search(r"^VmRSS:\s+(\d+) kB$", text, re.M)[1]) * 1024


def body_file(folder, count=1):
    """One notification, or lines of them."""
    path = folder / f"body-{count}"
    path.write_text(BODY if count == 1 else (BODY.replace("STAMP_STAMP_STAMP_20", "batch") + "\n") * count)
    return path


def post(server, body, connections, seconds, *options):
    """Runs post_load against `server`; its answer with the server's CPU per request."""
    command = [PROGRAMS / "post_load", "--port", str(server.port), "--body", body,
               "--connections", str(connections), "--seconds", str(seconds), *options]
    before = server.cpu_ns()
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"load on {server.name}: {done.stderr}")
    seen = json.loads(done.stdout)
    seen["cpu_us"] = (server.cpu_ns() - before) / 1000 / seen["requests"]
    return seen


def spread(ratio):
    return f"{ratio['median']:.2f} ({ratio['min']:.2f}-{ratio['max']:.2f})"
