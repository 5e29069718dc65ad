"""A report as values: sections of sentences, tables and plots, which Markdown and HTML render alike."""

from __future__ import annotations

import base64
import html
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

DASH = "–"
INTERVAL = re.compile(r"\[(-?\d[-\d., ]*)\]")


@dataclass(frozen=True, slots=True)
class Table:
    """heads and rows of cells; caption: what the table shows, a sentence or two."""

    heads: Sequence[str]
    rows: Sequence[Sequence[str]]
    caption: str = ""


@dataclass(frozen=True, slots=True)
class Plot:
    """A picture by its file name, with what it shows."""

    name: str
    caption: str


Block = str | Table | Plot


@dataclass(frozen=True, slots=True)
class Section:
    """A heading and what stands below it."""

    title: str
    blocks: Sequence[Block]


def cell(figure: Any, digits: int = 3) -> str:
    """A figure of figures.json as a cell: "0.95 [0.93, 0.97]" of an interval, a dash of nothing."""
    if isinstance(figure, Mapping):
        if figure.get("value") is None:
            return DASH
        value = cell(figure["value"], digits)
        low, high = figure.get("low"), figure.get("high")
        return value if low is None or high is None else f"{value} [{cell(low, digits)}, {cell(high, digits)}]"
    if figure is None:
        return DASH
    if isinstance(figure, float):
        written = f"{figure:.{digits}f}"
        return written.removeprefix("-") if float(written) == 0 else written
    return str(figure)


def markdown_table(table: Table) -> str:
    """The table in Markdown, without its caption."""
    lines = [table.heads, ["---"] * len(table.heads), *table.rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def to_markdown(title: str, sections: Iterable[Section]) -> str:
    """The report in Markdown; plots lie beside it in plots/."""
    parts = [f"# {title}"]
    for section in sections:
        parts.append(f"## {section.title}")
        for block in section.blocks:
            if isinstance(block, Table):
                parts += [block.caption, markdown_table(block)] if block.caption else [markdown_table(block)]
            elif isinstance(block, Plot):
                parts += [f"![{section.title}](plots/{block.name})", block.caption]
            else:
                parts.append(block)
    return "\n\n".join(parts) + "\n"


def to_html(title: str, sections: Sequence[Section], pictures: Mapping[str, bytes]) -> str:
    """One file that needs no other: style inside, plots (JPEG or PNG bytes by name) in base64."""
    contents = "".join(f'<li><a href="#s{n}">{html.escape(s.title)}</a></li>' for n, s in enumerate(sections))
    body = "".join(
        f'<section id="s{n}"><h2>{html.escape(s.title)}</h2>{"".join(_html(b, pictures) for b in s.blocks)}</section>'
        for n, s in enumerate(sections)
    )
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{html.escape(title)}</title>'
        f"<style>{STYLE}</style></head><body><h1>{html.escape(title)}</h1><nav><ol>{contents}</ol></nav>"
        f"{body}</body></html>\n"
    )


def _html(block: Block, pictures: Mapping[str, bytes]) -> str:
    if isinstance(block, Plot):
        kind = "jpeg" if pictures[block.name].startswith(b"\xff\xd8") else "png"
        content = base64.b64encode(pictures[block.name]).decode()
        caption = html.escape(block.caption)
        source = f"data:image/{kind};base64,{content}"
        return f'<figure><img src="{source}" alt="{caption}"><figcaption>{caption}</figcaption></figure>'
    if isinstance(block, str):
        warned = ' class="warning"' if block.startswith("Warning") else ""
        return f"<p{warned}>{html.escape(block)}</p>"
    heads = "".join(f"<th>{html.escape(head)}</th>" for head in block.heads)
    rows = "".join("<tr>" + "".join(_html_cell(text) for text in row) + "</tr>" for row in block.rows)
    caption = f"<p>{html.escape(block.caption)}</p>" if block.caption else ""
    return f'{caption}<div class="wide"><table><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table></div>'


def _html_cell(text: str) -> str:
    smaller = INTERVAL.sub(r"<small>[\1]</small>", html.escape(text))
    return f"<td>{smaller}</td>"


STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; color: #1c1c1c; max-width: 1320px; margin: 2rem auto; padding: 0 1.5rem; }
h1 { font-size: 1.6rem; } h2 { font-size: 1.25rem; margin-top: 2.6rem; border-bottom: 1px solid #ccc; }
nav ol { columns: 3; font-size: .9rem; } a { color: #0b5394; }
p { max-width: 860px; }
.warning { background: #fff3d6; border-left: 4px solid #d98e04; padding: .4rem .8rem; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-size: .84rem; margin: .4rem 0 1.4rem; font-variant-numeric: tabular-nums; }
th, td { padding: .2rem .5rem; text-align: right; border-bottom: 1px solid #e4e4e4; white-space: nowrap; }
th:first-child, td:first-child { text-align: left; } thead th { border-bottom: 2px solid #888; white-space: normal; }
tbody tr:hover { background: #f3f7fb; } small { color: #6a6a6a; font-size: .78em; }
figure { margin: 1rem 0; } img { max-width: 100%; } figcaption { color: #444; font-size: .88rem; max-width: 860px; }
"""
