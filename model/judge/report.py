"""The whole report: figures.json, report.md with plots/, report.html on its own, sheet.png and calibration.json."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from model.judge import box_sections, sections
from model.judge.document import Plot, Section, to_html, to_markdown
from model.judge.figures import plain, to_json
from model.judge.graded import Graded
from model.judge.plots import plots
from model.judge.sheet import SHEET_CAPTION, sheet

TITLE = "thoraxd: what the lesion detector can and cannot do"
CAUTION = (
    "Not a medical device; tested on public films only. Every figure is on films that the weights had not seen; all are"
    " of one hospital group's films, so expect less elsewhere."
)


def report_sections(tree: Mapping[str, Any]) -> list[Section]:
    """The report of a tree of plain figures (figures.json)."""
    picture = Section("Films: best, worst and typical", [Plot("sheet.jpg", SHEET_CAPTION)])
    found = [
        Section("In one table", [CAUTION, sections.headline(tree)]),
        sections.measured(tree),
        sections.triage(tree),
        sections.thresholds(tree),
        sections.promises(tree),
        sections.peer(tree),
        sections.folds(tree),
        sections.calibration(tree),
        sections.labels(tree),
        sections.sources(tree),
    ]
    if tree["boxes"]:
        found += [box_sections.boxes(tree), box_sections.iobb(tree), box_sections.names(tree), box_sections.marks(tree)]
        found.append(box_sections.patches(tree))
    return [section for section in (*found, picture) if section is not None]


def write(graded: Graded, tree: Mapping[str, Any], out: Path) -> None:
    """Write everything into the folder `out`."""
    figures = plain(tree)
    (out / "plots").mkdir(parents=True, exist_ok=True)
    page = sheet(graded)
    page.save(out / "sheet.png")
    compressed = io.BytesIO()
    page.save(compressed, "JPEG", quality=85)
    pictures = plots(graded, figures) | {"sheet.jpg": compressed.getvalue()}
    for name, content in pictures.items():
        (out / "plots" / name).write_bytes(content)
    contents = report_sections(figures)
    (out / "figures.json").write_text(to_json(tree))
    (out / "report.md").write_text(to_markdown(TITLE, contents))
    (out / "report.html").write_text(to_html(TITLE, contents, pictures))
    (out / "calibration.json").write_text(json.dumps(figures["shipped"], indent=1) + "\n")
