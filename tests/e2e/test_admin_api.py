"""The admin API behind tokens, and the command line that speaks to it."""

import http.client
import json
import os
import subprocess

import pytest

from gateway_process import BINARY, PATIENCE_SECONDS
from notifications import settings

pytestmark = pytest.mark.sanitize

VIEWER = "viewer-0123456789abcdef"
OPERATOR = "operator-0123456789abcdef"
ADMIN = "admin-0123456789abcdef"
TOKENS = {"vera": {"token": VIEWER, "role": "viewer"}, "olga": {"token": OPERATOR, "role": "operator"},
          "anna": {"token": ADMIN, "role": "admin"}}


@pytest.fixture(name="guarded", scope="module")
def fixture_guarded(module_gateway):
    return module_gateway({"admin": {"address": "127.0.0.1:0", "tokens": TOKENS}})


def ask(gateway, method, path, headers=None, body=None):
    connection = http.client.HTTPConnection(*gateway.admin_address(), timeout=PATIENCE_SECONDS)
    try:
        connection.request(method, path, body=body, headers=headers or {})
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read().decode()
    finally:
        connection.close()


def bearer(token):
    return {"Authorization": f"Bearer {token}"}


def tocsin(*arguments, text=None, token=None):
    environment = {**os.environ, "TOCSIN_ADMIN_TOKEN": token or ""}
    return subprocess.run([BINARY, *map(str, arguments)], input=text or "", env=environment, text=True,
                          capture_output=True, timeout=PATIENCE_SECONDS, check=False)


def at(gateway):
    return ["--admin", "%s:%d" % gateway.admin_address()]


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics"])
def test_pages_stay_open(guarded, path):
    assert ask(guarded, "GET", path)[0] == 200


def test_everything_else_takes_a_token(guarded):
    status, headers, text = ask(guarded, "GET", "/v1/health")
    assert status == 401 and headers["WWW-Authenticate"].startswith("Bearer")
    assert headers["Content-Type"] == "application/problem+json" and json.loads(text)["status"] == 401
    assert ask(guarded, "GET", "/v1/health", bearer("viewer-0123456789abcdeg"))[0] == 401
    assert ask(guarded, "GET", "/v1/health", bearer(VIEWER))[0] == 200


def test_changes_take_a_role_and_are_audited(module_gateway):
    gateway = module_gateway({"admin": {"address": "127.0.0.1:0", "tokens": TOKENS}})
    path = "/v1/dead-letters/dlv_1-0/discard"
    status, headers, text = ask(gateway, "POST", path, bearer(VIEWER))
    assert status == 403 and "operator" in json.loads(text)["detail"]
    line = gateway.wait_for_log("change")
    assert line["logger"] == "audit" and line["request_id"] == headers["X-Request-Id"]
    assert (line["who"], line["role"], line["result"]) == ("vera", "viewer", "denied")
    assert (line["action"], line["target"]) == ("dead_letter.discard", "dlv_1-0")
    assert VIEWER not in json.dumps(gateway.log())


def audit_of(gateway, token, query=""):
    status, _, text = ask(gateway, "GET", "/v1/audit" + query, bearer(token))
    return status, json.loads(text)


def test_the_audit_outlives_the_gateway(start_gateway, tmp_path):
    config = settings(tmp_path, {"log": {"type": "log"}}, admin={"address": "127.0.0.1:0", "tokens": TOKENS})
    gateway = start_gateway(config)
    for token, letter in ((VIEWER, 1), (OPERATOR, 2), ("nobody-0123456789abcdef", 3)):
        ask(gateway, "POST", f"/v1/dead-letters/dlv_{letter}-0/discard", bearer(token))
    gateway.stop()
    gateway = start_gateway(config)
    assert audit_of(gateway, OPERATOR)[0] == 403
    status, page = audit_of(gateway, ADMIN)
    assert status == 200 and "next" not in page
    rows = [(row.get("who"), row["target"], row["result"], row["status"]) for row in page["audit"]]
    assert rows == [(None, "dlv_3-0", "unauthenticated", 401), ("olga", "dlv_2-0", "refused", 404),
                    ("vera", "dlv_1-0", "denied", 403)]
    first = audit_of(gateway, ADMIN, "?limit=1")[1]
    rest = audit_of(gateway, ADMIN, "?before=" + first["next"])[1]
    assert first["audit"] + rest["audit"] == page["audit"]
    result = tocsin("audit", *at(gateway), token=ADMIN)
    assert result.returncode == 0 and "dead_letter.discard" in result.stdout, result.stderr


def test_without_tokens_other_sites_and_rebound_names_are_refused(module_gateway):
    gateway = module_gateway({})
    assert ask(gateway, "GET", "/v1/health")[0] == 200
    assert ask(gateway, "GET", "/v1/health", {"Host": "evil.example"})[0] == 403
    assert ask(gateway, "GET", "/v1/health", {"Origin": "http://evil.example"})[0] == 403
    assert ask(gateway, "GET", "/healthz", {"Host": "evil.example"})[0] == 200


def test_commands_say_when_no_gateway_runs():
    result = tocsin("outputs", "--admin", "127.0.0.1:1")
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr == "tocsin: nothing answers at 127.0.0.1:1; is the gateway running?\n"


def test_commands_show_their_token(guarded, tmp_path):
    result = tocsin("outputs", *at(guarded))
    assert result.returncode == 1 and "--token-file" in result.stderr
    secret = tmp_path / "token"
    secret.write_text(VIEWER + "\n")
    for arguments, token in ((["--token-file", secret], None), (["--token", VIEWER], None), ([], VIEWER)):
        result = tocsin("outputs", *at(guarded), *arguments, token=token)
        assert result.returncode in (0, 1) and "oken" not in result.stderr, result.stderr


def test_commands_find_the_gateway_in_its_configuration(guarded):
    port = guarded.admin_address()[1]
    config = guarded.config_path.with_name("known.yaml")
    config.write_text(f'admin: {{address: "127.0.0.1:{port}"}}\n')
    result = tocsin("dlq", "list", "-c", config)
    assert result.returncode == 1 and "oken" in result.stderr  # it got as far as the question who asks
    result = tocsin("dlq", "list", "-c", guarded.config_path)  # port 0 there
    assert result.returncode == 2 and "--admin" in result.stderr


def test_send_names_the_missing_role(guarded):
    result = tocsin("send", "-", *at(guarded), text='{"topic": "a"}', token=VIEWER)
    assert result.returncode == 1 and "This takes the role operator; vera has viewer." in result.stderr
    result = tocsin("send", "--topic", "a", "--json", *at(guarded), token=VIEWER)
    assert json.loads(result.stdout)["status"] == 403


@pytest.mark.parametrize("arguments", [
    ["send"], ["send", "--topic", "a", "-"], ["send", "--topic", "a", "--label", "x"], ["dlq"], ["dlq", "redrive"],
    ["dlq", "redrive", "--all"], ["dlq", "list", "--limit", "0"], ["outputs", "--admin", "nonsense"]])
def test_wrong_usage_is_told_apart(arguments):
    result = tocsin(*arguments)
    assert (result.returncode, result.stdout) == (2, ""), result.stderr
    assert result.stderr
