"""The marked places of a structured report: SCOORD items at any depth, with the finding that they belong to.

PS3.3 C.18.6 (Spatial Coordinates); PS3.16 TID 1410 (a measurement group's Finding and Image Region) and TID 4104, 4107
(a Chest CAD finding, whose centre and outline are its properties, and which may be not for presentation, CID 6034).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset

from daemon.core.attributes import items, numbers, word
from worker.render import tree

FINDINGS: frozenset[tree.Concept] = frozenset(
    {
        ("121071", "DCM"),  # Finding, TID 1410
        ("111059", "DCM"),  # Single Image Finding, TID 4104
        ("111015", "DCM"),  # Composite Feature, TID 4102
    }
)
CERTAINTIES: tuple[tree.Concept, ...] = (("111012", "DCM"), ("111047", "DCM"))  # of finding; probability of cancer
MODIFIER: tree.Concept = ("112024", "DCM")  # Single Image Finding Modifier
RENDERING_INTENT: tree.Concept = ("111056", "DCM")
NOT_FOR_PRESENTATION: tree.Concept = ("111152", "DCM")


@dataclass(frozen=True, slots=True)
class Region:
    """One marked place. points: [N, 2] (x, y) in the image frame. label: what a reader is told of it, "" if told."""

    kind: str
    points: NDArray[np.float64]
    label: str


def regions_on(root: Dataset, image_uid: str, notes: list[str]) -> list[Region]:
    """The regions of a report on one image, each once; of the regions of one finding the largest bears its label."""
    found: dict[tuple[int, str, tuple[float, ...]], Region] = {}
    largest: dict[int, Region] = {}
    for node in tree.walk(root):
        kind = word(node.item, "ValueType")
        if kind == "SCOORD3D":
            notes.append("a region in patient coordinates: not drawn")
        if kind != "SCOORD" or not _is_for(root, node, image_uid, notes):
            continue
        flat = numbers(node.item, "GraphicData")
        if not flat or len(flat) % 2:
            notes.append("a region whose Graphic Data is no list of points: not drawn")
            continue
        finding = _finding(node)
        region = Region(word(node.item, "GraphicType"), np.array(flat).reshape(-1, 2), _label(finding, node))
        # the OHIF flavour repeats a region under its measurement
        found.setdefault((id(finding), region.kind, flat), region)
        if finding is not None and _extent(region) > _extent(largest.setdefault(id(finding), region)):
            largest[id(finding)] = region
    return [
        region if finding not in largest or region is largest[finding] else replace(region, label="")
        for (finding, _, _), region in found.items()
    ]


def _is_for(root: Dataset, node: tree.Node, image_uid: str, notes: list[str]) -> bool:
    """Whether a SCOORD is on the image and meant to be seen."""
    uids = [uid for item in tree.children(root, node.item, "SELECTED FROM", "IMAGE") for uid in tree.images(item)]
    if not uids:
        notes.append("a region without its image: not drawn")
    if image_uid in uids and _hidden(node):
        notes.append("a finding that is not for presentation: not drawn")
        return False
    return image_uid in uids


def _extent(region: Region) -> float:
    """The longer side of what a region spans, in pixels of the image."""
    return float(np.ptp(region.points, axis=0).max())


def mentions(root: Dataset) -> set[str]:
    """SOP Instance UIDs of everything that the content tree refers to."""
    return {uid for node in tree.walk(root) for uid in tree.images(node.item)}


def _lineage(node: tree.Node) -> Iterator[Dataset]:
    """What contains the item, the nearest first."""
    return reversed(node.ancestors)


def _finding(node: tree.Node) -> Dataset | None:
    """The nearest item above that is a finding, or that has one as its child."""
    for above in _lineage(node):
        if tree.concept(above) in FINDINGS:
            return above
        if any(tree.concept(child) in FINDINGS for child in items(above, "ContentSequence")):
            return above
    return None


def _label(finding: Dataset | None, node: tree.Node) -> str:
    """ "<finding>, <modifier> <certainty>", or the region's own name where it belongs to no finding."""
    if finding is None:
        return tree.meaning(node.item)
    below = items(finding, "ContentSequence")
    named = finding if tree.concept(finding) in FINDINGS else next(i for i in below if tree.concept(i) in FINDINGS)
    modifiers = [tree.words(item) for item in below if tree.concept(item) == MODIFIER]
    certainty = [tree.words(item) for wanted in CERTAINTIES for item in below if tree.concept(item) == wanted]
    return " ".join([", ".join([tree.words(named), *modifiers]), *certainty[:1]])


def _hidden(node: tree.Node) -> bool:
    return any(
        tree.concept(child) == RENDERING_INTENT and tree.value(child) == NOT_FOR_PRESENTATION
        for above in _lineage(node)
        for child in items(above, "ContentSequence")
    )
