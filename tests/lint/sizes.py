#!/usr/bin/python3
"""Checks that no file has more than 600 lines and no function more than 70.

usage: tests/lint/sizes.py [ROOT]

Functions are measured by universal-ctags from their first line to their closing brace.
"""

import json
import subprocess
import sys
from pathlib import Path

import project

FILE_LINES_MAX = 600
FUNCTION_LINES_MAX = 70

# path -> why it may be longer. Only tables and generated code belong here.
LONG_FILES = {}
# (path, function) -> why it may be longer.
LONG_FUNCTIONS = {
    ("tests/unit/http/request_parser_test.cc", "refused"): "a table: each request a server must refuse",
}

FOLDERS = ("gateway", "plugins", "sdk", "lua", "tests", "packaging")
FUNCTIONS_OF = {".h": "C++", ".hpp": "C++", ".cc": "C++", ".py": "Python", ".lua": "Lua", ".sh": "Sh"}


def count_lines(path):
    with open(path, "rb") as file:
        return sum(1 for _ in file)


def functions(root, paths):
    """Yields (path, name, first line, last line) of each function ctags finds."""
    if not paths:
        return
    # A .h is C++ here; ctags takes it for C++ as well, but not on every version.
    command = ["ctags", "--output-format=json", "--fields=+ne", "--langmap=C++:+.h", "-f", "-", "-L", "-"]
    listing = "\n".join(str(path) for path in paths)
    output = subprocess.run(command, cwd=root, input=listing, text=True, check=True,
                            stdout=subprocess.PIPE).stdout
    for line in output.splitlines():
        tag = json.loads(line)
        if tag.get("kind") in ("function", "method", "member") and "end" in tag:
            yield Path(tag["path"]), tag["name"], tag["line"], tag["end"]


def check(root, long_files=None, long_functions=None):
    """All complaints about the tree at root; an exception that is not needed is one as well."""
    root = Path(root)
    long_files = LONG_FILES if long_files is None else long_files
    long_functions = LONG_FUNCTIONS if long_functions is None else long_functions
    unused = {str(key) for key in long_files} | {f"{path} {name}" for path, name in long_functions}
    complaints = []
    paths = project.files(root, FUNCTIONS_OF, FOLDERS)
    for path in paths:
        lines = count_lines(root / path)
        if lines > FILE_LINES_MAX:
            unused.discard(str(path))
            if str(path) not in long_files:
                complaints.append(f"{path}:{lines}: the file has {lines} lines (at most {FILE_LINES_MAX})")
    for path, name, first, last in functions(root, paths):
        length = last - first + 1
        if length > FUNCTION_LINES_MAX:
            unused.discard(f"{path} {name}")
            if (str(path), name) not in long_functions:
                complaints.append(f"{path}:{first}: function '{name}' has {length} lines "
                                  f"(at most {FUNCTION_LINES_MAX})")
    complaints += [f"tests/lint/sizes.py: the exception for {what} is no longer needed"
                   for what in sorted(unused)]
    return complaints


if __name__ == "__main__":
    sys.exit(project.report(check(sys.argv[1] if len(sys.argv) > 1 else project.ROOT), "sizes"))
