"""A container held against the rows of its template (PS3.16, "VM", "Value Type", "Rel with Parent")."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from daemon.conform.fault import Fault
from daemon.conform.tree import Code, Node


class Row(NamedTuple):
    """One row: what hangs from the container, by which relationship, and at least and at most how often."""

    concept: Code
    value_type: str
    relationship: str
    least: int
    most: int


def follows(node: Node, rows: tuple[Row, ...], rule: str, closed: bool, ordered: bool = True) -> Iterator[Fault]:
    """Whether the container's children are these rows; closed: and no others, in this order unless it has none."""
    known = {row.concept: row for row in rows}
    children = node.children()
    for child in children:
        row = known.get(child.concept)
        if row is None:
            if closed:
                yield Fault(rule, child.item.path, "a row that the template does not have here")
        elif child.value_type != row.value_type or child.relationship != row.relationship:
            yield Fault(rule, child.item.path, f"the template has {row.relationship} {row.value_type} here")
    places = [list(known).index(child.concept) for child in children if child.concept in known]
    if closed and ordered and places != sorted(places):
        yield Fault(rule, node.item.where("ContentSequence"), "not in the template's order")
    for row in rows:
        count = sum(child.concept == row.concept for child in children)
        if not row.least <= count <= row.most:
            where = node.item.where("ContentSequence")
            yield Fault(rule, where, f"({row.concept[0]}, {row.concept[1]}) is there {count} times")
