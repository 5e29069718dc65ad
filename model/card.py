"""The model card: prose from card_template.md, every measured number from figures.json, none typed by hand.

A placeholder is {{what}} or {{what|how}}. what: a path into the figures with ">" between the keys; "weights>..." for
facts of the weights file; or "table ..." for one of the tables below. how: "2" or "3" digits with the interval, "v2"
or "v3" the value alone, "%" a share as a percentage. What was not measured becomes a dash and is listed as missing.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from model.checkpoint import Checkpoint
from model.judge import box_sections, sections
from model.judge.document import DASH, Section, Table, cell, markdown_table
from model.judge.models import members

TEMPLATE = Path(__file__).parent / "card_template.md"
WIDTH = 130
PLACEHOLDER = re.compile(r"\{\{([^{}|]+?)(?:\|([^{}]+))?\}\}")


def card(
    figures: Mapping[str, Any], shipped: Checkpoint, weights: Path, template: str | None = None
) -> tuple[str, list[str]]:
    """(the card in Markdown, the placeholders that have no figure), of plain figures and the weights that ship."""
    missing: list[str] = []
    facts = dict(figures) | {"weights": weight_facts(shipped, weights)}

    def filled(match: re.Match[str]) -> str:
        what, how = match[1].strip(), (match[2] or "3").strip()
        text = _table(what.removeprefix("table "), figures) if what.startswith("table ") else _figure(facts, what, how)
        if text is None or text == DASH:
            missing.append(what)
        return text or DASH

    source = TEMPLATE.read_text() if template is None else template
    return wrapped(PLACEHOLDER.sub(filled, source)), missing


def wrapped(text: str) -> str:
    """Paragraphs and list items filled to the width again, now that the numbers are in; the rest as it is."""
    blocks = []
    for block in text.split("\n\n"):
        items = re.split(r"\n(?=- )", block)
        plain = not block.startswith(("|", "#"))
        blocks.append("\n".join(_filled(item) for item in items) if plain else block)
    return "\n\n".join(blocks).rstrip() + "\n"


def _filled(item: str) -> str:
    indent = "  " if item.startswith("- ") else ""
    words = " ".join(item.split())
    return textwrap.fill(words, WIDTH, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)


def weight_facts(shipped: Checkpoint, weights: Path) -> dict[str, Any]:
    """What the card says of the weights file."""
    trained = [member.trained for member in members(shipped)]
    films = [one["films"] for one in trained if "films" in one]
    drawn = [one["films_drawn"] for one in trained if "films_drawn" in one]
    return {
        "name": shipped.name,
        "version": shipped.version,
        "digest": shipped.digest,
        "megabytes": weights.stat().st_size / 1e6,
        "million_parameters": sum(tensor.numel() for tensor in shipped.tensors.values()) / 1e6,
        "side": shipped.network.side,
        "scales": len(shipped.network.scales),
        "networks": len(trained),
        "films": round(sum(films) / len(films)) if films else None,
        "films_drawn": round(sum(drawn) / len(drawn)) if drawn else None,
        "operating_point": shipped.calibration.operating_point,
        "lesion_cut": shipped.calibration.lesion_cut,
        "words": shipped.calibration.words,
    }


def _figure(facts: Mapping[str, Any], path: str, how: str) -> str | None:
    """The figure at a path, written; None where there is none."""
    found: Any = facts
    for key in path.split(">"):
        if not isinstance(found, Mapping) or key.strip() not in found:
            return None
        found = found[key.strip()]
    alone = found.get("value") if isinstance(found, Mapping) else found
    if alone is None:
        return None
    if how == "%":
        return f"{alone:.0%}".replace("%", " %")
    if how.startswith("v"):
        return cell(alone, int(how[1:]))
    if isinstance(alone, int) and not isinstance(alone, bool):
        return f"{alone:,}"
    return cell(found, int(how))


def _first_table(section: Section | None) -> Table | None:
    return next((block for block in section.blocks if isinstance(block, Table)), None) if section else None


def _without(folder: str, table: Table | None) -> Table | None:
    """The rows that neither choose nor judge on this folder; all, if none would be left."""
    rows = [row for row in table.rows if folder not in row[:2]] if table else []
    return Table(table.heads, rows) if table and rows else table


TABLES: Mapping[str, Callable[[Mapping[str, Any]], Table | None]] = {
    "headline": sections.headline,
    "triage": lambda tree: _first_table(sections.triage(tree)),
    "guess": sections.guess_table,
    "thresholds": lambda tree: _without("nih", _first_table(sections.thresholds(tree))),
    "promises": lambda tree: _first_table(sections.promises(tree)),
    "calibration": lambda tree: _first_table(sections.calibration(tree)),
    "labels": lambda tree: _first_table(sections.labels(tree)),
    "label count": lambda tree: [block for block in sections.labels(tree).blocks if isinstance(block, Table)][1],
    "peer": lambda tree: _first_table(sections.peer(tree)),
    "boxes": lambda tree: _first_table(box_sections.boxes(tree)) if tree["boxes"] else None,
    "froc": lambda tree: _first_table(box_sections.marks(tree)) if tree["froc"] else None,
    "patches": lambda tree: _first_table(box_sections.patches(tree)),
}


def _table(name: str, figures: Mapping[str, Any]) -> str | None:
    table = TABLES[name](figures)
    return markdown_table(table) if table is not None and table.rows else None
