"""House rules that no linter knows."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]


def tracked(*patterns: str) -> list[Path]:
    listed = subprocess.run(["git", "ls-files", *patterns], cwd=REPOSITORY, capture_output=True, text=True, check=False)
    if listed.returncode:
        pytest.skip("not a git checkout")
    return [REPOSITORY / name for name in listed.stdout.splitlines() if (REPOSITORY / name).is_file()]


def test_no_file_is_longer_than_a_reader_can_hold():
    long = {str(path): n for path in tracked("*.py") if (n := len(path.read_text().splitlines())) > 400}
    assert not long


def test_every_module_says_what_it_is_for():
    silent = [
        path
        for path in tracked("daemon/*.py", "worker/*.py", "model/*.py", "migrations/*.py")
        if path.read_text().strip() and not path.read_text().lstrip().startswith(('"""', 'r"""'))
    ]
    assert not silent


def test_the_repository_names_no_machine():
    pattern = re.compile(rb"(?<![\w.])/(?:work|root|home)/\w")
    named = [path for path in tracked() if path != Path(__file__) and pattern.search(path.read_bytes())]
    assert not named


def test_shipped_weights_stay_small():
    weights = sum(path.stat().st_size for path in tracked("model/weights/*"))
    assert 0 < weights < 40e6
