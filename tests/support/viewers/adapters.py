"""@cornerstonejs/adapters in Node: which of an SR's regions OHIF would make editable, and where."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.support.viewers.ohif import MODULES

_DRIVER = Path(__file__).with_suffix(".mjs")
_PACKAGES = ("@cornerstonejs/adapters", "@cornerstonejs/core", "dcmjs", "@babel/runtime")


def missing() -> list[str]:
    """What is not installed or not named by its environment variable."""
    modules = Path(os.environ.get(MODULES, "/nowhere"))
    absent = [f"{package} (${MODULES})" for package in _PACKAGES if not (modules / package).is_dir()]
    return absent if shutil.which("node") else ["node", *absent]


def hydrated(files: Sequence[Path]) -> list[dict[str, Any]]:
    """For each SR "annotations" (tool, image, label, tracking, points in px), or "failure" where the adapter throws.

    The points are of Cornerstone's plane, whose origin is the middle of the first pixel: 0.5 less than SCOORD's.
    """
    command = ["node", str(_DRIVER), os.environ[MODULES], *map(str, files)]
    done = subprocess.run(command, check=True, timeout=120, capture_output=True)
    answers: list[dict[str, Any]] = json.loads(done.stdout)
    return answers
