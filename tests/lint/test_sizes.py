"""The size check finds long files and long functions, and exceptions nobody needs."""

import sizes


def function_of(lines):
    return "int f() {\n" + "  g();\n" * (lines - 2) + "}\n"


def test_a_function_of_70_lines_passes_and_one_of_71_does_not(tree):
    tree("gateway/base/a.cc", function_of(70))
    assert sizes.check(tree.root, {}, {}) == []
    tree("gateway/base/a.cc", "\n" + function_of(71))
    assert sizes.check(tree.root, {}, {}) == [
        "gateway/base/a.cc:2: function 'f' has 71 lines (at most 70)"]


def test_a_method_in_a_header_and_a_python_function_are_measured_too(tree):
    tree("gateway/base/a.h", "struct S {\n" + function_of(71) + "};\n")
    tree("tests/e2e/test_a.py", "def f():\n" + "    g()\n" * 70)
    assert [complaint.split(":")[0] for complaint in sizes.check(tree.root, {}, {})] == [
        "gateway/base/a.h", "tests/e2e/test_a.py"]


def test_a_file_of_600_lines_passes_and_one_of_601_does_not(tree):
    tree("gateway/base/a.cc", "\n" * 600)
    assert sizes.check(tree.root, {}, {}) == []
    tree("gateway/base/a.cc", "\n" * 601)
    assert sizes.check(tree.root, {}, {}) == [
        "gateway/base/a.cc:601: the file has 601 lines (at most 600)"]


def test_an_exception_allows_what_it_names_and_must_be_needed(tree):
    tree("gateway/base/a.cc", "\n" * 530 + function_of(71))
    files, functions = {"gateway/base/a.cc": "a table"}, {("gateway/base/a.cc", "f"): "a table"}
    assert sizes.check(tree.root, files, functions) == []
    tree("gateway/base/a.cc", "")
    assert sizes.check(tree.root, files, functions) == [
        "tests/lint/sizes.py: the exception for gateway/base/a.cc is no longer needed",
        "tests/lint/sizes.py: the exception for gateway/base/a.cc f is no longer needed"]
