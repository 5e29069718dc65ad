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
    "annotations" (tool, image, label, points in mm of the image plane), "text", "complaints", "failure" (what
    OHIF shows as an error, "" for none), and "error" when the page could not be driven.
    """
    return _driven(origin, study_uid, folder, "yes" if hydrate else "no")


def open_all(origin: str, study_uid: str, folder: Path) -> dict[str, Any]:
    """Opens everything that the study browser lists, row by row, with a screenshot row-N.png of each in `folder`.

    The answer: "rows" ("text" of the row, "offered", what the page then has "shown" as text, "failure", and the
    "complaints" that opening it caused), and what `open_report` answers.
    """
    return _driven(origin, study_uid, folder, "list")


def _driven(origin: str, study_uid: str, folder: Path, act: str) -> dict[str, Any]:
    folder.mkdir(parents=True, exist_ok=True)
    command = ["node", str(_DRIVER), os.environ[DIST], origin, study_uid, str(folder), str(shutil.which("chromium"))]
    subprocess.run([*command, os.environ[MODULES], act], check=True, timeout=180)
    answer: dict[str, Any] = json.loads((folder / "result.json").read_text())
    return answer
