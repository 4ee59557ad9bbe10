"""A gateway with too much to do refuses new notifications by name and priority, and loses nothing it accepted."""

import json
import threading

from conftest import complete
from gateway_process import eventually
from notifications import Client, settings


def with_limits(folder, outputs, **limits):
    return {**settings(folder, outputs), "gateway": {"overload": limits, "shutdown_grace": "1s"}}


def note(level="warning", title="t"):
    return {"topic": "load.test", "level": level, "title": title}


HELD = {"type": "flaky", "script": ["hang"], "delivery": {"concurrency": 1, "timeout": "10m"}}


def health(gateway):
    return json.loads(gateway.admin("/v1/health")[2])


def test_a_long_backlog_refuses_all_but_critical_ones_until_it_shrinks(start_gateway, sink, tmp_path):
    sink.mode("hang")
    webhook = {"type": "webhook", "url": sink.url(),
               "delivery": {"timeout": "1s", "concurrency": 4, "on_ambiguous": "resend",
                            "retry": {"max_attempts": 50, "initial": "10ms", "max": "20ms"}}}
    gateway = start_gateway(with_limits(tmp_path, {"hook": webhook}, backlog_max=100))
    client = Client(gateway)
    status, _, _ = client.batch([note(title=f"{number}") for number in range(110)])
    assert status == 202
    eventually(lambda: health(gateway)["overload"], ["backlog"], "what health says of a long backlog")
    status, headers, problem = client.send(note())
    assert status == 503
    assert int(headers["Retry-After"]) >= 1
    assert "gateway.overload.backlog_max" in problem["detail"]
    assert health(gateway)["status"] == "degraded"
    assert gateway.admin("/readyz")[0] == 200
    critical = client.accepted(note(level="critical"))
    gateway.wait_for_log("new notifications are refused")
    sink.mode("ok")
    gateway.wait_for_log("new notifications are taken again")
    client.accepted(note(title="later"))
    eventually(lambda: {"critical": client.states(critical)["hook"]}, {"critical": "delivered"})
    eventually(lambda: len({*sink.titles()}) >= 112, True, "all that was accepted came")
    assert health(gateway)["overload"] == []


def test_limits_change_with_a_reload(start_gateway, tmp_path):
    gateway = start_gateway(with_limits(tmp_path, {"held": HELD}, backlog_max=10))
    client = Client(gateway)
    assert client.batch([note(title=f"{number}") for number in range(40)])[0] == 202
    eventually(lambda: client.send(note())[0], 503, "the answer under a long backlog")
    gateway.reconfigure(complete(with_limits(tmp_path, {"held": HELD}, backlog_max="unlimited")))
    eventually(lambda: client.send(note())[0], 202, "the answer without a limit")


def test_what_exceeds_the_ingests_in_flight_is_refused_and_counted(start_gateway, sink, tmp_path):
    hook = {"type": "webhook", "url": sink.url()}
    gateway = start_gateway(with_limits(tmp_path, {"hook": hook}, ingests_max=1))
    accepted, refused = [], []

    def send(name):
        client = Client(gateway)
        for number in range(10_000):
            title = f"{name}-{number}"
            status, _, body = client.send(note(title=title))
            assert status in (202, 503), body
            if status == 202:
                accepted.append(title)
            else:
                refused.append(body["detail"])
            if len(refused) > 20 and len(accepted) > 20:
                return

    threads = [threading.Thread(target=send, args=(f"c{number}",)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(refused) > 20, "eight clients at once never met"
    assert all("gateway.overload.ingests_max" in detail for detail in refused)
    refusals = {"reason": "ingests", "class": "normal"}
    assert gateway.metric("tocsin_overload_refused_total", **refusals) == len(refused)
    eventually(lambda: sorted(sink.titles()), sorted(accepted), "what was delivered")


def test_bad_limits_are_refused_by_name(start_gateway, tmp_path):
    gateway = start_gateway(settings(tmp_path, {"held": HELD}))
    gateway.expected_errors.add("reload refused")
    gateway.configure(complete(with_limits(tmp_path, {"held": HELD}, memory_max="1MiB")))
    status, answer = gateway.reload()
    assert status != 200
    assert "64 MiB" in json.dumps(answer) or "64MiB" in json.dumps(answer)
