#!/usr/bin/env python3
"""What a message costs when there is more of everything else.

    tests/bench/growth/bench_growth.py [--rows connections outputs routes backlog] [--backlog 1000000]

    connections   32 that send, and up to 10,000 that are open and idle
    sending       connections that all send, 32 to 512
    outputs       up to 10,000 configured, of which one is sent to
    routes        up to 10,000, of which the last takes it
    backlog       none, and then so many deliveries that wait in the store

CPU of the gateway per accepted notification (202 after the commit, output paused), each size beside the
smallest of its row in the same round, and what that makes for each doubling: the goal is 1.10 at most. One
worker. The backlog row also tells the rate of accepting, memory, and how long commits took. It fills a store
first, which takes about 700 bytes of disk a notification (TMPDIR). Prints tables and writes
build/bench/growth.json. Needs ninja -C build/release tocsin post_load and the plugins.
"""

import argparse
import contextlib
import math
import pathlib
import resource
import socket
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
import gateway_load  # noqa: E402
import measure  # noqa: E402

CONNECTIONS = 32
GOAL = 1.10


class Row:
    """Gateways of several sizes, and how each is loaded."""

    def __init__(self, binary, folder, stack):
        self.binary, self.folder, self.stack = binary, folder, stack

    def up(self, name, **more):
        server = gateway_load.gateway(self.binary, self.folder, name, gateway_load.HELD, **more)
        self.stack.callback(server.stop)
        return server

    sizes = ()

    def start(self, size):
        return self.up(f"{type(self).__name__}-{size}")

    def connections(self, _size):
        return CONNECTIONS


class Connections(Row):
    sizes = (0, 1000, 10000)

    def start(self, size):
        server = super().start(size)
        for _ in range(size):
            idle = socket.create_connection(("127.0.0.1", server.port), timeout=10)
            self.stack.callback(idle.close)
        return server


class Sending(Row):
    sizes = (32, 128, 512)  # below gateway.overload.ingests_max

    def connections(self, size):
        return size


class Outputs(Row):
    sizes = (1, 10, 100, 1000, 10000)

    def start(self, size):
        more = "".join(f"  idle-{i}: {{type: 'null'}}\n" for i in range(size - 1))
        return self.up(f"outputs-{size}", more_outputs=more)


class Routes(Row):
    """Prefixes that are equal for long, as those of one organisation are."""

    sizes = (1, 10, 100, 1000, 10000)

    def start(self, size):
        routes = "".join(f'  - {{match: {{topic: "orders.team-{i}.*"}}, outputs: [out]}}\n' for i in range(size - 1))
        return self.up(f"routes-{size}", routes=routes + "  - {outputs: [out]}\n")


ROWS = {"connections": Connections, "sending": Sending, "outputs": Outputs, "routes": Routes}


def by_doubling(ratio, first, last):
    """What a ratio between two sizes makes for each doubling."""
    return ratio ** (1 / math.log2(max(last, 2) / max(first, 1)))


def bench_row(name, arguments, folder):
    body = gateway_load.body_file(folder)
    with contextlib.ExitStack() as stack:
        row = ROWS[name](arguments.binary, folder, stack)
        servers = {size: row.start(size) for size in row.sizes}

        def round_of(seconds):
            return {str(size): gateway_load.post(server, body, row.connections(size), seconds)
                    for size, server in servers.items()}
        round_of(1)
        rounds = [round_of(arguments.seconds) for _ in range(arguments.rounds)]
        pss = {str(size): server.pss_bytes() for size, server in servers.items()}
    first = row.sizes[0]
    report = {"rounds": rounds, "pss": pss, "ratios": {}}
    lines = []
    for size in row.sizes:
        ratio = measure.ratios(rounds, str(size), str(first), "cpu_us")
        # From none to some is one step; beyond that what counts is the doubling.
        doubling = by_doubling(ratio["median"], first, size) if size > first else 1.0
        report["ratios"][str(size)] = {**ratio, "by_doubling": doubling}
        lines.append([size, f"{measure.median_of(rounds, str(size), 'cpu_us'):.1f}", gateway_load.spread(ratio),
                      f"{doubling:.3f}", f"{measure.median_of(rounds, str(size), 'per_second'):.0f}",
                      f"{pss[str(size)] / 2**20:.1f}"])
    measure.show(f"{name}: CPU of one message, goal {GOAL:.2f} a doubling",
                 ["", "CPU us", "to the smallest", "a doubling", "accepted/s", "PSS MiB"], lines)
    return report


# ---- the backlog: one store that grows, beside one that does not

def fill(server, folder, count):
    gateway_load.post(server, gateway_load.body_file(folder, 500), 8, 1e9, "--path", "/v1/notifications/batch",
                      "--type", "application/x-ndjson", "--count", str(count // 500))


def commit_ms(before, after, quantile):
    """The bucket of the commits' histogram that holds the quantile, as its upper end; what is measured in turns is
    its difference."""
    bounds = [(float(bound) if bound != "+Inf" else math.inf, after[bound] - before.get(bound, 0)) for bound in after]
    total = max(count for _, count in bounds)
    return min(bound for bound, count in sorted(bounds) if count >= quantile * total) * 1000


def measured(server, body, seconds):
    before = gateway_load.buckets(server, "tocsin_outbox_commit_seconds")
    seen = gateway_load.post(server, body, CONNECTIONS, seconds)
    after = gateway_load.buckets(server, "tocsin_outbox_commit_seconds")
    seen["commit_p99_ms"] = commit_ms(before, after, 0.99)
    seen["commit_max_ms"] = commit_ms(before, after, 1)
    return seen


def bench_backlog(arguments, folder):
    body = gateway_load.body_file(folder)
    report, lines = {}, []
    with contextlib.ExitStack() as stack:
        row = Row(arguments.binary, folder, stack)
        full, empty = row.up("full"), row.up("empty")
        measured(full, body, 1), measured(empty, body, 1)
        filled = 0
        for size in [0, *arguments.backlog]:
            if size > filled:
                fill(full, folder, size - filled)
            filled = size
            # The log of the filling is moved into the file first, or this would pay for it.
            measured(full, body, 2)
            rounds = [{"full": measured(full, body, arguments.seconds), "empty": measured(empty, body, arguments.seconds)}
                      for _ in range(arguments.rounds)]
            cpu = measure.ratios(rounds, "full", "empty", "cpu_us")
            rate = measure.ratios(rounds, "full", "empty", "per_second")
            worst = max(one["full"]["max_ms"] for one in rounds)
            rss = gateway_load.rss_bytes(full)
            waits = gateway_load.metrics(full)["tocsin_outbox_backlog"]
            report[str(size)] = {"rounds": rounds, "cpu": cpu, "rate": rate, "rss": rss, "waiting": waits}

            def median(figure, rounds=rounds):
                return measure.median_of(rounds, "full", figure)
            lines.append([size, f"{median('cpu_us'):.1f}", gateway_load.spread(cpu), f"{median('per_second'):.0f}",
                          gateway_load.spread(rate), f"<= {median('commit_p99_ms'):g}",
                          f"<= {max(one['full']['commit_max_ms'] for one in rounds):g}",
                          f"{median('p99_ms'):.1f}", f"{worst:.1f}", f"{rss / 2**20:.1f}"])
    measure.show("backlog, beside an empty store: CPU goal 1.10 a doubling, rate 0.85, commit p99 10 ms, max 25 ms, "
                 "RSS 40 MiB",
                 ["waiting", "CPU us", "ratio", "accepted/s", "ratio", "commit p99 ms", "commit max ms", "202 p99 ms",
                  "202 max ms", "RSS MiB"], lines)
    return report


def main():
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--rows", nargs="+", choices=[*ROWS, "backlog"], default=[*ROWS, "backlog"])
    options.add_argument("--backlog", nargs="+", type=int, default=[1_000_000])
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--seconds", type=float, default=3)
    options.add_argument("--binary", default=str(measure.ROOT / "build/release/tocsin"))
    options.add_argument("--json", type=pathlib.Path, default=measure.ROOT / "build/bench/growth.json")
    arguments = options.parse_args()
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    document = {"machine": measure.machine()}
    for name in arguments.rows:
        with tempfile.TemporaryDirectory(prefix="tocsin-bench-") as folder:
            bench = bench_backlog(arguments, pathlib.Path(folder)) if name == "backlog" else \
                bench_row(name, arguments, pathlib.Path(folder))
            document[name] = bench
    measure.write_json(arguments.json, document)


if __name__ == "__main__":
    main()
