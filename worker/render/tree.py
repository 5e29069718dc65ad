"""The content tree of a structured report: PS3.3 C.17.3 (SR Document Content), C.18 (content item macros)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pydicom import Dataset

from daemon.core.attributes import items, numbers, word

Concept = tuple[str, str]  # Code Value, Coding Scheme Designator

MAX_ITEMS = 20_000  # of a report; more is no report


@dataclass(frozen=True, slots=True)
class Node:
    """A content item and what contains it, the document's root first."""

    item: Dataset
    ancestors: tuple[Dataset, ...]


def walk(root: Dataset) -> Iterator[Node]:
    """Every content item in the document's order, the root first."""
    waiting, count = [Node(root, ())], 0
    while waiting and count < MAX_ITEMS:
        node = waiting.pop()
        count += 1
        yield node
        below = (*node.ancestors, node.item)
        waiting += [Node(child, below) for child in reversed(items(node.item, "ContentSequence"))]


def children(root: Dataset, item: Dataset, relationship: str, value_type: str) -> list[Dataset]:
    """The item's children of a relationship and value type, those by reference too (C.17.3.2.5)."""
    found = []
    for child in items(item, "ContentSequence"):
        if word(child, "RelationshipType") != relationship:
            continue
        target = _referenced(root, child) if "ReferencedContentItemIdentifier" in child else child
        if target is not None and word(target, "ValueType") == value_type:
            found.append(target)
    return found


def concept(item: Dataset) -> Concept:
    """The item's concept name; ("", "") without one."""
    return _code(items(item, "ConceptNameCodeSequence"))


def value(item: Dataset) -> Concept:
    """The code that a CODE item says."""
    return _code(items(item, "ConceptCodeSequence"))


def meaning(item: Dataset, keyword: str = "ConceptNameCodeSequence") -> str:
    """Code Meaning of a code sequence's first item, or ""."""
    return next((str(code.get("CodeMeaning", "")).strip() for code in items(item, keyword)), "")


def words(item: Dataset) -> str:
    """What an item says, for a reader: its text, code, number with unit, or whatever else it holds."""
    kind = word(item, "ValueType")
    if kind == "CODE":
        return meaning(item, "ConceptCodeSequence")
    if kind == "NUM":
        measured = items(item, "MeasuredValueSequence")
        if not measured:
            return ""
        unit = meaning(measured[0], "MeasurementUnitsCodeSequence")
        short = _code(items(measured[0], "MeasurementUnitsCodeSequence"))[0]
        return f"{(numbers(measured[0], 'NumericValue') or (float('nan'),))[0]:g} {short if short == '%' else unit}"
    if kind in _VALUES:
        return str(item.get(_VALUES[kind], "")).strip()
    return ""


def images(item: Dataset) -> list[str]:
    """SOP Instance UIDs that an IMAGE or COMPOSITE item refers to."""
    return [word(reference, "ReferencedSOPInstanceUID") for reference in items(item, "ReferencedSOPSequence")]


# PS3.3 C.18: the attribute that holds the value of each type that is a string
_VALUES = {"TEXT": "TextValue", "PNAME": "PersonName", "UIDREF": "UID", "DATE": "Date", "TIME": "Time",
           "DATETIME": "DateTime"}  # fmt: skip


def _code(codes: tuple[Dataset, ...]) -> Concept:
    if not codes:
        return "", ""
    return word(codes[0], "CodeValue"), word(codes[0], "CodingSchemeDesignator")


def _referenced(root: Dataset, item: Dataset) -> Dataset | None:
    """Follows the ordinals from the root, which is 1 (C.17.3.2.5)."""
    found = root
    for ordinal in numbers(item, "ReferencedContentItemIdentifier")[1:]:
        below = items(found, "ContentSequence")
        if not 1 <= ordinal <= len(below):
            return None
        found = below[int(ordinal) - 1]
    return found
