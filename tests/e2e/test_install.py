"""What `cmake --install --component gateway` puts into a prefix works there, without the source tree."""

import json
import subprocess

import pytest

from gateway_process import BUILD, ROOT

SCRIPTS = sorted(path.stem.split("_", 1)[1] for path in (ROOT / "lua" / "plugins").glob("*.lua"))


@pytest.fixture(name="prefix", scope="module")
def fixture_prefix(tmp_path_factory):
    prefix = tmp_path_factory.mktemp("prefix")
    subprocess.run(["cmake", "--install", BUILD, "--component", "gateway", "--prefix", prefix], check=True,
                   capture_output=True, timeout=120)
    return prefix


def tocsin(prefix, *words):
    done = subprocess.run([prefix / "bin" / "tocsin", *words], capture_output=True, text=True, check=False, timeout=60,
                          cwd=prefix)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_it_has_the_binary_the_plugins_and_the_library_and_nothing_else(prefix):
    found = {str(path.relative_to(prefix)) for path in prefix.rglob("*") if path.is_file()}
    modules = {f"lib/tocsin/plugins/tocsin/{path.name}" for path in (ROOT / "lua" / "tocsin").glob("*.lua")}
    scripts = {f"lib/tocsin/plugins/{path.name}" for path in (ROOT / "lua" / "plugins").glob("*.lua")}
    assert modules and scripts and modules | scripts <= found
    compiled = {name for name in found if name.endswith(".so")}
    assert {"lib/tocsin/plugins/output_webhook.so", "lib/tocsin/plugins/storage_sqlite.so"} <= compiled
    presets = {f"share/tocsin/presets/{path.name}" for path in (ROOT / "conf" / "presets").glob("*.yaml")}
    assert found == modules | scripts | compiled | presets | {"bin/tocsin"}


def test_the_installed_binary_lists_its_plugins_and_scripts(prefix):
    plugins = json.loads(tocsin(prefix, "plugins", "list", "--json"))
    names = {(one["kind"], one["name"]) for one in (plugins["plugins"] if isinstance(plugins, dict) else plugins)}
    assert {("output", name) for name in SCRIPTS} <= names
    assert {("output", "webhook"), ("filter", "dedup"), ("storage", "sqlite")} <= names


def test_an_installed_script_finds_the_library(prefix, tmp_path):
    """Also a script of the operator's that lies elsewhere."""
    (tmp_path / "route.lua").write_text('local text = require "tocsin.text"\n'
                                        'function route(n) if text.begins(n.topic, "a") then return "chat" end end\n')
    (tmp_path / "tocsin.yaml").write_text("""\
listeners: {public: {address: "127.0.0.1:0", routes: [{prefix: /, plugin: api}]}}
inputs: {api: {type: http}}
outputs: {chat: {type: chat_webhook, url: "http://127.0.0.1:9/x"}}
routes: [{script: route.lua}, {outputs: [chat]}]
storage: {type: sqlite, path: outbox.db}
""")
    tocsin(prefix, "check", "--create", "-c", str(tmp_path / "tocsin.yaml"))
