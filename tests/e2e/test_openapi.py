"""The OpenAPI documents of both HTTP surfaces, held to the specification and to the servers they
describe: what is documented is answered so, and what is not is refused.
"""

import http.client
import json
import re
from datetime import datetime, timedelta, timezone
from pathlib import Path

import jsonschema
import pytest

from gateway_process import PATIENCE_SECONDS, eventually
from notifications import settings

HERE = Path(__file__).resolve().parent
OPENAPI_SCHEMA = json.loads((HERE / "openapi/schema-2022-10-07.json").read_text(encoding="utf-8"))
Validator = jsonschema.Draft202012Validator

METHODS = {"get", "post", "put", "patch", "delete", "options"}
BODY_BYTES_MAX = 1024 * 1024
UNKNOWN_ID = "nobodys"

TOKENS = {role: {"token": f"{role}-0123456789abcdef", "role": role} for role in ("viewer", "operator", "admin")}
SHOP = "shop-0123456789abcdef"


class Surface:
    """One HTTP surface, and what of its document was seen in answers."""

    def __init__(self, address, path, token, weak_token=None):
        self.address = address
        self.token = token
        self.weak_token = weak_token  # of the least role
        self.ids = {}  # operation -> what "{id}" stands for
        status, headers, text = self.call("GET", path, token)
        assert (status, headers["Content-Type"]) == (200, "application/json"), text
        self.document = json.loads(text)
        self.seen = {}

    def call(self, method, path, token, body=None, content_type=None, **fields):
        headers = {name.replace("_", "-"): value for name, value in fields.items()}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        if content_type:
            headers["Content-Type"] = content_type
        connection = http.client.HTTPConnection(*self.address, timeout=PATIENCE_SECONDS)
        try:
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read().decode()
        finally:
            connection.close()

    def operations(self):
        """(path, method, operation) of each that is documented."""
        return [(path, method, operation) for path, item in self.document["paths"].items()
                for method, operation in item.items()]

    def operation(self, name):
        return next(found for found in self.operations() if found[2]["operationId"] == name)

    def resolved(self, schema):
        return {**schema, "components": self.document["components"]}

    def ask(self, name, query="", token="", argument=None, body=None, content_type=None, **fields):
        """Calls an operation by its name, and holds the answer to what is documented for it."""
        path, method, operation = self.operation(name)
        target = path.replace("{id}", argument or self.ids.get(name, UNKNOWN_ID)) + query
        token = self.token if token == "" else token
        status, headers, text = self.call(method.upper(), target, token, body, content_type, **fields)
        where = f"{name}: {method.upper()} {target}: {status} {text[:300]}"
        assert str(status) in operation["responses"], f"not documented: {where}"
        response = operation["responses"][str(status)]
        [(media_type, content)] = response["content"].items()
        assert headers["Content-Type"].split(";")[0] == media_type, where
        if media_type.endswith("json"):
            answer = json.loads(text)
            errors = [error.message for error in
                      Validator(closed(self.resolved(content["schema"]))).iter_errors(answer)]
            assert not errors, f"{where}: {errors}"
        for field in ("Retry-After", "Location"):
            assert headers[field] is None or field in response.get("headers", {}), where
        self.seen.setdefault(name, set()).add(status)
        return status, headers, text

    def example(self, name):
        """(content type, text) of each body that its document shows for an operation."""
        for media_type, content in self.operation(name)[2].get("requestBody", {}).get("content", {}).items():
            if "example" in content:
                yield media_type, content["example"]
            else:
                reference = content["schema"]["$ref"].rsplit("/", 1)[1]
                schema = self.document["components"]["schemas"][reference]
                for example in schema["examples"]:
                    Validator(self.resolved(schema)).validate(example)
                    yield media_type, json.dumps(example)

    def ask_as_documented(self, name, **more):
        """Calls an operation with each body that its document shows, and is not refused."""
        bodies = list(self.example(name)) or [(None, None)]
        for content_type, body in bodies:
            status, _, text = self.ask(name, body=body, content_type=content_type, **more)
            assert status < 300, f"{name}: {status} {text}"

    def ask_wrongly(self):
        """Each operation in each way that every one of its kind refuses."""
        for path, _, operation in self.operations():
            name = operation["operationId"]
            secured = operation["security"] != []
            roles = operation["security"][0]["token"] if secured else []
            assert self.ask(name, token=None)[0] == 401 if secured else self.ask(name, token=None)
            if roles and roles != ["viewer"]:
                assert self.ask(name, token=self.weak_token)[0] == 403
            if "requestBody" in operation:
                good = next(self.example(name))[1]
                assert self.ask(name, body="{", content_type="application/json")[0] == 400
                assert self.ask(name, body=good, content_type="text/plain")[0] == 415
                long = " " * (BODY_BYTES_MAX + 1)
                assert self.ask(name, body=long, content_type="application/json")[0] == 413
            if "{id}" in path:
                media_type, good = next(self.example(name), (None, None))
                assert self.ask(name, argument=UNKNOWN_ID, body=good, content_type=media_type)[0] == 404

    def unseen(self):
        """(operation, status) of what is documented and was never answered, but for outages."""
        return {(operation["operationId"], int(status)) for _, _, operation in self.operations()
                for status in operation["responses"]
                if int(status) not in self.seen.get(operation["operationId"], set()) | {503}}

    def takes(self, path):
        """The methods that are documented for a path, "{id}" taken for anything."""
        return {method for template, item in self.document["paths"].items() for method in item
                if re.fullmatch(re.sub(r"\{id\}", "[^/]+", template), path)}


def closed(schema):
    """The schema with no room for what it does not name, so that an answer cannot say more."""
    if isinstance(schema, list):
        return [closed(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    tight = {key: closed(value) for key, value in schema.items()}
    if isinstance(schema.get("properties"), dict) and schema.get("type") == "object":
        tight.setdefault("additionalProperties", False)
    return tight


def references(value):
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        for inner in value.values():
            yield from references(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from references(inner)


@pytest.fixture(name="gateway", scope="module")
def fixture_gateway(module_gateway, tmp_path_factory):
    """A delivered, a waiting and a dead notification can be had of it."""
    config = settings(
        tmp_path_factory.mktemp("store"),
        {"log": {"type": "log"}, "broken": {"type": "flaky", "script": ["rejected"]}},
        routes=[{"match": {"topic": "broken"}, "outputs": ["broken"]},
                {"match": {"topic": "orders.*"}, "outputs": ["log"]}],
        filters=[{"type": "level", "min": "info"}],
        admin={"address": "127.0.0.1:0", "tokens": TOKENS})
    config["storage"]["search"] = ["key"]
    config["inputs"] = {"api": {"type": "http", "tokens": {"shop": SHOP}, "paths": ["/hooks/in"]}}
    config["listeners"]["public"]["routes"] = [{"prefix": "/v1/", "plugin": "api"}, {"prefix": "/hooks/", "plugin": "api"}]
    return module_gateway(config)


@pytest.fixture(name="door")
def fixture_door(gateway):
    return Surface(gateway.address(), "/v1/openapi.json", SHOP)


@pytest.fixture(name="admin")
def fixture_admin(gateway):
    return Surface(gateway.admin_address(), "/v1/openapi.json", TOKENS["admin"]["token"],
                   TOKENS["viewer"]["token"])


@pytest.fixture(name="surface", params=["door", "admin"])
def fixture_surface(request):
    return request.getfixturevalue(request.param)


def sent(door, topic, **fields):
    status, _, text = door.ask("send", body=json.dumps({"topic": topic, **fields}), content_type="application/json")
    assert status == 202, text
    return json.loads(text)["id"]


def test_the_documents_are_openapi_3_1(surface):
    Validator(OPENAPI_SCHEMA).validate(surface.document)
    for name, schema in surface.document["components"]["schemas"].items():
        Validator.check_schema(schema)
        assert name in {reference.rsplit("/", 1)[1] for reference in references(surface.document)}, f"{name} is used"
    for reference in references(surface.document):
        assert reference.rsplit("/", 1)[1] in surface.document["components"]["schemas"], reference
    names = [operation["operationId"] for _, _, operation in surface.operations()]
    assert len(set(names)) == len(names)


def test_the_door_answers_as_it_is_documented(door):
    door.ids["rescheduleNotification"] = sent(door, "orders.late", delay="1h", expires_at=in_hours(2))
    door.ask_wrongly()
    for name in ("send", "sendAt1", "sendBatch", "rescheduleNotification", "describe"):
        door.ask_as_documented(name)
    assert door.ask("send", "?wait=delivered", body='{"topic": "orders.paid"}', content_type="application/json")[0] == 200
    assert json.loads(door.ask("send", body='{"topic": "orders.paid", "level": "debug"}',
                               content_type="application/json")[2]) == {"status": "dropped", "by": "level"}
    assert door.ask("sendAt1", "?wait=delivered", body='{"topic": "orders.paid"}', content_type="application/json")[0] == 200
    for name in ("send", "sendAt1"):
        assert door.ask(name, body='{"topic": "nobody.cares"}', content_type="application/json")[0] == 422
    assert door.ask("rescheduleNotification", body='{"delay": "3h"}', content_type="application/json")[0] == 422
    done = json.loads(door.ask("send", "?wait=delivered", body='{"topic": "orders.paid"}',
                               content_type="application/json")[2])["id"]
    assert door.ask("rescheduleNotification", argument=done, body='{"delay": "3h"}',
                    content_type="application/json")[0] == 409
    door.ids["getNotification"] = door.ids["cancelNotification"] = sent(door, "orders.late", delay="1h")
    for name in ("getNotification", "cancelNotification"):
        assert door.ask(name, "?wait=never")[0] == 400
        assert door.ask(name)[0] == 200
    assert door.ask("cancelNotification")[0] == 409
    mixed = [{"topic": "orders.paid"}, {"topic": "nobody.cares"}, {"topic": 1}, {"topic": "orders.paid", "level": "debug"}]
    _, _, text = door.ask("sendBatch", body=json.dumps(mixed), content_type="application/json")
    assert [item["status"] for item in json.loads(text)["results"]] == ["accepted", "unrouted", "invalid", "dropped"]
    assert door.unseen() == set()


def in_hours(hours):
    return (datetime.now(timezone.utc) + timedelta(hours=hours)).isoformat()


def dead_letters(admin):
    return json.loads(admin.ask("listDeadLetters", "?output=broken&limit=5")[2])["dead_letters"]


def test_the_admin_api_answers_as_it_is_documented(gateway, admin, door):
    admin.ask_wrongly()
    for _, _, operation in admin.operations():
        assert admin.ask(operation["operationId"], "?colour=blue")[0] == 400
    done = sent(door, "orders.paid")
    for _ in range(3):
        sent(door, "broken")
    eventually(lambda: len(dead_letters(admin)), 3, "the number of dead letters")
    admin.ids.update(getNotification=done, resumeOutput="log", orderBreaker="log")
    for letter, names in zip(dead_letters(admin), (["getDeadLetter", "approveDeadLetter", "redriveDeadLetter"],
                                                   ["discardDeadLetter"])):
        for name in names:
            admin.ids[name] = letter["id"]
    letters = [name for name in admin.ids if name.endswith("DeadLetter")]
    for name in ["send", "getNotification", "resumeOutput", "orderBreaker", *letters]:
        admin.ask_as_documented(name)
    assert admin.ask("orderBreaker", body='{"state": "auto"}', content_type="application/json")[0] == 200
    for name in ("getLiveness", "getReadiness", "getMetrics", "getHealth", "getConfig", "listOutputs", "listAudit",
                 "describe", "reload", "approveDeadLetters", "redriveDeadLetters", "discardDeadLetters",
                 "suppress", "listSuppressions", "liftSuppression"):
        admin.ask_as_documented(name)
    assert admin.ask("findNotifications", "?key=order-4711")[0] == 200
    assert admin.ask("findNotifications", "?external_id=4711")[0] == 409
    content_type, lifted = next(admin.example("liftSuppression"))
    assert admin.ask("liftSuppression", body=lifted, content_type=content_type)[0] == 404
    assert admin.ask("send", body='{"topic": "nobody.cares"}', content_type="application/json")[0] == 422
    move = '{"from": "log", "to": "broken", "dead": true, "dry_run": true}'
    assert admin.ask("moveOutput", body=move, content_type="application/json")[0] == 200
    good = gateway.config_path.read_text(encoding="utf-8")
    gateway.config_path.write_text(good.replace("{", '{"colour": "blue",', 1), encoding="utf-8")
    gateway.expected_errors.add("reload refused")
    assert admin.ask("reload")[0] == 422
    assert admin.ask("getConfig")[0] == 200  # now with the faults
    gateway.config_path.write_text(good, encoding="utf-8")
    without_notifications = {"listOutputs", "moveOutput", "listAudit", "send", "listDeadLetters", "approveDeadLetters",
                             "redriveDeadLetters", "discardDeadLetters", "suppress", "listSuppressions",
                             "findNotifications"}
    for_viewers = {operation["operationId"] for _, _, operation in admin.operations()
                   if operation["security"] == [{"token": ["viewer"]}]}
    assert admin.unseen() == {(name, 404) for name in without_notifications} | {(name, 403) for name in for_viewers}


def test_a_gateway_without_notifications_says_so_as_documented(module_gateway):
    gateway = module_gateway({"admin": {"address": "127.0.0.1:0", "tokens": TOKENS}})
    admin = Surface(gateway.admin_address(), "/v1/openapi.json", TOKENS["admin"]["token"])
    for _, _, operation in admin.operations():
        if "404" in operation["responses"]:
            name = operation["operationId"]
            content_type, body = next(admin.example(name), (None, None))
            assert admin.ask(name, body=body, content_type=content_type)[0] == 404, name


def test_an_address_without_tokens_refuses_strangers_as_documented(module_gateway):
    admin = Surface(module_gateway({}).admin_address(), "/v1/openapi.json", None)
    for _, _, operation in admin.operations():
        status = admin.ask(operation["operationId"], Host="evil.example")[0]
        assert (status == 403) == (operation["security"] != []), operation["operationId"]


def test_what_is_not_documented_is_refused(surface):
    for path, item in surface.document["paths"].items():
        concrete = path.replace("{id}", UNKNOWN_ID)
        for method in METHODS - surface.takes(concrete):
            status, headers, text = surface.call(method.upper(), concrete, surface.token)
            assert status == 405, (method, path, text)
            allowed = {name.strip().lower() for name in headers["Allow"].split(",")} - {"head"}
            assert set(item) <= allowed <= surface.takes(concrete), (method, path)
        if "get" in item:
            as_get, _, _ = surface.call("GET", concrete, surface.token)
            status, _, text = surface.call("HEAD", concrete, surface.token)
            assert (status, text) == (as_get, ""), path
    for path in ("/v1", "/v1/nothing", "/v1/openapi.json/", "/v1/notifications/a/b", "/v2/notifications"):
        assert surface.call("GET", path, surface.token)[0] == 404, path


def test_strangers_do_not_read_the_documents(surface):
    assert surface.call("GET", "/v1/openapi.json", None)[0] == 401
    assert surface.call("GET", "/v1/openapi.json", "nobody-0123456789abcdef")[0] == 401
