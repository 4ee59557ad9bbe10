"""Gives the tests of the checks a small tree to plant violations in."""

import pytest


@pytest.fixture
def tree(tmp_path):
    """Returns write(path, text): writes a file below an empty root, which is write.root."""

    def write(path, text):
        target = tmp_path / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
        return target

    write.root = tmp_path
    return write
