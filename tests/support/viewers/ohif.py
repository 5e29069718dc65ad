"""OHIF 3.12 in headless Chromium before an Orthanc: loads a study's SR and says what was drawn.

Needs what no Debian package has: a built OHIF (`npm pack @ohif/app`) and playwright-core; see README.md.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

_DRIVER = Path(__file__).with_name("ohif.mjs")
DIST, MODULES = "THORAXD_TEST_OHIF_DIST", "THORAXD_TEST_NODE_MODULES"


def missing() -> list[str]:
    """What is not installed or not named by its environment variable."""
    absent = [program for program in ("node", "chromium") if shutil.which(program) is None]
    if not (Path(os.environ.get(DIST, "/nowhere")) / "index.html").is_file():
        absent.append(f"a built OHIF (${DIST})")
    if not (Path(os.environ.get(MODULES, "/nowhere")) / "playwright-core").is_dir():
        absent.append(f"playwright-core (${MODULES})")
    return absent


def open_report(origin: str, study_uid: str, folder: Path, *, hydrate: bool = True) -> dict[str, Any]:
    """Opens the study's first SR; what OHIF says of it, with screenshots in `folder`.

    origin: the DICOMweb server's base, without /dicom-web. The answer: "offered" (whether tracking is offered),
    "annotations" (tool, label, points in mm of the image plane), "text", "complaints", and "failure" or "error".
    """
    folder.mkdir(parents=True, exist_ok=True)
    chromium = shutil.which("chromium")
    command = ["node", str(_DRIVER), os.environ[DIST], origin, study_uid, str(folder), str(chromium)]
    subprocess.run([*command, os.environ[MODULES], "yes" if hydrate else "no"], check=True, timeout=180)
    answer: dict[str, Any] = json.loads((folder / "result.json").read_text())
    return answer
