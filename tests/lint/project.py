"""What every check here needs: the files of the project and where they are."""

import os
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

# A walk instead of `git ls-files`, so that the checks also work in an unpacked archive.
_SKIPPED_FOLDERS = {"build", ".git", "__pycache__", ".pytest_cache", ".cache", "node_modules"}

_INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.MULTILINE)


def files(root, suffixes, folders=(".",)):
    """Yields the files with one of the suffixes below the folders, as sorted paths relative to root."""
    root = Path(root)
    found = set()
    for folder in folders:
        for path, names, leaves in os.walk(root / folder):
            names[:] = [name for name in names if name not in _SKIPPED_FOLDERS]
            for leaf in leaves:
                if leaf.endswith(tuple(suffixes)):
                    found.add(Path(path, leaf).relative_to(root))
    return sorted(found)


def includes(text):
    """Yields (line, quoted, path) for each include directive of a C or C++ file."""
    for match in _INCLUDE.finditer(text):
        line = text.count("\n", 0, match.start(2)) + 1
        yield line, match.group(1) == '"', match.group(2)


def report(complaints, what):
    """Prints the complaints and a summary; returns the exit code of the check."""
    for complaint in complaints:
        print(complaint)
    print(f"{what}: {len(complaints)} complaint{'' if len(complaints) == 1 else 's'}")
    return 1 if complaints else 0
