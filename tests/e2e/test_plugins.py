"""`tocsin plugins` on the real binary, and the SDK as somebody outside this repository uses it."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from gateway_process import BINARY

ROOT = Path(__file__).resolve().parents[2]
TEST_PLUGINS = BINARY.parent / "tests" / "plugins"


def tocsin(*arguments):
    return subprocess.run([BINARY, "plugins", *map(str, arguments)], capture_output=True, text=True,
                          check=False, timeout=60)


def test_the_shipped_plugins_are_found_beside_the_binary():
    listed = tocsin("list", "--json")
    assert listed.returncode == 0, listed.stderr
    plugins = {(row["kind"], row["name"]): row for row in json.loads(listed.stdout)}
    for name in ("file", "flaky", "log", "null"):
        row = plugins["output", name]
        assert "refused" not in row
        assert "output" in row["kinds"] and row["version"] and row["doc"]


def test_people_get_aligned_columns():
    lines = tocsin("list").stdout.splitlines()
    assert lines[0].split() == ["KIND", "NAME", "VERSION"]
    column = lines[0].index("NAME")
    assert all(line[column - 1] == " " and line[column] != " " for line in lines)


def test_refused_plugins_are_listed_with_the_reason():
    listed = tocsin("list", "--path", TEST_PLUGINS / "broken")
    assert listed.returncode == 0
    rows = {line.split()[1]: line for line in listed.stdout.splitlines()[1:]}
    assert "REFUSED" in rows["hash"] and "built with another plugin.h" in rows["hash"]
    assert rows["option_default"].endswith("the default does not parse")
    assert len(rows) == 15


def test_a_plugin_is_shown_with_its_options():
    shown = tocsin("show", "file")
    assert shown.returncode == 0, shown.stderr
    assert shown.stdout.startswith("output file 0.1.0: Appends JSON lines to a file.\n")
    path = next(line for line in shown.stdout.splitlines() if line.startswith("path"))
    assert "required" in path and "1..4096" in path
    assert "none|data" in shown.stdout
    options = json.loads(tocsin("show", "output", "flaky", "--json").stdout)["options"]
    script = next(option for option in options if option["key"] == "script")
    assert script["type"] == "list" and script["element"]["type"] == "string"
    assert r"*{{title}}*\n{{body}}" in tocsin("show", "chat_webhook").stdout


@pytest.mark.parametrize("arguments, words", [
    (["show", "nothing"], "there is no plugin nothing"),
    (["show", "pudding", "file"], "there is no kind pudding"),
    (["show", "output", "nothing"], "no folder of plugin_path has output_nothing.so"),
    (["new", "output", "Not-A-Name"], "is no name for a plugin"),
    (["new", "pudding", "x", "/tmp"], "there is no template for the kind pudding; there is for filter, output"),
])
def test_what_cannot_be_is_said(arguments, words):
    result = tocsin(*arguments)
    assert result.returncode == 1
    assert words in result.stderr and result.stdout == ""


def test_a_new_plugin_never_overwrites(tmp_path):
    (tmp_path / "pager").mkdir()
    result = tocsin("new", "output", "pager", tmp_path)
    assert result.returncode == 1 and "is there already" in result.stderr


@pytest.fixture(scope="module")
def sdk(tmp_path_factory):
    """The SDK, installed as a package would."""
    prefix = tmp_path_factory.mktemp("sdk")
    subprocess.run(["cmake", "--install", BINARY.parent, "--component", "sdk", "--prefix", prefix],
                   check=True, capture_output=True, timeout=60)
    return prefix


@pytest.mark.parametrize("kind", ["output", "filter"])
def test_a_new_plugin_builds_out_of_tree_passes_its_test_and_is_loaded(sdk, tmp_path, kind):
    created = tocsin("new", kind, "my_pager", tmp_path)
    assert created.returncode == 0, created.stderr
    source = tmp_path / "my_pager"
    assert "class MyPager final" in (source / "my_pager.cc").read_text()
    build = source / "build"
    # Its own folder and the installed SDK: nothing of this repository.
    environment = {key: value for key, value in os.environ.items() if not key.startswith("CMAKE")}
    for command in (["cmake", "-G", "Ninja", "-S", source, "-B", build, f"-DCMAKE_PREFIX_PATH={sdk}",
                     "-DCMAKE_CXX_FLAGS=-Wall -Wextra -Werror"],
                    ["cmake", "--build", build],
                    ["ctest", "--test-dir", build, "--no-tests=error", "--output-on-failure"]):
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300,
                              env=environment)
        assert done.returncode == 0, done.stdout + done.stderr
    shown = tocsin("show", kind, "my_pager", "--path", build)
    assert shown.returncode == 0, shown.stderr
    assert shown.stdout.startswith(f"{kind} my_pager 0.1.0: ")


def test_what_the_sdk_installs_is_the_contract_this_binary_speaks(sdk):
    ours = (BINARY.parent / "sdk" / "include" / "tocsin" / "abi_hash.h").read_text()
    assert (sdk / "include" / "tocsin" / "abi_hash.h").read_text() == ours
    assert (sdk / "include" / "tocsin" / "plugin.h").read_bytes() == \
        (ROOT / "sdk" / "include" / "tocsin" / "plugin.h").read_bytes()
