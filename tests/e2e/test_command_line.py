"""What the program says before it serves, and how it ends: for people, for scripts, for editors."""

import json
import os
import re
import resource
import socket
import subprocess

import pytest
import yaml

from gateway_process import BINARY, ROOT, Gateway, eventually
from conftest import complete
from raw_client import Connection

pytestmark = pytest.mark.sanitize

GOOD = """\
admin: {address: "127.0.0.1:0"}
listeners:
  public:
    address: "127.0.0.1:0"
    routes:
      - {path: /, respond: {body: hello}}
"""
SHIPPED = sorted(path for path in (ROOT / "conf").rglob("*.yaml")
                 if not path.name.endswith(".suite.yaml") and path.parent.name != "presets")
# What has secrets takes them from the environment; the tests of its outputs have them, too.
SECRETS = {"SLACK_TOKEN": "xoxb-1", "TWILIO_TOKEN": "t0ken"}
WITH_ACCOUNTS = ROOT / "conf/examples/push/tocsin.yaml"  # test_webpush.py makes them
UNKNOWN_KEY = GOOD.replace("    routes:", "    rutes:")


def tocsin(*arguments, **options):
    return subprocess.run([BINARY, *map(str, arguments)], stdin=subprocess.DEVNULL, text=True, capture_output=True,
                          timeout=30, check=False, **options)


@pytest.fixture(name="write")
def fixture_write(tmp_path):
    def write(text, name="tocsin.yaml"):
        path = tmp_path / name
        path.write_text(text)
        return path
    return write


def check_says_place(result, path, line, column, words):
    """Exit code 1, and the fault at file:line:column on standard error."""
    assert result.returncode == 1
    assert f"{path}:{line}:{column}: " in result.stderr
    assert words in result.stderr


# --- check ------------------------------------------------------------------------------------------


def test_check_of_a_good_file(write):
    path = write(GOOD)
    result = tocsin("check", "-c", path)
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout == f"{path}: ok: 1 listener (public at 127.0.0.1:0), 1 route, admin at 127.0.0.1:0\n"


def test_check_of_a_bad_file(write):
    path = write(UNKNOWN_KEY)
    result = tocsin("check", "-c", path)
    assert result.stdout == ""
    check_says_place(result, path, 5, 5, "rutes")
    assert "routes" in result.stderr  # the suggestion
    assert result.stderr.endswith(f"1 fault in {path}\n")


def test_check_for_programs(write):
    good = json.loads(tocsin("check", "--json", "-c", write(GOOD)).stdout)
    assert good["ok"] is True and good["listeners"] == {"public": {"address": "127.0.0.1:0", "routes": 1}}
    path = write(UNKNOWN_KEY)
    result = tocsin("check", "--json", "-c", path)
    bad = json.loads(result.stdout)
    assert result.returncode == 1 and bad["ok"] is False
    fault, = bad["errors"]
    assert (fault["file"], fault["line"], fault["column"]) == (str(path), 5, 5)
    assert fault["path"] == "listeners.public" and "routes" in fault["hint"]


def test_check_of_a_file_that_is_not_there(tmp_path):
    result = tocsin("check", "-c", tmp_path / "none.yaml")
    assert result.returncode == 1 and str(tmp_path / "none.yaml") in result.stderr


def test_check_touches_nothing(write):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        path = write(GOOD.replace('127.0.0.1:0"\n', f'127.0.0.1:{taken.getsockname()[1]}"\n'))
        assert tocsin("check", "-c", path).returncode == 0


@pytest.mark.parametrize("path", [path for path in SHIPPED if path != WITH_ACCOUNTS],
                         ids=lambda path: str(path.relative_to(ROOT)))
def test_shipped_configurations_are_good(path):
    result = tocsin("check", "-c", path, env={**os.environ, **SECRETS})
    assert (result.returncode, result.stderr) == (0, "")


def test_check_warns_of_what_is_hardly_meant(write):
    path = write("include: conf.d/*.yaml\nadmin: {address: \"127.0.0.1:0\"}\n")
    result = tocsin("check", "-c", path)
    assert result.returncode == 0
    assert f"warning: {path}:1:10: the pattern " in result.stderr and "matches no file" in result.stderr
    assert "warning: " in result.stderr and "there is no listener and no input" in result.stderr
    warnings = json.loads(tocsin("check", "--json", "-c", path).stdout)["warnings"]
    assert [warning["line"] for warning in warnings] == [1, 0]


def test_check_create_looks_where_logs_go(write, tmp_path):
    missing = tmp_path / "no" / "folder" / "access.log"
    path = write(GOOD.replace("    routes:", f"    filters: [{{type: access_log, path: {missing}}}]\n    routes:"))
    assert tocsin("check", "-c", path).returncode == 0
    check_says_place(tocsin("check", "--create", "-c", path), path, 5, 40, f"there is no folder {missing.parent}")
    assert not missing.parent.exists()


@pytest.mark.parametrize("path, words", [
    (":memory:", "a database in memory would end with the gateway: name a file"),
    ("/dev/null", "'/dev/null' is no regular file: name another path"),
    ("/", "'/' is no regular file: name another path"),
])
def test_check_create_refuses_what_can_be_no_database(write, path, words):
    config = write(GOOD + f'outputs: {{out: {{type: "null"}}}}\nstorage: {{type: sqlite, path: "{path}"}}\n')
    result = tocsin("check", "--create", "-c", config)
    assert result.returncode == 1
    assert f"storage.path: {words}" in result.stderr


def test_slips_of_the_command_line_are_explained(write):
    path = write(GOOD)
    for words, answer in ((["chek"], 'there is no command "chek"; did you mean check?'),
                          (["xyzzy"], 'there is no command "xyzzy"; tocsin --help lists them'),
                          (["check", path], f"the file goes behind -c: tocsin check -c {path}"),
                          (["run", path], f"the file goes behind -c: tocsin run -c {path}")):
        result = tocsin(*words)
        assert (result.returncode, result.stdout, result.stderr) == (2, "", f"tocsin: {answer}\n")


def test_version_and_help_are_found_however_one_asks():
    assert tocsin("--version").stdout == tocsin("version").stdout != ""
    assert tocsin("help").stdout == tocsin("--help").stdout != ""
    assert tocsin("help", "check").stdout == tocsin("check", "--help").stdout != ""
    assert tocsin("help", "check").returncode == 0


# --- run --------------------------------------------------------------------------------------------


def test_run_with_a_bad_file_says_where(write):
    path = write(UNKNOWN_KEY)
    check_says_place(tocsin("run", "-c", path), path, 5, 5, "rutes")


def test_run_says_which_address_is_taken(write):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        path = write(GOOD.replace('    address: "127.0.0.1:0"', f'    address: "{address}"'))
        result = tocsin("run", "-c", path)
        check_says_place(result, path, 4, 14, address)
        assert "in use" in result.stderr
        path = write(GOOD.replace('admin: {address: "127.0.0.1:0"}', f'admin: {{address: "{address}"}}'))
        check_says_place(tocsin("run", "-c", path), path, 1, 18, address)


def test_two_gateways_do_not_share_a_port(write, start_gateway):
    first = start_gateway({"listeners": {"public": {"routes": [{"path": "/", "respond": 200}]}}})
    host, port = first.address()
    path = write(GOOD.replace('    address: "127.0.0.1:0"', f'    address: "{host}:{port}"'))
    check_says_place(tocsin("run", "-c", path), path, 4, 14, "Address already in use")


def test_run_with_closed_standard_streams(write, tmp_path):
    log = tmp_path / "main.log"
    path = write(GOOD + f"gateway: {{log: {{output: {log}}}}}\n")
    for closed in ("0", "1", "2", "012"):
        log.write_text("")
        command = f'exec "{BINARY}" run -c "{path}" ' + " ".join(f"{fd}>&-" for fd in closed)
        with subprocess.Popen(["sh", "-c", command], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL) as process:
            eventually(lambda: '"message":"ready"' in log.read_text(), True, f"ready without {closed}")
            process.terminate()
            assert process.wait(30) == 0, f"without {closed}"
        assert json.loads(log.read_text().splitlines()[-1])["message"] == "stopped"


def test_run_says_when_it_may_open_too_few_files(write):
    result = tocsin("run", "-c", write(GOOD), preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (20, 20)))
    assert result.returncode == 1
    assert result.stderr.startswith("tocsin: the process may open 20 files, and this configuration needs ")


def test_run_does_not_wait_for_a_pipe_that_nobody_reads(write, tmp_path):
    fifo = tmp_path / "access.fifo"
    os.mkfifo(fifo)
    path = write(GOOD.replace("    routes:", f"    filters: [{{type: access_log, path: {fifo}}}]\n    routes:"))
    check_says_place(tocsin("run", "-c", path), path, 5, 40, "it is a named pipe and nobody reads it")


def test_a_full_disk_under_a_log_is_said_once(start_gateway):
    gateway = start_gateway({"listeners": {"public": {
        "filters": [{"type": "access_log", "path": "/dev/full"}], "routes": [{"path": "/", "respond": 200}]}}})
    with Connection(gateway.address()) as connection:
        for _ in range(20):
            connection.get()
    entry = gateway.wait_for_log("an access log lost lines")
    assert entry["path"] == "/dev/full" and entry["error"] == "No space left on device" and entry["lines"] > 0


def test_run_says_which_log_cannot_be_written(write, tmp_path):
    missing = tmp_path / "no" / "such" / "folder" / "access.log"
    path = write(GOOD.replace("    routes:", f"    filters: [{{type: access_log, path: {missing}}}]\n    routes:"))
    check_says_place(tocsin("run", "-c", path), path, 5, 40, str(missing))
    path = write(GOOD + f"gateway: {{log: {{output: {missing}}}}}\n")
    check_says_place(tocsin("run", "-c", path), path, 7, 25, str(missing))


def test_run_names_all_that_is_wrong_at_once(write):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        path = write(GOOD.replace("127.0.0.1:0", address, 1).replace("127.0.0.1:0", address.replace(".1:", ".2:")))
        with socket.create_server(("127.0.0.2", taken.getsockname()[1])):
            result = tocsin("run", "-c", path)
    check_says_place(result, path, 1, 18, "in use")
    check_says_place(result, path, 4, 14, "in use")


def test_run_logs_where_it_listens(start_gateway):
    gateway = start_gateway(yaml.safe_load(GOOD))
    listening, ready = gateway.log()
    assert listening["message"] == "listening" and listening["listener"] == "public"
    assert re.fullmatch(r"127\.0\.0\.1:[1-9]\d*", listening["address"])
    assert ready["message"] == "ready" and ready["workers"] == 2 and ready["startup_ms"] >= 0


def test_run_logs_text_for_people(tmp_path):
    settings = complete({"gateway": {"log": {"format": "text"}}, "listeners": {"public": {}}})
    gateway = Gateway(settings, tmp_path)
    with gateway.process:
        line = gateway.wait_for_text("ready")
        assert re.fullmatch(r"\S+ INFO     app: ready version=\S+ workers=2 admin=127\.0\.0\.1:\d+ startup_ms=\S+", line)
        gateway.process.terminate()
        assert gateway.wait() == 0


# --- the rest ---------------------------------------------------------------------------------------


def test_version_for_people_and_programs():
    result = tocsin("version", "--json")
    facts = json.loads(result.stdout)
    assert result.returncode == 0 and re.fullmatch(r"\d+\.\d+\.\d+\S*", facts["version"])
    assert {"revision", "build_type", "compiler", "system", "libraries"} <= facts.keys()
    assert {"libuv", "llhttp"} <= facts["libraries"].keys()
    assert tocsin("version").stdout.startswith(f"tocsin {facts['version']}\n")


@pytest.mark.parametrize("arguments", [[], ["serve"], ["run", "--port", "80"], ["check", "-c"], ["chekc"], ["check", "x"]])
def test_wrong_usage_is_2(arguments):
    result = tocsin(*arguments)
    assert result.returncode == 2 and result.stdout == "" and result.stderr != ""


@pytest.mark.parametrize("arguments", [["--help"], ["run", "--help"], ["check", "-h"]])
def test_help_is_no_fault(arguments):
    result = tocsin(*arguments)
    assert result.returncode == 0 and "tocsin" in result.stdout and result.stderr == ""


def test_a_full_disk_is_a_failure():
    with open("/dev/full", "wb") as full:
        result = subprocess.run([BINARY, "schema"], stdout=full, stderr=subprocess.PIPE, timeout=30, check=False)
    assert result.returncode == 1


def walk(schema):
    """Every schema inside a schema."""
    yield schema
    for key in ("properties", "$defs", "patternProperties"):
        for inner in schema.get(key, {}).values():
            yield from walk(inner)
    for key in ("items", "additionalProperties", "not", "if", "then", "else", "propertyNames"):
        if isinstance(schema.get(key), dict):
            yield from walk(schema[key])
    for key in ("anyOf", "oneOf", "allOf"):
        for inner in schema.get(key, []):
            yield from walk(inner)


TYPES = {"object": dict, "array": list, "string": str, "boolean": bool, "integer": int, "number": (int, float),
         "null": type(None)}


def accepts(schema, value, root):
    """Whether the schema takes the value, by the keywords that decide about structure."""
    if "$ref" in schema:
        target = root
        for step in schema["$ref"].removeprefix("#/").split("/"):
            target = target[step]
        if not accepts(target, value, root):
            return False
    kinds = schema.get("type", list(TYPES))
    kinds = [kinds] if isinstance(kinds, str) else kinds
    fits = [kind for kind in kinds if isinstance(value, TYPES[kind])
            and not (isinstance(value, bool) and kind in ("integer", "number"))]
    if not fits or ("enum" in schema and value not in schema["enum"]) or ("const" in schema and value != schema["const"]):
        return False
    for keyword, enough in (("anyOf", any), ("allOf", all), ("oneOf", lambda answers: sum(answers) == 1)):
        if keyword in schema and not enough([accepts(inner, value, root) for inner in schema[keyword]]):
            return False
    if "if" in schema:
        branch = schema.get("then" if accepts(schema["if"], value, root) else "else", {})
        if not accepts(branch, value, root):
            return False
    if isinstance(value, str) and "pattern" in schema and not re.search(schema["pattern"], value):
        return False
    if isinstance(value, list) and isinstance(schema.get("items"), dict):
        return all(accepts(schema["items"], item, root) for item in value)
    return not isinstance(value, dict) or accepts_members(schema, value, root)


def accepts_members(schema, value, root):
    if not set(schema.get("required", [])) <= value.keys():
        return False
    known = schema.get("properties", {})
    others = schema.get("additionalProperties", True)
    return all(accepts(known[key], inner, root) if key in known else
               (accepts(others, inner, root) if isinstance(others, dict) else others)
               for key, inner in value.items())


@pytest.fixture(scope="module", name="schema")
def fixture_schema():
    return json.loads(tocsin("schema").stdout)


def test_the_schema_is_one(schema):
    assert schema["$schema"].startswith("https://json-schema.org/draft/")
    assert {"gateway", "admin", "listeners"} <= schema["properties"].keys()
    for inner in walk(schema):
        kinds = inner.get("type", [])
        assert set([kinds] if isinstance(kinds, str) else kinds) <= TYPES.keys()
        assert isinstance(inner.get("properties", {}), dict) and isinstance(inner.get("required", []), list)
        assert set(inner.get("required", [])) <= inner.get("properties", dict.fromkeys(inner.get("required", []))).keys()
        if "pattern" in inner:
            re.compile(inner["pattern"])


# The schema knows the plugins beside the binary, not those that a configuration brings.
WITHOUT_PLUGINS = [path for path in SHIPPED if "plugin_path: [." not in path.read_text()]


@pytest.mark.parametrize("path", WITHOUT_PLUGINS, ids=lambda path: str(path.relative_to(ROOT)))
def test_the_schema_takes_shipped_configurations(schema, path):
    assert accepts(schema, yaml.safe_load(path.read_text()), schema)


@pytest.mark.parametrize("text", [UNKNOWN_KEY, "listeners: 7\n", "nonsense: {}\n", "listeners: {a: {}}\n",
                                  GOOD + "gateway: {workers: many}\n", GOOD + "gateway: {shutdown_grace: soon}\n"])
def test_the_schema_refuses_what_check_refuses(schema, write, text):
    assert tocsin("check", "-c", write(text)).returncode == 1
    assert not accepts(schema, yaml.safe_load(text), schema)


def test_the_schema_knows_that_a_preset_brings_what_is_required(schema):
    def takes(output):
        return accepts(schema, {"outputs": {"a": {"type": "webhook", **output}}}, schema)
    assert takes({"url": "http://a.example/"})
    assert takes({"preset": "discord", "values": {"url": "http://a.example/"}})
    assert not takes({"method": "PUT"})
    assert not takes({"preset": "discord", "nonsense": 1})
