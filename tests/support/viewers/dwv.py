"""dwv 0.36 in headless Chromium: a film and one report on it, what is drawn and where.

Needs what no Debian package has: dwv with konva, jszip and magic-wand-tool, and playwright-core; see README.md.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

from tests.support.viewers.ohif import MODULES

_DRIVER = Path(__file__).with_suffix(".mjs")
_PACKAGES = ("dwv", "konva", "jszip", "magic-wand-tool", "playwright-core")


def missing() -> list[str]:
    """What is not installed or not named by its environment variable."""
    modules = Path(os.environ.get(MODULES, "/nowhere"))
    absent = [program for program in ("node", "chromium") if shutil.which(program) is None]
    return absent + [f"{package} (${MODULES})" for package in _PACKAGES if not (modules / package).is_dir()]


def show(film: Path, report: Path, folder: Path) -> dict[str, Any]:
    """Loads `report` on `film`; a screenshot dwv.png is left in `folder`.

    The answer: "annotations" (image, tracking, name, points in px of the film: first and last corner), "drawn" (the
    outlines in px of the screenshot), "canvas" (x, y, width, height of the view), "complaints", "failure".
    """
    folder.mkdir(parents=True, exist_ok=True)
    command = ["node", str(_DRIVER), str(folder), str(shutil.which("chromium")), os.environ[MODULES]]
    subprocess.run([*command, str(film), str(report)], check=True, timeout=120)
    answer: dict[str, Any] = json.loads((folder / "result.json").read_text())
    return answer
