"""What our Imaging Measurement Reports say of whole images: a code, a number and a text for each, on the same images.

PS3.16 TID 1500 (Qualitative Evaluations), TID 4019; and the descriptors of the Image Library, TID 1602 and 1603. Held
against our own objects alone: the templates leave most of it open.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from daemon.conform.fault import Fault
from daemon.conform.rows import Row, follows
from daemon.conform.subject import Subject
from daemon.conform.tree import Code, Node

_SUMMARY, _CERTAINTY, _COMMENT = ("111017", "DCM"), ("111012", "DCM"), ("121106", "DCM")
_LETTERS = {_SUMMARY: "C", _CERTAINTY: "N", _COMMENT: "T"}
_IMAGE = Row(("121112", "DCM"), "IMAGE", "INFERRED FROM", 1, 10**6)
ALGORITHM: tuple[Row, ...] = (  # TID 4019
    Row(("111001", "DCM"), "TEXT", "HAS CONCEPT MOD", 1, 1),
    Row(("111003", "DCM"), "TEXT", "HAS CONCEPT MOD", 1, 1),
    Row(("111002", "DCM"), "TEXT", "HAS CONCEPT MOD", 0, 10**6),
)
_SIZES: tuple[Code, ...] = (("110910", "DCM"), ("110911", "DCM"))
_DESCRIPTORS: tuple[Row, ...] = (  # TID 1602, TID 1603
    Row(("121139", "DCM"), "CODE", "HAS ACQ CONTEXT", 0, 1),
    *(Row(size, "NUM", "HAS ACQ CONTEXT", 0, 1) for size in _SIZES),
    Row(("111031", "DCM"), "CODE", "HAS ACQ CONTEXT", 0, 1),
    Row(("111044", "DCM"), "TEXT", "HAS ACQ CONTEXT", 0, 1),
    Row(("111043", "DCM"), "TEXT", "HAS ACQ CONTEXT", 0, 1),
    Row(("111026", "DCM"), "NUM", "HAS ACQ CONTEXT", 0, 1),
    Row(("111066", "DCM"), "NUM", "HAS ACQ CONTEXT", 0, 1),
)


def evaluated(container: Node) -> Iterator[Fault]:
    """The items come as code, number (but for what was not analysed) and text, each triple on the same images."""
    children = container.children()
    if not re.fullmatch(r"(CN?T)+", "".join(_LETTERS.get(child.concept, "?") for child in children)):
        yield Fault("sr-evaluations", container.item.where("ContentSequence"), "not code, number and text in turn")
    images: list[str] = []
    for child in children:
        rows = (_IMAGE, *ALGORITHM) if child.concept == _CERTAINTY else (_IMAGE,)
        yield from follows(child, rows, "sr-evaluations", closed=True)
        on = [
            reference.text("ReferencedSOPInstanceUID")
            for image in child.children(value_type="IMAGE")
            for reference in image.item.items("ReferencedSOPSequence")
        ]
        if len(set(on)) != len(on) or (child.concept != _SUMMARY and on != images):
            yield Fault("sr-evaluations", child.item.path, "not on the images of the result that it is of")
        images = on


def described(subject: Subject, entry: Node) -> Iterator[Fault]:
    """One image of the library: its descriptors in order, each once; its size where the header has one."""
    yield from follows(entry, _DESCRIPTORS, "sr-library-descriptor", closed=True)
    for reference in entry.item.items("ReferencedSOPSequence"):
        size = subject.size(reference.text("ReferencedSOPInstanceUID"))
        if size and not all(entry.children(name) for name in _SIZES):
            yield Fault("sr-library-descriptor", entry.item.path, "the size of the image is left out")
