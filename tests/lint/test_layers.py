"""The layer check finds what is planted, and nothing in what is allowed."""

import subprocess
import sys
from pathlib import Path

import pytest

import layers

# The whole of "who may see whom", written out, so that a slip in the table's closure shows.
VISIBLE = {
    "base": "base",
    "policy": "base policy",
    "telemetry": "base telemetry",
    "message": "base message",
    "config": "base config",
    "stage": "base telemetry message stage",
    "template": "base message template",
    "event": "base telemetry event",
    "http": "base telemetry event http",
    "redis": "base policy telemetry event redis",
    "routing": "base policy telemetry message stage template routing",
    "delivery": "base policy telemetry message stage template routing event delivery",
    "proxy": "base policy telemetry message event http template proxy",
    "plugin": "base policy telemetry message event http stage redis template plugin",
    "script": "base policy telemetry message event http stage redis template script",
    "admin": "base policy telemetry message stage template routing event delivery http proxy redis admin",
    "app": "base policy telemetry message config stage template event http redis routing delivery proxy "
           "plugin script admin app",
}


def test_the_closure_is_the_one_written_out():
    assert layers.closure() == {room: set(seen.split()) for room, seen in VISIBLE.items()}


def test_a_circular_table_is_refused():
    with pytest.raises(ValueError, match="a -> b -> a"):
        layers.closure({"a": ("b",), "b": ("a",)})


@pytest.mark.parametrize("room", VISIBLE)
@pytest.mark.parametrize("target", VISIBLE)
def test_each_pair_of_rooms_is_judged_by_the_table(tree, room, target):
    tree(f"gateway/{room}/a.cc", f'#include "gateway/{target}/b.h"\n')
    allowed = target in VISIBLE[room].split()
    complaints = layers.check(tree.root)
    assert (complaints == []) == allowed, complaints
    if not allowed:
        assert complaints == [f"gateway/{room}/a.cc:1: room '{room}' must not see room '{target}' "
                              f"('gateway/{target}/b.h')"]


@pytest.mark.parametrize("path, include, complaint", [
    ("gateway/http/a.cc", "<uv.h>", "'uv.h' may be included only below gateway/event, tests/bench"),
    ("tests/unit/plugins/a_test.cc", '"gateway/base/result.h"',
     "a test of plugins must not include 'gateway/base/result.h'"),
    ("gateway/http/a.cc", "<openssl/evp.h>",
     "'openssl/evp.h' may be included only below gateway/event, plugins, tests/unit/event, tests/unit/plugins"),
    ("gateway/event/a.cc", "<llhttp.h>", "'llhttp.h' may be included only below gateway/http, tests/bench"),
    ("gateway/http/a.cc", "<ares.h>", "'ares.h' may be included only below gateway/event"),
    ("gateway/app/a.cc", "<yaml-cpp/yaml.h>", "'yaml-cpp/yaml.h' may be included only below gateway/config, "
     "tests/unit/plugins/sdk_openapi_test.cc"),
    ("gateway/app/a.cc", '"tocsin/plugin.h"',
     "'tocsin/plugin.h' may be included only below gateway/plugin, plugins, sdk, tests/plugins, "
     "tests/conformance, tests/unit/plugins"),
    ("gateway/plugin/a.cc", "<lua.h>", "'lua.h' may be included only below gateway/script, tests/fuzz/fuzz_pattern.cc"),
    ("gateway/config/a.cc", "<CLI/CLI.hpp>", "'CLI/CLI.hpp' may be included only below gateway/app"),
    ("gateway/event/a.h", "<spdlog/spdlog.h>", "'spdlog/spdlog.h' may be included only below gateway/telemetry"),
    ("gateway/admin/a.h", "<prometheus/counter.h>",
     "'prometheus/counter.h' may be included only below gateway/telemetry"),
    ("gateway/routing/a.cc", "<kainjow/mustache.hpp>",
     "'kainjow/mustache.hpp' may be included only below gateway/template"),
    ("gateway/plugin/a.cc", "<rapidjson/reader.h>",
     "'rapidjson/reader.h' may be included only below gateway/base/json_reader.cc, "
     "gateway/message/notification_codec.cc, plugins, sdk/include/tocsin/sdk/json.hpp, tests/unit/plugins, tests/fuzz/fuzz_batch.cc, tests/bench"),
    ("gateway/delivery/a.cc", "<librdkafka/rdkafka.h>", "'librdkafka/rdkafka.h' may be included only below plugins"),
    ("gateway/delivery/a.cc", "<libpq-fe.h>", "'libpq-fe.h' may be included only below plugins/storage"),
    ("plugins/output/smtp/a.cc", '"gateway/base/result.h"',
     "'plugins' must not include 'gateway/base/result.h': only sdk/ and system headers"),
    ("plugins/output/smtp/a.cc", '"../sms/a.h"', "'../sms/a.h' leaves the plugin's own folder"),
    ("sdk/include/tocsin/plugin.h", '"gateway/base/result.h"',
     "'sdk' must not include 'gateway/base/result.h': only sdk/ and system headers"),
    ("gateway/base/a.cc", '"result.h"', "'result.h' is not written from the repository's root"),
    ("gateway/base/a.cc", '"gateway/cellar/a.h"', "'gateway/cellar/a.h' is in no room of the architecture's table"),
    ("gateway/cellar/a.cc", "<string>", "room 'cellar' is not in the architecture's table"),
    ("tests/unit/policy/a_test.cc", '"gateway/event/loop.h"',
     "room 'policy' must not see room 'event' ('gateway/event/loop.h')"),
    ("tests/unit/http/a_test.cc", "<uv.h>", "'uv.h' may be included only below gateway/event, tests/bench"),
])
def test_a_planted_violation_is_found(tree, path, include, complaint):
    tree(path, f"#pragma once\n  #  include {include}  // planted\n")
    line = 1 if complaint.startswith("room 'cellar'") else 2
    assert layers.check(tree.root) == [f"{path}:{line}: {complaint}"]


@pytest.mark.parametrize("path, include", [
    ("gateway/event/a.cc", "<uv.h>"),
    ("gateway/http/a.cc", "<llhttp.h>"),
    ("gateway/plugin/a.cc", '"tocsin/plugin.h"'),
    ("plugins/output/smtp/smtp.cc", "<tocsin/plugin.h>"),
    ("gateway/admin/a.cc", '"tocsin/sdk/openapi.hpp"'),
    ("tests/unit/plugins/a_test.cc", '"tocsin/testing/fake_host.hpp"'),
    ("plugins/output/smtp/smtp.cc", '"smtp_reply.h"'),
    ("plugins/input/kafka/kafka.cc", "<librdkafka/rdkafka.h>"),
    ("tests/unit/event/a_test.cc", "<uv.h>"),
    ("tests/fuzz/fuzz_a.cc", '"gateway/config/a.h"'),
])
def test_what_is_allowed_passes(tree, path, include):
    tree(path, f"#include {include}\n")
    assert layers.check(tree.root) == []


def test_a_heavy_header_belongs_in_one_source_file(tree):
    tree("gateway/app/a.cc", "#include <CLI/CLI.hpp>\n")
    assert layers.check(tree.root) == []
    tree("gateway/app/b.cc", "#include <CLI/CLI.hpp>\n")
    assert layers.check(tree.root) == [
        "gateway/app/a.cc, gateway/app/b.cc: 'CLI/CLI.hpp' is heavy and belongs in one file alone"]


def test_a_heavy_header_belongs_in_no_header(tree):
    tree("gateway/app/a.h", "#include <CLI/CLI.hpp>\n")
    assert layers.check(tree.root) == [
        "gateway/app/a.h:1: 'CLI/CLI.hpp' is heavy and belongs in one .cc, not in a header"]


def test_the_program_fails_on_a_planted_violation_and_passes_without(tree):
    program = [sys.executable, Path(layers.__file__), tree.root]
    planted = tree("gateway/base/a.cc", '#include "gateway/app/b.h"\n')
    failed = subprocess.run(program, text=True, stdout=subprocess.PIPE, check=False)
    assert failed.returncode == 1
    assert "gateway/base/a.cc:1:" in failed.stdout
    planted.write_text("")
    assert subprocess.run(program, stdout=subprocess.PIPE, check=False).returncode == 0
