"""The content tree of a document: its items with value types and relationships (PS3.3 C.17.3, Annex A.35).

Which relationship may lead from which value type to which is the IOD's: Tables A.35.1-2, A.35.3-2, A.35.4-2, A.35.6-2,
A.35.13-2.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from daemon.conform.fault import Fault
from daemon.conform.forms import (
    BASIC_TEXT_SR,
    CHEST_CAD_SR,
    COMPREHENSIVE_3D_SR,
    COMPREHENSIVE_SR,
    DOCUMENTS,
    KEY_OBJECT_SELECTION,
)
from daemon.conform.subject import Subject
from daemon.conform.view import Item

Code = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Node:
    """One content item. parent: None for the root."""

    item: Item
    parent: Node | None

    @property
    def value_type(self) -> str:
        """Value Type."""
        return self.item.text("ValueType")

    @property
    def relationship(self) -> str:
        """Relationship Type, "" for the root."""
        return self.item.text("RelationshipType")

    @property
    def concept(self) -> Code:
        """(value, scheme) of the Concept Name."""
        return self.item.code("ConceptNameCodeSequence")

    @property
    def coded(self) -> Code:
        """(value, scheme) that a CODE item says."""
        return self.item.code("ConceptCodeSequence")

    @property
    def words(self) -> str:
        """What a TEXT item says."""
        return self.item.whole("TextValue")

    def children(self, concept: Code | None = None, value_type: str = "") -> list[Node]:
        """The items below, by concept and value type."""
        return [
            child
            for child in (Node(item, self) for item in self.item.items("ContentSequence"))
            if concept in (None, child.concept) and value_type in ("", child.value_type)
        ]

    def walk(self) -> Iterator[Node]:
        """The item and everything below it."""
        yield self
        for child in self.children():
            yield from child.walk()


_PLAIN = frozenset(("TEXT", "CODE", "DATETIME", "DATE", "TIME", "UIDREF", "PNAME"))
_REFERRED = frozenset(("COMPOSITE", "IMAGE", "WAVEFORM"))
_ANY = _PLAIN | _REFERRED | {"NUM", "SCOORD", "TCOORD", "CONTAINER"}
_SAID = frozenset(("TEXT", "CODE"))
_CAD = frozenset(("CONTAINER", "TEXT", "CODE", "NUM", "IMAGE", "WAVEFORM", "SCOORD", "TCOORD"))
_EVERY_SOURCE = "*"

Rows = tuple[tuple[str, tuple[str, ...], frozenset[str]], ...]
_COMPREHENSIVE: Rows = (
    ("CONTAINS", ("CONTAINER",), _ANY),
    ("HAS OBS CONTEXT", ("CONTAINER",), _PLAIN | {"NUM", "COMPOSITE", "CONTAINER"}),
    ("HAS OBS CONTEXT", ("TEXT", "CODE", "NUM"), _PLAIN | {"NUM", "COMPOSITE"}),
    ("HAS ACQ CONTEXT", ("CONTAINER", "IMAGE", "WAVEFORM", "COMPOSITE", "NUM"), _PLAIN | {"NUM", "CONTAINER"}),
    ("HAS CONCEPT MOD", (_EVERY_SOURCE,), _SAID),
    ("HAS PROPERTIES", ("TEXT", "CODE", "NUM"), _ANY),
    ("HAS PROPERTIES", ("PNAME",), _PLAIN),
    ("INFERRED FROM", ("TEXT", "CODE", "NUM"), _ANY),
    ("SELECTED FROM", ("SCOORD",), frozenset({"IMAGE"})),
    ("SELECTED FROM", ("TCOORD",), frozenset({"SCOORD", "IMAGE", "WAVEFORM"})),
)
_3D = frozenset({"SCOORD3D"})
_COMPREHENSIVE_3D: Rows = tuple(
    (name, sources, targets | _3D if targets == _ANY else targets) for name, sources, targets in _COMPREHENSIVE
)
_BASIC_TEXT: Rows = (
    ("CONTAINS", ("CONTAINER",), _PLAIN | _REFERRED | {"CONTAINER"}),
    ("HAS OBS CONTEXT", ("CONTAINER",), _PLAIN | {"COMPOSITE", "CONTAINER"}),
    ("HAS ACQ CONTEXT", ("CONTAINER", "IMAGE", "WAVEFORM", "COMPOSITE"), _PLAIN),
    ("HAS CONCEPT MOD", (_EVERY_SOURCE,), _SAID),
    ("HAS PROPERTIES", ("TEXT",), _PLAIN | _REFERRED),
    ("HAS PROPERTIES", ("PNAME",), _PLAIN),
    ("INFERRED FROM", ("TEXT",), _PLAIN | _REFERRED),
)
_CHEST_CAD: Rows = (
    ("CONTAINS", ("CONTAINER",), frozenset({"CODE", "NUM", "IMAGE", "CONTAINER"})),
    ("HAS OBS CONTEXT", ("CONTAINER",), _SAID | {"NUM", "DATE", "TIME", "PNAME", "UIDREF", "COMPOSITE", "CONTAINER"}),
    ("HAS OBS CONTEXT", ("TEXT", "CODE", "NUM"), _SAID | {"NUM", "DATE", "TIME", "PNAME", "UIDREF", "COMPOSITE"}),
    ("HAS ACQ CONTEXT", ("IMAGE", "WAVEFORM"), _SAID | {"NUM", "DATE", "TIME"}),
    ("HAS CONCEPT MOD", ("CONTAINER", "CODE", "COMPOSITE", "NUM"), _SAID),
    ("HAS PROPERTIES", ("TEXT", "CODE", "NUM"), _CAD | {"DATE", "UIDREF"}),
    ("INFERRED FROM", ("CODE", "NUM"), _CAD),
    ("SELECTED FROM", ("SCOORD",), frozenset({"IMAGE"})),
    ("SELECTED FROM", ("TCOORD",), frozenset({"SCOORD", "IMAGE", "WAVEFORM"})),
)
_KEY_OBJECTS: Rows = (
    ("CONTAINS", ("CONTAINER",), frozenset({"TEXT"}) | _REFERRED),
    ("HAS OBS CONTEXT", ("CONTAINER",), frozenset({"TEXT", "CODE", "UIDREF", "PNAME", "CONTAINER"})),
    ("HAS CONCEPT MOD", ("CONTAINER",), frozenset({"CODE"})),
)
_ROWS: Mapping[str, Rows] = {
    COMPREHENSIVE_SR: _COMPREHENSIVE,
    COMPREHENSIVE_3D_SR: _COMPREHENSIVE_3D,
    BASIC_TEXT_SR: _BASIC_TEXT,
    CHEST_CAD_SR: _CHEST_CAD,
    KEY_OBJECT_SELECTION: _KEY_OBJECTS,
}


def root_of(subject: Subject) -> Node:
    """The document's root."""
    return Node(subject.root, None)


def relationships(subject: Subject) -> Iterator[Fault]:
    """Every step of the tree is one that the SOP class has."""
    if subject.sop_class_uid not in DOCUMENTS:
        return
    rows = _ROWS[subject.sop_class_uid]
    for node in root_of(subject).walk():
        if node.parent is None:
            if "RelationshipType" in node.item:
                yield Fault("sr-relationship", "RelationshipType", "the root has none")
            continue
        if "ReferencedContentItemIdentifier" in node.item:
            yield from _by_reference(subject, node)
            continue
        step = (node.relationship, node.parent.value_type, node.value_type)
        legal = any(
            name == step[0] and (step[1] in sources or _EVERY_SOURCE in sources) and step[2] in targets
            for name, sources, targets in rows
        )
        if not legal:
            yield Fault(
                "sr-relationship",
                node.item.where("RelationshipType"),
                "not a relationship that the SOP class allows here",
            )


def _by_reference(subject: Subject, node: Node) -> Iterator[Fault]:
    """C.17.3.2.5: 1-based positions from the root, which is 1, to an item that is no ancestor."""
    path = [int(number) for number in node.item.numbers("ReferencedContentItemIdentifier")]
    where = node.item.where("ReferencedContentItemIdentifier")
    if subject.sop_class_uid in (BASIC_TEXT_SR, KEY_OBJECT_SELECTION):
        yield Fault("sr-by-reference", where, "the SOP class has no relationships by reference")
    target: Node | None = root_of(subject) if path[:1] == [1] else None
    for number in path[1:]:
        below = target.children() if target else []
        target = below[number - 1] if 0 < number <= len(below) else None
    if target is None or not target.item.path or f"{node.item.path}.".startswith(f"{target.item.path}."):
        yield Fault("sr-by-reference", where, "leads nowhere, or to an item that holds it")
    if "ValueType" in node.item:
        yield Fault("sr-by-reference", node.item.where("ValueType"), "an item by reference has no value of its own")
