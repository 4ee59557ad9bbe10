"""The OpenAPI documents of both HTTP surfaces, held to the specification and to the servers they
describe: what is documented is answered so, and what is not is refused.
"""

import json
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from gateway_process import eventually
from notifications import settings
from surface import UNKNOWN_ID, Surface, Validator

HERE = Path(__file__).resolve().parent
OPENAPI_SCHEMA = json.loads((HERE / "openapi/schema-2022-10-07.json").read_text(encoding="utf-8"))

METHODS = {"get", "post", "put", "patch", "delete", "options"}

TOKENS = {role: {"token": f"{role}-0123456789abcdef", "role": role} for role in ("viewer", "operator", "admin")}
SHOP = "shop-0123456789abcdef"


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
    admin.ids.update(getNotification=done, pauseOutput="log", resumeOutput="log", orderBreaker="log")
    for letter, names in zip(dead_letters(admin), (["getDeadLetter", "approveDeadLetter", "redriveDeadLetter"],
                                                   ["discardDeadLetter"])):
        for name in names:
            admin.ids[name] = letter["id"]
    letters = [name for name in admin.ids if name.endswith("DeadLetter")]
    for name in ["send", "getNotification", "pauseOutput", "resumeOutput", "orderBreaker", *letters]:
        admin.ask_as_documented(name)
    assert admin.ask("orderBreaker", body='{"state": "auto"}', content_type="application/json")[0] == 200
    for name in ("getLiveness", "getReadiness", "getMetrics", "getHealth", "getConfig", "listOutputs", "listAudit",
                 "describe", "reload", "approveDeadLetters", "redriveDeadLetters", "discardDeadLetters",
                 "suppress", "listSuppressions", "liftSuppression"):
        admin.ask_as_documented(name)
    assert admin.ask("findNotifications", "?key=order-4711")[0] == 200
    assert admin.ask("findNotifications", "?external_id=4711")[0] == 409
    for name in letters:
        if name != "getDeadLetter":
            assert admin.ask(name, argument=f"dlv_{done[4:]}-0")[0] == 409
    for name in ("listDeadLetters", "countDeadLetters"):
        assert admin.ask(name)[0] == 200
        assert admin.ask(name, "?output=brokn")[0] == 404
    for name in ("approveDeadLetters", "redriveDeadLetters", "discardDeadLetters"):
        assert admin.ask(name, body='{"output": "brokn"}', content_type="application/json")[0] == 404
        assert admin.ask(name, body=json.dumps({"output": "broken", "dry_run": True}),
                         content_type="application/json")[0] == 200
        named = json.dumps({"ids": [f"dlv_{done[4:]}-0"]})
        assert admin.ask(name, body=named, content_type="application/json")[0] == 200
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
    without_notifications = {"listOutputs", "moveOutput", "listAudit", "send", "suppress", "listSuppressions",
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
