"""DICOM in, picture out: what a viewer would show of a result object, drawn from the object itself.

The regression test of every overlay, and `thoraxd show --png`. Independent of the encoders: nothing here asks what was
meant, only what was written. Any legal GSPS, not only ours; what is unknown is left out with a note. The stages:
`grey`, `shutters`, `geometry`, `overlays`, `annotations` and `texts` of a presentation state, `tree` and `regions` of a
report.
"""

from __future__ import annotations

from worker.render.capture import render_image
from worker.render.draw import Drawn, draw
from worker.render.errors import CannotRender
from worker.render.heatmap import render_map
from worker.render.presentation import render_presentation_state
from worker.render.report import render_report, render_text

__all__ = [
    "CannotRender",
    "Drawn",
    "draw",
    "render_image",
    "render_map",
    "render_presentation_state",
    "render_report",
    "render_text",
]
