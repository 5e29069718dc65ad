"""A structured report as a plain HTML page: PS3.18 8.7.4 (text/html, the rendered media type of SR documents).

One nested list, as the content tree is nested: every reader and screen reader can follow it. No script, no style.
"""

from __future__ import annotations

from html import escape
from itertools import islice

from pydicom import Dataset

from worker.render import tree
from worker.render.report import title_of

MAX_DEPTH = 64


def report_page(report: Dataset) -> bytes:
    """The page, UTF-8."""
    title = escape(title_of(report) or "Structured report")
    lines = [
        "<!doctype html>",
        '<html lang="en">',
        f'<meta charset="utf-8"><title>{title}</title>',
        f"<h1>{title}</h1>",
    ]
    depth = 0
    for node in islice(tree.walk(report), 1, None):  # the root is the title
        level = min(len(node.ancestors), MAX_DEPTH)
        lines += ["<ul>"] * (level - depth) + ["</ul>"] * (depth - level)
        depth = level
        lines.append(f"<li>{escape(_said(node.item))}")
    lines += ["</ul>"] * depth
    return "\n".join([*lines, "</html>"]).encode("utf-8", "replace")


def _said(item: Dataset) -> str:
    name = tree.meaning(item)
    value = tree.words(item) or ", ".join(tree.images(item))
    return f"{name}: {value}" if name and value else name or value or str(item.get("ValueType", ""))
