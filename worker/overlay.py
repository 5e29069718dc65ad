"""A film with its shown lesions drawn, as PNG: what `thoraxd demo` lets a person look at. In colour, not for a PACS."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from model.findings import Findings
from worker.encode import wording
from worker.encode.capture import COLOURS, Line, Mark, compose, fit, grey_film

BANNER = "AI, unverified, not a medical device"
LONG_SIDE = (900, 1600)  # smaller films are enlarged and larger ones reduced, so that letters and lines stay legible


def draw(image: NDArray[np.float32], findings: Findings, path: Path) -> None:
    """Write `image` [H, W] in [0, 1] (bright = dense) with `findings` drawn to `path` as PNG."""
    height, width = image.shape
    fitted = fit(width, height, sides=LONG_SIDE)
    lines = [Line(BANNER), Line(wording.film_line(findings, True), alert=findings.positive)]
    marks = [Mark(lesion.box, wording.lesion_label(lesion)) for lesion in findings.shown]
    compose((grey_film(image, fitted), fitted), lines, marks, COLOURS).save(path, format="PNG")
