"""The memory of clean files forgets a file exactly when its result could change."""

import json
import os
import shutil
from pathlib import Path

import pytest

import tidy

SETTINGS = "Checks: '-*,bugprone-sizeof-expression'\nWarningsAsErrors: '*'\n"
CLEAN = '#include "gateway/base/b.h"\nint a() { return b(); }\n'
FAULTY = '#include "gateway/base/b.h"\nunsigned long a() { return sizeof(sizeof(int)) + b(); }\n'


@pytest.fixture
def project_tree(tree):
    """A tree of one source file that includes one header that includes another."""
    tree(".clang-tidy", SETTINGS)
    tree("gateway/base/a.cc", CLEAN)
    tree("gateway/base/b.h", '#pragma once\n#include "gateway/base/c.h"\ninline int b() { return c(); }\n')
    tree("gateway/base/c.h", "#pragma once\ninline int c() { return 1; }\n")
    tree("gateway/base/unrelated.h", "#pragma once\n")
    command = f"clang++-19 -std=c++20 -I{tree.root} -c {tree.root}/gateway/base/a.cc"
    tree("build/compile_commands.json", json.dumps(
        [{"directory": str(tree.root), "file": f"{tree.root}/gateway/base/a.cc", "command": command}]))
    return tree


def check(tree):
    return tidy.check(tree.root, tree.root / "build", tree.root / "memory", 1)


def test_the_project_headers_of_a_file_are_found_through_other_headers(project_tree):
    assert tidy.included_files(project_tree.root, Path("gateway/base/a.cc")) == [
        Path("gateway/base/a.cc"), Path("gateway/base/b.h"), Path("gateway/base/c.h")]


def test_a_clean_file_is_checked_once(project_tree):
    assert check(project_tree) == ([], 1, 0)
    assert check(project_tree) == ([], 0, 1)
    project_tree("gateway/base/unrelated.h", "// changed\n")
    assert check(project_tree) == ([], 0, 1)


@pytest.mark.parametrize("path", ["gateway/base/a.cc", "gateway/base/c.h", ".clang-tidy"])
def test_a_change_in_anything_it_depends_on_checks_it_again(project_tree, path):
    check(project_tree)
    changed = project_tree.root / path
    comment = "# changed\n" if path == ".clang-tidy" else "// changed\n"
    changed.write_text(changed.read_text() + comment)
    assert check(project_tree) == ([], 1, 0)


def test_a_fault_is_told_and_never_remembered(project_tree):
    project_tree("gateway/base/a.cc", FAULTY)
    for _ in range(2):
        complaints, checked, known = check(project_tree)
        assert (checked, known) == (1, 0)
        assert len(complaints) == 1
        assert complaints[0].startswith("gateway/base/a.cc:2:")
        assert "bugprone-sizeof-expression" in complaints[0]


def test_a_file_that_does_not_compile_is_a_complaint(project_tree):
    project_tree("gateway/base/a.cc", "int a() { return nowhere_declared; }\n")
    complaints, _, _ = check(project_tree)
    assert len(complaints) == 1
    assert "nowhere_declared" in complaints[0]


def test_what_was_clean_in_one_checkout_is_clean_in_another(project_tree, tmp_path_factory):
    check(project_tree)
    other = tmp_path_factory.mktemp("other") / "checkout"
    shutil.copytree(project_tree.root, other)
    database = other / "build/compile_commands.json"
    database.write_text(database.read_text().replace(str(project_tree.root), str(other)))
    assert tidy.check(other, other / "build", project_tree.root / "memory", 1) == ([], 0, 1)


def test_what_nobody_asked_for_in_a_month_is_forgotten(project_tree):
    check(project_tree)
    stale = project_tree.root / "memory" / "of-an-older-version"
    stale.touch()
    os.utime(stale, (0, 0))
    assert check(project_tree) == ([], 0, 1)
    assert not stale.exists()
