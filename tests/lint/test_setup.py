"""packaging/setup.sh derives its second source from whatever form the machine's own one has."""

import subprocess

import pytest

import project

SETUP = project.ROOT / "packaging/setup.sh"


def derive(function, path):
    """Calls one of the script's functions for bookworm and returns what it printed."""
    script = f'. "{SETUP}"; {function} bookworm "$1"'
    return subprocess.run(["bash", "-c", script, "bash", path], text=True, stdout=subprocess.PIPE,
                          check=True).stdout


def test_a_deb822_source_keeps_its_mirror_and_key(tree):
    path = tree("debian.sources", """\
# A comment
Types: deb deb-src
URIs: http://mirror.example/debian
Suites: bookworm bookworm-updates
Components: main contrib
Signed-By: /usr/share/keyrings/example.gpg
Check-Valid-Until: no

Types: deb
URIs: http://mirror.example/debian-security
Suites: bookworm-security
Components: main
""")
    assert derive("derive_deb822", path) == """\
Types: deb
Suites: trixie
Components: main
URIs: http://mirror.example/debian
Signed-By: /usr/share/keyrings/example.gpg
Check-Valid-Until: no
"""


def test_a_deb822_source_may_spread_over_lines_and_carry_its_key_within(tree):
    path = tree("debian.sources", """\
Types: deb
URIs: http://mirror.example/debian
Suites:
 bookworm
 bookworm-updates
Components: main
Signed-By:
 -----BEGIN PGP PUBLIC KEY BLOCK-----
 .
 aGVsbG8=
 -----END PGP PUBLIC KEY BLOCK-----
""")
    assert derive("derive_deb822", path) == """\
Types: deb
Suites: trixie
Components: main
URIs: http://mirror.example/debian
Signed-By:
 -----BEGIN PGP PUBLIC KEY BLOCK-----
 .
 aGVsbG8=
 -----END PGP PUBLIC KEY BLOCK-----
"""


@pytest.mark.parametrize("stanza", [
    "Enabled: no\nTypes: deb\nURIs: http://m.example\nSuites: bookworm\nComponents: main\n",
    "Types: deb-src\nURIs: http://m.example\nSuites: bookworm\nComponents: main\n",
    "Types: deb\nURIs: http://m.example\nSuites: bookworm-updates\nComponents: main\n",
    "Types: deb\nURIs: http://m.example\nSuites: bookworm\nComponents: contrib non-free\n",
    "# Types: deb\n# URIs: http://m.example\n# Suites: bookworm\n# Components: main\n",
])
def test_a_deb822_source_that_does_not_serve_main_is_passed_over(tree, stanza):
    assert derive("derive_deb822", tree("other.sources", stanza)) == ""
    usable = "Types: deb\nURIs: http://usable.example\nSuites: bookworm\nComponents: main\n"
    derived = derive("derive_deb822", tree("both.sources", f"{stanza}\n{usable}"))
    assert derived == "Types: deb\nSuites: trixie\nComponents: main\nURIs: http://usable.example\n"


@pytest.mark.parametrize("line, derived", [
    ("deb http://mirror.example/debian bookworm main", "deb http://mirror.example/debian trixie main\n"),
    ("deb [arch=amd64 signed-by=/k.gpg] http://mirror.example/debian bookworm contrib main non-free",
     "deb [arch=amd64 signed-by=/k.gpg] http://mirror.example/debian trixie main\n"),
    ("deb-src http://mirror.example/debian bookworm main", ""),
    ("# deb http://mirror.example/debian bookworm main", ""),
    ("deb http://mirror.example/debian-security bookworm-security main", ""),
    ("deb http://mirror.example/debian bookworm contrib", ""),
])
def test_a_one_line_source_keeps_its_options_and_mirror(tree, line, derived):
    assert derive("derive_one_line", tree("sources.list", line + "\n")) == derived
