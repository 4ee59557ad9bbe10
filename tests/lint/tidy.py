#!/usr/bin/python3
"""Runs clang-tidy over the compile database and remembers what was clean.

usage: tests/lint/tidy.py [--build FOLDER] [--memory FOLDER] [--jobs N] [FILE...]

A file is checked again only when it, a project header it includes directly or not, its compile
command, .clang-tidy or the version of clang-tidy changed. Files with complaints are never remembered.
The memory serves every checkout of this user, as the compiler's cache does; what nobody asked for in
a month is forgotten.
"""

import argparse
import concurrent.futures
import hashlib
import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import project

TIDY = "clang-tidy-19"
# Unit tests are held to the compilers' warnings alone: what clang-tidy says about expanded test
# macros is about the macros.
FOLDERS = ("gateway", "plugins", "sdk", "tests/bench", "tests/fuzz")
MEMORY = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "tocsin" / "tidy"
KEPT_SECONDS = 30 * 24 * 3600
_COMPLAINT = re.compile(r"^(?P<place>[^\s:]+:\d+:\d+): (?P<kind>error|warning): ")


def resolve_include(root, including, included):
    """The project's file an include names, relative to root, or None for a foreign header."""
    for folder in (Path("."), including.parent, Path("sdk/include")):
        candidate = Path(os.path.normpath(folder / included))
        if (root / candidate).is_file():
            return candidate
    return None


def included_files(root, path):
    """The file and every project header it includes, directly or not, sorted."""
    seen, waiting = set(), [path]
    while waiting:
        current = waiting.pop()
        if current in seen:
            continue
        seen.add(current)
        text = (root / current).read_text(errors="replace")
        for _, _, included in project.includes(text):
            found = resolve_include(root, current, included)
            if found is not None:
                waiting.append(found)
    return sorted(seen)


def fingerprint(root, path, command, settings):
    """A hash over everything the result of checking a file depends on, system headers aside."""
    digest = hashlib.sha256()
    for part in (settings, command.replace(str(root), ".")):
        digest.update(part.encode() + b"\0")
    for name in included_files(root, path):
        digest.update(str(name).encode() + b"\0" + (root / name).read_bytes() + b"\0")
    return digest.hexdigest()


def read_database(root, build):
    """path relative to root -> compile command, of the files in FOLDERS."""
    commands = {}
    for entry in json.loads((build / "compile_commands.json").read_text()):
        path = Path(os.path.normpath(Path(entry["directory"], entry["file"])))
        if path.is_relative_to(root):
            path = path.relative_to(root)
            if any(path.is_relative_to(folder) for folder in FOLDERS):
                commands[path] = entry["command"]
    return commands


def split_complaints(root, output):
    """Cuts clang-tidy's output into complaints, each with the lines that explain it."""
    complaints = []
    for line in output.replace(f"{root}/", "").splitlines():
        if _COMPLAINT.match(line):
            complaints.append(line)
        elif complaints and not re.match(r"^(\d+ warnings? |Suppressed |Use -header)", line):
            complaints[-1] += "\n" + line
    return complaints


def tidy(root, build, path):
    """Checks one file. Returns its complaints; a run that failed without one is a complaint too."""
    run = subprocess.run([TIDY, "--quiet", "-p", str(build), str(root / path)], cwd=build, text=True,
                         stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
    complaints = split_complaints(root, run.stdout)
    if run.returncode != 0 and not complaints:
        complaints = [f"{path}: {TIDY} failed with {run.returncode}\n{run.stdout}{run.stderr}"]
    return complaints


def forget_old(memory):
    """A mark of a version that nobody checks any more is in nobody's way, but they add up."""
    for mark in memory.iterdir():
        if time.time() - mark.stat().st_mtime > KEPT_SECONDS:
            mark.unlink(missing_ok=True)


def check(root, build, memory, jobs, only=()):
    """Checks what is not known to be clean. Returns (complaints, files checked, files known)."""
    root, build, memory = Path(root).resolve(), Path(build).resolve(), Path(memory)
    version = subprocess.run([TIDY, "--version"], text=True, stdout=subprocess.PIPE, check=True).stdout
    settings = version + (root / ".clang-tidy").read_text()
    commands = read_database(root, build)
    if only:
        commands = {path: command for path, command in commands.items() if path in only}
    memory.mkdir(parents=True, exist_ok=True)
    marks = {path: memory / fingerprint(root, path, command, settings)
             for path, command in commands.items()}
    waiting = [path for path, mark in marks.items() if not mark.exists()]
    for mark in marks.values():
        if mark.exists():
            mark.touch()
    # The same header complains once for each file that includes it.
    complaints = {}
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        for path, found in zip(waiting, pool.map(lambda path: tidy(root, build, path), waiting)):
            if not found:
                marks[path].touch()
            for complaint in found:
                complaints.setdefault(complaint.splitlines()[0], complaint)
    forget_old(memory)
    return [complaints[key] for key in sorted(complaints)], len(waiting), len(marks) - len(waiting)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--build", default=project.ROOT / "build/lint",
                        help="folder with compile_commands.json (default: build/lint)")
    parser.add_argument("--memory", type=Path, default=MEMORY,
                        help="folder that remembers what was clean (default: %(default)s)")
    parser.add_argument("--jobs", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("files", nargs="*", type=Path, help="paths from the root; all when none is named")
    options = parser.parse_args()
    complaints, checked, known = check(project.ROOT, options.build, options.memory, options.jobs, options.files)
    if checked + known == 0:
        complaints = ["the compile database names no file of this project"]
    print(f"tidy: {checked} files checked, {known} unchanged since they were clean")
    return project.report(complaints, "tidy")


if __name__ == "__main__":
    sys.exit(main())
