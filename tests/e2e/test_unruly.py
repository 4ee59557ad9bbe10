"""Plugins that misbehave, against the real binary: each is named in a sentence and counted, and the others go on."""

import subprocess

import pytest

from gateway_process import BINARY, Gateway, as_yaml, eventually
from conftest import complete
from notifications import Client, dead_letters, settings, webhook

pytestmark = pytest.mark.sanitize

TEST_PLUGINS = BINARY.parent / "tests" / "plugins"
LABELS = {"plugin": "output/unruly", "id": "bad"}


def with_bad(folder, bad, sink=None, plugins=("good",), **delivery):
    """A gateway whose output `bad` is beside one that behaves."""
    retry = {"max_attempts": 2, "initial": "10ms", "max": "10ms", "jitter": "none"}
    outputs = {
        "bad": {**bad, "delivery": {"timeout": "100ms", "retry": retry, **delivery}},
        "hook": webhook(sink) if sink else {"type": "null"},
    }
    return settings(folder, outputs, gateway={"plugin_path": [str(TEST_PLUGINS / name) for name in plugins],
                                              "log": {"level": "debug"}})


def check(folder, config, *options):
    path = folder / "check.yaml"
    path.write_text(as_yaml(complete(config)))
    return subprocess.run([BINARY, "check", "-c", path, *options], capture_output=True, text=True, check=False, timeout=60)


def run_refused(folder, config):
    """What a gateway that cannot start says; it exits with 1."""
    gateway = Gateway(complete(config), folder)
    assert gateway.wait() == 1
    return gateway


# --- while it delivers --------------------------------------------------------------------------------


@pytest.fixture(name="deliver_badly")
def fixture_deliver_badly(start_gateway, sink, tmp_path):
    """Sends one notification to an output that does `how`, and to one that behaves; what came of it."""
    def deliver(how, expected_errors=(), **delivery):
        gateway = start_gateway(with_bad(tmp_path, {"type": "unruly", "how": how}, sink, **delivery))
        gateway.expected_errors |= set(expected_errors)
        client = Client(gateway)
        first = client.accepted({"topic": "a", "title": "first"})
        settled = {"delivered", "dead"}
        states = eventually(lambda: client.states(first), lambda states: set(states.values()) <= settled)
        # It goes on, for others and for the one that misbehaved.
        second = client.accepted({"topic": "a", "title": "second"})
        eventually(lambda: client.states(second)["hook"], "delivered")
        assert sink.titles() == ["first", "second"]
        assert gateway.admin("/readyz")[0] == 200
        eventually(lambda: client.states(second)["bad"], states["bad"])
        return gateway, states["bad"]
    return deliver


def reasons(gateway):
    return {letter["reason"] for letter in dead_letters(gateway, "bad")}


def test_what_deliver_throws_is_a_fault_of_the_output(deliver_badly):
    gateway, state = deliver_badly("throw_in_deliver", ["deliver threw: thrown in deliver"])
    assert state == "dead"
    line = gateway.wait_for_log("deliver threw: thrown in deliver")
    assert (line["level"], line["logger"], line["plugin"]) == ("error", "output.bad", "output/unruly")
    assert reasons(gateway) == {"gave up after attempt 2: the plugin failed"}
    assert gateway.metric("tocsin_attempts_total", output="bad", verdict="internal") == 4


def test_who_completes_twice_is_told_so_and_counted(deliver_badly):
    gateway, state = deliver_badly("complete_twice")
    assert state == "delivered"
    assert gateway.metric("tocsin_plugin_late_completions_total", **LABELS) == 2
    line = gateway.wait_for_log("too late, or for nothing")
    assert (line["logger"], line["function"]) == ("output.bad", "complete")
    assert gateway.metric("tocsin_deliveries_total", output="bad", result="delivered") == 2


def test_an_attempt_that_is_never_completed_ends_with_its_timeout(deliver_badly):
    gateway, state = deliver_badly("never_complete")
    assert state == "dead"
    assert reasons(gateway) == {"ambiguous: no verdict within 100ms"}
    assert gateway.wait_for_log("attempt failed")["reason"] == "no verdict within 100ms"
    assert gateway.metric("tocsin_attempts_total", output="bad", verdict="ambiguous") == 2


def test_an_attempt_that_is_completed_late_has_ended_with_its_timeout(deliver_badly):
    gateway, state = deliver_badly("complete_late", on_ambiguous="resend")
    assert state == "dead"
    assert reasons(gateway) == {"gave up after attempt 2: no verdict within 100ms"}
    assert gateway.metric("tocsin_plugin_late_completions_total", **LABELS) == 4
    assert gateway.wait_for_log("too late, or for nothing")["logger"] == "output.bad"


def test_a_call_from_another_thread_is_refused_and_named(deliver_badly):
    gateway, state = deliver_badly("other_thread")
    assert state == "delivered"
    line = gateway.wait_for_log("the plugin breaks its contract")
    assert (line["plugin"], line["how"]) == ("output/unruly", "complete was called on another thread than its loop's")
    assert gateway.metric("tocsin_plugin_misuses_total", **LABELS) == 2


def test_a_slow_callback_is_counted_and_named(deliver_badly):
    gateway, state = deliver_badly("slow", timeout="5s")
    assert state == "delivered"
    line = gateway.wait_for_log("the plugin kept its loop waiting")
    assert (line["plugin"], line["callback"]) == ("output/unruly", "deliver") and line["took_ms"] >= 100
    assert gateway.metric("tocsin_plugin_slow_callbacks_total", **LABELS) >= 2


# --- while it is made -----------------------------------------------------------------------------------


@pytest.mark.parametrize("how, words", [
    ("die_in_create", "it died with SIGABRT in create or destroy"),
    ("throw_in_create", "create threw: thrown in create"),
])
def test_an_instance_that_cannot_be_made_is_named_by_check_create_and_by_run(tmp_path, how, words):
    config = with_bad(tmp_path, {"type": "unruly", "how": how})
    assert check(tmp_path, config).returncode == 0
    tried = check(tmp_path, config, "--create")
    assert tried.returncode == 1
    assert f": outputs.bad: {words}\n" in tried.stderr
    assert run_refused(tmp_path, config).wait_for_text(f": outputs.bad: {words}")


def test_a_worker_that_cannot_begin_is_named_by_run(tmp_path):
    gateway = run_refused(tmp_path, with_bad(tmp_path, {"type": "unruly", "how": "throw_in_worker_init"}))
    line = gateway.wait_for_log("could not start")
    assert line["error"] == "output.bad: worker_init threw: thrown in worker_init"


@pytest.mark.parametrize("bad, words", [
    ({"how": "nonsense"}, 'outputs.bad.how: expected die_in_create, throw_in_create, '),
    ({}, 'outputs.bad: the key "how" is missing'),
    ({"how": "slow", "hwo": "slow"}, 'outputs.bad: unknown key "hwo"'),
])
def test_bad_options_are_refused_with_their_place(tmp_path, bad, words):
    checked = check(tmp_path, with_bad(tmp_path, {"type": "unruly", **bad}))
    assert checked.returncode == 1
    assert words in checked.stderr


# --- while it is loaded -----------------------------------------------------------------------------------

REFUSALS = {
    ("broken", "hash"): "it was built with another plugin.h (0123456789ab..., this gateway has ",
    ("broken", "major"): "it says major 7, this gateway speaks major 0",
    ("broken", "other_entry"): "it was built for major 3 of the contract, this gateway speaks major 0",
    ("broken", "no_entry"): "it exports no tocsin_plugin_v0, so it is no plugin of Tocsin",
    ("broken", "undefined_symbol"): "it cannot be loaded: undefined symbol: tocsin_test_nobody_has_this",
    ("broken", "text"): "it is no shared object",
    ("broken", "option_type"): "its option odd has the unknown type 99",
    ("broken", "option_default"): "its options are wrong: broken.timeout: the default does not parse",
    ("deadly", "crashes"): "it died with SIGABRT while it was loaded",
    ("deadly", "entry"): "it died with SIGABRT while it was loaded",
    ("deadly", "exits"): "it ended the process with exit code 3 while it was loaded",
}


@pytest.mark.parametrize("folder, name", REFUSALS)
def test_a_library_that_does_not_fit_is_refused_by_check_and_run_in_a_sentence(tmp_path, folder, name):
    config = with_bad(tmp_path, {"type": name}, plugins=(folder,))
    sentence = f"{TEST_PLUGINS / folder}/output_{name}.so: {REFUSALS[folder, name]}"
    checked = check(tmp_path, config)
    assert checked.returncode == 1
    assert f': outputs.bad: the output "{name}" cannot be used: {sentence}' in checked.stderr
    assert run_refused(tmp_path, config).wait_for_text(sentence)


def test_a_name_that_two_folders_have_is_refused_with_both(tmp_path):
    checked = check(tmp_path, with_bad(tmp_path, {"type": "plain"}, plugins=("good", "again")))
    assert checked.returncode == 1
    files = [f"{TEST_PLUGINS / folder}/output_plain.so" for folder in ("again", "good")]
    assert "output plain is there twice: " + " and ".join(files) in checked.stderr


def test_a_folder_that_is_named_twice_is_one_folder(tmp_path):
    checked = check(tmp_path, with_bad(tmp_path, {"type": "plain"}, plugins=("good", "again/../good")))
    assert (checked.returncode, checked.stderr) == (0, "")


def test_libraries_that_die_are_listed_among_those_that_do_not():
    listed = subprocess.run([BINARY, "plugins", "list", "--path", TEST_PLUGINS / "deadly", "--path", TEST_PLUGINS / "good"],
                            capture_output=True, text=True, check=False, timeout=60)
    assert listed.returncode == 0
    rows = {line.split()[1]: line for line in listed.stdout.splitlines()[1:]}
    assert list(rows) == ["crashes", "entry", "exits", "plain", "unruly"]
    for name in ("crashes", "entry", "exits"):
        assert rows[name].endswith(f"REFUSED: {TEST_PLUGINS}/deadly/output_{name}.so: {REFUSALS['deadly', name]}")
    assert rows["unruly"].endswith("Misbehaves.")


def test_a_library_that_nobody_names_harms_nobody(start_gateway, sink, tmp_path):
    gateway = start_gateway(settings(tmp_path, {"hook": webhook(sink)}, gateway={
        "plugin_path": [str(TEST_PLUGINS / name) for name in ("broken", "deadly", "hanging")]}))
    client = Client(gateway)
    sent = client.accepted({"topic": "a", "title": "n"})
    eventually(lambda: client.states(sent), {"hook": "delivered"})
