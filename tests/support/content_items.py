"""Walking an SR content tree in tests: PS3.3 C.17.3."""

from __future__ import annotations

from collections.abc import Iterator

from pydicom import Dataset


def code(item: Dataset, keyword: str = "ConceptNameCodeSequence") -> str:
    """The code value of an item's concept name, or of what `keyword` names."""
    return str(item[keyword].value[0].CodeValue)


def children(item: Dataset, concept: str = "", value_type: str = "") -> list[Dataset]:
    """An item's children, by concept and value type."""
    below = item.get("ContentSequence", [])
    return [c for c in below if (not concept or code(c) == concept) and (not value_type or c.ValueType == value_type)]


def everything(item: Dataset) -> Iterator[Dataset]:
    """Every content item of the tree below `item`."""
    for child in item.get("ContentSequence", []):
        yield child
        yield from everything(child)


def texts(item: Dataset) -> str:
    """All text of a tree in one string."""
    return " | ".join(child.TextValue for child in everything(item) if child.ValueType == "TEXT")
