#!/usr/bin/python3
"""Checks that rooms include only what the architecture lets them see.

usage: tests/lint/layers.py [ROOT]

Three rules: the direction between the rooms of gateway/, the one room (or plugin) that may see a
third-party header, and plugins and sdk that know nothing of gateway/.
"""

import re
import sys
from pathlib import Path

import project

# room -> the rooms it may include; what those may include follows by itself.
DIRECTION = {
    "base": (),
    "policy": ("base",),
    "telemetry": ("base",),
    "message": ("base",),
    "config": ("base",),
    "stage": ("telemetry", "message"),
    "template": ("message",),
    "event": ("telemetry",),
    "http": ("event",),
    "redis": ("policy", "event"),
    "routing": ("policy", "stage", "template"),
    "delivery": ("routing", "event"),
    "proxy": ("policy", "http", "template"),
    "plugin": ("http", "stage", "redis", "template"),
    "script": ("http", "stage", "redis", "template"),
    "admin": ("delivery", "proxy", "redis"),
}
# The one room that may include every other.
TOP_ROOM = "app"


class Rule:
    """A third-party header and who may include it.

    headers: pattern the included path matches; owners: folders whose files may include it;
    one_file: the header costs seconds to compile, so that only one file of gateway/ may pay for it;
    free_in_tests: unit tests of any room may use it to look at results.
    """

    def __init__(self, headers, *owners, one_file=False, free_in_tests=False):
        self.headers = re.compile(rf"(?:{headers})")
        self.owners = owners
        self.one_file = one_file
        self.free_in_tests = free_in_tests


THIRD_PARTY = (
    Rule(r"uv\.h$|uv/", "gateway/event", "tests/bench"),
    Rule(r"ares(_\w+)?\.h$", "gateway/event"),
    Rule(r"llhttp\.h$", "gateway/http", "tests/bench"),
    Rule(r"nghttp2/", "gateway/http"),
    Rule(r"wslay/", "gateway/http"),
    Rule(r"hiredis/", "gateway/redis"),
    # The document of operations is JSON, and so YAML; rapidjson/document.h does not compile with clang 19.
    Rule(r"yaml-cpp/", "gateway/config", "tests/unit/plugins/sdk_openapi_test.cc"),
    Rule(r"(lua|lauxlib|lualib|luaconf)\.h$|lua\.hpp$|lua5", "gateway/script", "tests/fuzz/fuzz_pattern.cc"),
    Rule(r"CLI/", "gateway/app", one_file=True),
    Rule(r"(spdlog|fmt)/", "gateway/telemetry"),
    Rule(r"prometheus/", "gateway/telemetry"),
    Rule(r"(kainjow/)?mustache\.hpp$", "gateway/template", one_file=True),
    Rule(r"cctz/", "gateway/template", one_file=True),
    Rule(r"jsoncons(_ext)?/", "gateway", one_file=True),
    Rule(r"rapidjson/", "gateway/base/json_reader.cc", "gateway/message/notification_codec.cc", "plugins",
         "sdk/include/tocsin/sdk/json.hpp", "tests/unit/plugins", "tests/fuzz/fuzz_batch.cc", "tests/bench", free_in_tests=True),
    Rule(r"librdkafka/", "plugins"),
    Rule(r"(libpq-fe|libpq|pg_config)\b", "plugins/storage"),
    Rule(r"sqlite3(ext)?\.h$", "plugins/storage", "tests/conformance/storage", "tests/bench"),
    Rule(r"curl/", "plugins/output/smtp", "tests/bench/smtp"),
    Rule(r"idn2\.h$", "plugins/output/smtp"),
    Rule(r"openssl/", "gateway/event", "plugins", "tests/unit/event", "tests/unit/plugins"),
    # No part of the contract: an HTTP surface as data, which the admin API has, too.
    Rule(r"tocsin/sdk/(openapi|wire_schemas)\.hpp$", "gateway/admin", "plugins", "sdk", "tests/unit/plugins"),
    # No part of it either: how texts are cut, here and in plugins.
    Rule(r"tocsin/sdk/cut\.hpp$", "gateway/template", "gateway/plugin", "plugins", "sdk", "tests/unit"),
    Rule(r"tocsin/(?!sdk/(openapi|wire_schemas|cut)\.hpp$)", "gateway/plugin", "plugins", "sdk", "tests/plugins", "tests/conformance",
         "tests/unit/plugins"),
)

# The contract with plugins, written as an outsider writes it.
SDK = "tocsin/"

# Tests of plugins, which meet them as the gateway does and see no room.
PLUGIN_TESTS = Path("tests/unit/plugins")

CODE = (".h", ".hpp", ".c", ".cc")


def closure(direction=None):
    """The rooms each room may see, itself included, with the transitive ones."""
    direction = DIRECTION if direction is None else direction
    seen = {}

    def visit(room, path):
        if room in path:
            raise ValueError("the direction table is circular: " + " -> ".join((*path, room)))
        if room not in seen:
            below = [visit(lower, (*path, room)) for lower in direction[room]]
            seen[room] = {room}.union(*below)
        return seen[room]

    for room in direction:
        visit(room, ())
    seen[TOP_ROOM] = set(direction) | {TOP_ROOM}
    return seen


def room_of(path):
    """The room a file belongs to: that of gateway/<room>/ or tests/unit/<room>/, else None."""
    parts = Path(path).parts
    if Path(path).is_relative_to(PLUGIN_TESTS):
        return None
    if len(parts) > 2 and parts[0] == "gateway":
        return parts[1]
    if len(parts) > 3 and parts[:2] == ("tests", "unit"):
        return parts[2]
    return None


def check_room_include(path, room, included, visible):
    """The complaint about one include of gateway/... from a file of a room, or None."""
    parts = Path(included).parts
    target = parts[1] if len(parts) > 2 else None
    if target not in visible:
        return f"'{included}' is in no room of the architecture's table"
    if target not in visible[room]:
        return f"room '{room}' must not see room '{target}' ('{included}')"
    return None


def check_outside_include(path, quoted, included):
    """The complaint about one include from plugins/ or sdk/, or None."""
    first = Path(included).parts[0]
    if first in ("gateway", "tests", "plugins"):
        return f"'{Path(path).parts[0]}' must not include '{included}': only sdk/ and system headers"
    if path.parts[0] == "plugins" and quoted and ".." in Path(included).parts:
        return f"'{included}' leaves the plugin's own folder"
    return None


def check_third_party(path, included):
    """The complaint about a third-party header outside its room, or None."""
    unit_room = room_of(path) if path.parts[0] == "tests" else None
    home = Path("gateway", unit_room) if unit_room else path
    for rule in THIRD_PARTY:
        if rule.headers.match(included):
            if unit_room and rule.free_in_tests:
                continue
            if not any(home.is_relative_to(owner) for owner in rule.owners):
                return f"'{included}' may be included only below {', '.join(rule.owners)}"
    return None


def check_file(root, path, visible):
    """Yields the complaints about one file."""
    text = (root / path).read_text(encoding="utf-8", errors="replace")
    room = room_of(path)
    if room is not None and room not in visible:
        yield f"{path}:1: room '{room}' is not in the architecture's table"
        return
    for line, quoted, included in project.includes(text):
        complaint = None
        if path.parts[0] in ("plugins", "sdk"):
            complaint = check_outside_include(path, quoted, included)
        elif included.startswith("gateway/"):
            if room is not None:
                complaint = check_room_include(path, room, included, visible)
            elif path.is_relative_to(PLUGIN_TESTS):
                complaint = f"a test of plugins must not include '{included}'"
        elif quoted and path.parts[0] == "gateway" and not included.startswith(SDK):
            complaint = f"'{included}' is not written from the repository's root"
        complaint = complaint or check_third_party(path, included)
        if complaint:
            yield f"{path}:{line}: {complaint}"


def check_one_file_headers(root, paths):
    """Yields a complaint for each heavy header that more than one file of gateway/ compiles."""
    users = {}
    for path in paths:
        if path.parts[0] != "gateway":
            continue
        for line, _, included in project.includes((root / path).read_text(errors="replace")):
            for rule in THIRD_PARTY:
                if rule.one_file and rule.headers.match(included):
                    users.setdefault(rule, {}).setdefault(path, (line, included))
    for places in users.values():
        for path, (line, included) in places.items():
            if path.suffix != ".cc":
                yield f"{path}:{line}: '{included}' is heavy and belongs in one .cc, not in a header"
        if len(places) > 1:
            names = ", ".join(str(path) for path in places)
            included = next(iter(places.values()))[1]
            yield f"{names}: '{included}' is heavy and belongs in one file alone"


def check(root):
    """All complaints about the tree at root."""
    root = Path(root)
    visible = closure()
    paths = project.files(root, CODE, ("gateway", "plugins", "sdk", "tests"))
    complaints = [complaint for path in paths for complaint in check_file(root, path, visible)]
    complaints += check_one_file_headers(root, paths)
    return complaints


if __name__ == "__main__":
    sys.exit(project.report(check(sys.argv[1] if len(sys.argv) > 1 else project.ROOT), "layers"))
