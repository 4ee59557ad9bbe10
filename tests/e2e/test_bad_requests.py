"""Whatever is wrong with a request is told, by every endpoint of both OpenAPI documents and by the commands:
who asks, what for, with which parameters and body, and when it is too late."""

import json
import subprocess

import pytest

from gateway_process import BINARY, PATIENCE_SECONDS, eventually
from notifications import Client, settings
from surface import BODY_BYTES_MAX, Surface

JSON = "application/json"
TOKENS = {role: {"token": f"{role}-0123456789abcdef", "role": role} for role in ("viewer", "operator", "admin")}
SHOP = "shop-0123456789abcdef"
METHODS = {"get", "post", "put", "patch", "delete"}

# Well-formed, and given to nobody.
UNKNOWN_IDS = {"/v1/notifications/{id}": "ntf_0000000000001", "/v1/dead-letters/{id}": "dlv_0000000000001-0",
               "/v1/outputs/{id}": "nobodys"}

# What a parameter of the query must not be, where any text is well-formed as such.
MALFORMED = {"limit": "0", "before": "yesterday", "reason": "tired", "topic": "a..b", "address": "nobody",
             "review": "maybe", "accepted_after": "soon", "accepted_before": "10", "updated_after": "2026-13-01T00:00:00Z",
             "updated_before": "-", "wait": "never"}


@pytest.fixture(name="gateway", scope="module")
def fixture_gateway(module_gateway, tmp_path_factory):
    config = settings(
        tmp_path_factory.mktemp("store"), {"log": {"type": "log"}}, routes=[{"outputs": ["log"]}],
        admin={"address": "127.0.0.1:0", "tokens": TOKENS})
    config["inputs"] = {"api": {"type": "http", "tokens": {"shop": SHOP}}}
    return module_gateway(config)


@pytest.fixture(name="admin")
def fixture_admin(gateway):
    return Surface(gateway.admin_address(), "/v1/openapi.json", TOKENS["admin"]["token"], TOKENS["viewer"]["token"])


@pytest.fixture(name="door")
def fixture_door(gateway):
    surface = Surface(gateway.address(), "/v1/openapi.json", SHOP)
    client = Client(gateway, token=SHOP)
    surface.ids["rescheduleNotification"] = client.accepted({"topic": "orders.late", "delay": "1h"})
    client.close()
    return surface


@pytest.fixture(name="surface", params=["door", "admin"])
def fixture_surface(request):
    return request.getfixturevalue(request.param)


@pytest.fixture(name="done", scope="module")
def fixture_done(gateway):
    """A notification that was delivered."""
    client = Client(gateway, token=SHOP)
    sent = client.accepted({"topic": "orders.paid"})
    eventually(lambda: client.states(sent), {"log": "delivered"}, "its states")
    client.close()
    return sent


class Trial:
    """Asks, and notes where the answer is another than it should be, so that one run tells all of them."""

    def __init__(self, surface):
        self.surface = surface
        self.faults = []

    def refused(self, name, wanted, naming="", pointer=None, query="", **how):
        status, headers, text = self.surface.ask(name, query, **how)
        problem = json.loads(text)
        right = (status == wanted and problem.get("status") == wanted and naming in problem["detail"]
                 and (pointer is None or problem.get("pointer") == pointer)
                 and headers["Content-Type"] == "application/problem+json"
                 and (wanted != 401 or headers["WWW-Authenticate"]))
        if not right:
            self.faults.append(f"{name}{query} {how}: {status} {text.strip()[:200]}, not {wanted} {naming!r} {pointer!r}")

    def operations(self):
        """(path, name, operation, (type, text) of a body that it takes or nothings)"""
        for path, _, operation in self.surface.operations():
            bodies = list(self.surface.example(operation["operationId"]))
            yield path, operation["operationId"], operation, bodies[0] if bodies else (None, None)


def parameters(operation, place):
    return [parameter for parameter in operation.get("parameters", []) if parameter["in"] == place]


def without_token(trial):
    for _, name, operation, (content_type, body) in trial.operations():
        if operation["security"]:
            for token in (None, "nobody-0123456789abcdef"):
                trial.refused(name, 401, token=token, body=body, content_type=content_type)


def without_role(trial):
    for _, name, operation, (content_type, body) in trial.operations():
        roles = operation["security"][0]["token"] if operation["security"] else []
        if roles and roles != ["viewer"]:
            trial.refused(name, 403, f"takes the role {roles[0]}", token=trial.surface.weak_token, body=body,
                          content_type=content_type)


def unknown_id(trial):
    for path, name, _, (content_type, body) in trial.operations():
        if "{id}" not in path:
            continue
        unknown = next(known for prefix, known in UNKNOWN_IDS.items() if path.startswith(prefix))
        for argument in (unknown, "nonsense", "%2F", "x" * 300):
            trial.refused(name, 404, argument=argument, body=body, content_type=content_type)


def unknown_parameter(trial):
    for _, name, _, (content_type, body) in trial.operations():
        trial.refused(name, 400, "colour", query="?colour=blue", body=body, content_type=content_type)


def malformed_parameter(trial):
    for _, name, operation, (content_type, body) in trial.operations():
        for parameter in parameters(operation, "query"):
            known = parameter["name"]
            for value in ("", "%zz", "%ff", MALFORMED.get(known)):
                if value is not None:
                    trial.refused(name, 400, known, query=f"?{known}={value}", body=body, content_type=content_type)
            twice = f"?{known}=a&{known}=b"
            trial.refused(name, 400, known, query=twice, body=body, content_type=content_type)


def malformed_header(trial):
    for _, name, operation, (content_type, body) in trial.operations():
        if any(parameter["name"] == "Idempotency-Key" for parameter in parameters(operation, "header")):
            trial.refused(name, 400, "Idempotency-Key", body=body, content_type=content_type, Idempotency_Key="k" * 256)


def body_where_none_is_due(trial):
    for _, name, operation, _ in trial.operations():
        if "requestBody" not in operation:
            trial.refused(name, 400, "body", body="{}", content_type=JSON)


def malformed_body(trial):
    for _, name, operation, (content_type, body) in trial.operations():
        if content_type != JSON or name == "sendBatch":  # which answers each item by itself
            continue
        trial.refused(name, 415, body=body, content_type="text/plain")
        trial.refused(name, 413, body=" " * (BODY_BYTES_MAX + 1), content_type=JSON)
        for text in ("{", "", "[]", "7", body + "{", b'{"\xff": 1}'):
            trial.refused(name, 400, pointer="", body=text, content_type=JSON)
        schema = trial.surface.body_schema(operation)
        good = {} if schema.get("maxProperties") == 1 else json.loads(body)
        trial.refused(name, 400, pointer="/colour", body=json.dumps({**good, "colour": "blue"}), content_type=JSON)
        for required in schema.get("required", []):
            without = {key: value for key, value in good.items() if key != required}
            trial.refused(name, 400, pointer=f"/{required}", body=json.dumps(without), content_type=JSON)
        for member, wanted in schema["properties"].items():
            if "type" in wanted:
                wrong = json.dumps({**good, member: {"a": 1} if wanted.get("type") != "object" else 7})
                trial.refused(name, 400, pointer=f"/{member}", body=wrong, content_type=JSON)


BOTH = [without_token, unknown_id, malformed_parameter, malformed_header, malformed_body]
# Senders may have a query of their own in the address they call.
ADMIN = [without_role, unknown_parameter, body_where_none_is_due]


@pytest.mark.parametrize("way", BOTH, ids=lambda way: way.__name__)
def test_every_endpoint_refuses(surface, way):
    trial = Trial(surface)
    way(trial)
    assert not trial.faults, "\n".join(trial.faults)


@pytest.mark.parametrize("way", ADMIN, ids=lambda way: way.__name__)
def test_every_endpoint_of_the_admin_address_refuses(admin, way):
    trial = Trial(admin)
    way(trial)
    assert not trial.faults, "\n".join(trial.faults)


def test_every_endpoint_takes_its_methods_alone(surface):
    for path in surface.document["paths"]:
        concrete = path.replace("{id}", "nobodys")
        for method in METHODS - surface.takes(concrete):
            status, headers, text = surface.call(method.upper(), concrete, surface.token)
            assert status == 405 and headers["Allow"], (method, path, text)


@pytest.mark.parametrize("name", ["redriveDeadLetter", "approveDeadLetter", "discardDeadLetter"])
def test_what_is_too_late_is_409(admin, done, name):
    trial = Trial(admin)
    trial.refused(name, 409, "delivered", argument=f"dlv_{done[4:]}-0")
    assert not trial.faults


@pytest.mark.parametrize("name,body", [("cancelNotification", None), ("rescheduleNotification", '{"delay":"1h"}')])
def test_what_is_too_late_at_the_door_is_409(gateway, done, name, body):
    trial = Trial(Surface(gateway.address(), "/v1/openapi.json", SHOP))
    trial.refused(name, 409, argument=done, body=body, content_type=JSON if body else None)
    assert not trial.faults


@pytest.mark.parametrize("name,body,pointer", [
    ("moveOutput", {"from": "nobodys", "to": "log"}, "/from"), ("moveOutput", {"from": "log", "to": "nobodys"}, "/to"),
    ("redriveDeadLetters", {"output": "nobodys"}, "/output"), ("discardDeadLetters", {"output": "nobodys"}, "/output"),
    ("approveDeadLetters", {"output": "nobodys", "dry_run": True}, "/output"),
    ("liftSuppression", {"address": "email:nobody@b.example"}, None)])
def test_what_a_body_names_must_be_there(admin, name, body, pointer):
    trial = Trial(admin)
    trial.refused(name, 404, pointer=pointer, body=json.dumps(body), content_type=JSON)
    assert not trial.faults


# --- the commands ---------------------------------------------------------------------------------------


def tocsin(gateway, *words, role="admin"):
    address = "%s:%d" % gateway.admin_address()
    return subprocess.run([BINARY, *words, "--admin", address, "--token", TOKENS[role]["token"]], capture_output=True,
                          text=True, timeout=PATIENCE_SECONDS, check=False)


@pytest.mark.parametrize("words,naming", [
    (["dlq", "show", "dlv_0000000000001-0"], "No dead letter"), (["dlq", "show", "nonsense"], "not a delivery's id"),
    (["dlq", "redrive", "dlv_0000000000001-0"], "No dead letter"),
    (["dlq", "list", "--output", "nobodys"], "There is no output nobodys"),
    (["dlq", "stats", "--output", "nobodys"], "There is no output nobodys"),
    (["dlq", "redrive", "--output", "nobodys", "--all"], "There is no output nobodys"),
    (["dlq", "list", "--reason", "tired"], "reason"), (["dlq", "list", "--before", "7"], "before"),
    (["dlq", "list", "--accepted-after", "soon"], "accepted_after"),
    (["dlq", "redrive", "--topic", "a..b", "--all"], "/topic"), (["dlq", "redrive", "--topic", "a", "--all", "--rate", "9"], "/rate"),
    (["outputs", "pause", "nobodys"], "No output"), (["outputs", "resume", "nobodys"], "No output"), (["outputs", "breaker", "nobodys", "open"], "No output"),
    (["outputs", "move", "nobodys", "log"], "nobodys"), (["outputs", "move", "log", "nobodys"], "nobodys"),
    (["suppressions", "remove", "email:nobody@b.example"], "not suppressed"),
    (["suppressions", "add", "nobody"], "/address"), (["audit", "--before", "7"], "before"),
    (["send", "--topic", "a..b"], "/topic")])
def test_commands_say_what_the_gateway_refuses(gateway, words, naming):
    said = tocsin(gateway, *words)
    assert (said.returncode, said.stdout) == (1, "") and naming in said.stderr, said.stderr
    said = tocsin(gateway, *words, "--json")
    assert said.returncode == 1 and naming in said.stderr, said.stderr


@pytest.mark.parametrize("words", [
    ["dlq", "redrive", "dlv_0000000000001-0"], ["dlq", "discard", "--topic", "a", "--all"], ["outputs", "resume", "log"],
    ["outputs", "pause", "log"],
    ["outputs", "breaker", "log", "open"], ["outputs", "move", "log", "other"], ["suppressions", "add", "email:a@b.example"],
    ["suppressions", "remove", "email:a@b.example"], ["send", "--topic", "a"], ["reload"], ["audit"]])
def test_commands_say_which_role_is_missing(gateway, words):
    said = tocsin(gateway, *words, role="viewer")
    assert said.returncode == 1 and "This takes the role" in said.stderr, said.stderr
