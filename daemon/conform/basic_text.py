"""A Basic Text SR: sections of sentences that say what they are (PS3.3 A.35.1; PS3.16 CID 7001, 7002).

Without coordinates in the SOP class, places are told in words; they too must lie in the image. The rules of sentences
are those of worker/encode/text_sr.py.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from daemon.conform.fault import Fault
from daemon.conform.forms import BASIC_TEXT_SR
from daemon.conform.imaging_report import LANGUAGE, OBSERVER, device, image_of, observed
from daemon.conform.report_words import is_statement, marked
from daemon.conform.rows import Row, follows
from daemon.conform.subject import Subject
from daemon.conform.tree import Node, root_of

_TITLES = (("112000", "DCM"), ("18748-4", "LN"), ("11528-7", "LN"))  # Chest CAD Report; of CID 7000
_SUMMARY, _FINDINGS = ("55112-7", "LN"), ("59776-5", "LN")
_ROWS: tuple[Row, ...] = (
    LANGUAGE,
    *OBSERVER,
    Row(_SUMMARY, "CONTAINER", "CONTAINS", 1, 1),
    Row(_FINDINGS, "CONTAINER", "CONTAINS", 1, 1),
)
_SENTENCES = {
    _SUMMARY: (Row(("121077", "DCM"), "TEXT", "CONTAINS", 1, 10**6),),
    _FINDINGS: (Row(("121071", "DCM"), "TEXT", "CONTAINS", 1, 10**6),),
}
_LESION = re.compile(r"^film \d+ lesion \d+: ")
_BOX = re.compile(r"columns (\d+) to (\d+) of (\d+), rows (\d+) to (\d+) of (\d+)")


def basic_text(subject: Subject) -> Iterator[Fault]:
    """Title, sections, and every sentence for itself."""
    if subject.sop_class_uid != BASIC_TEXT_SR:
        return
    root, ours = root_of(subject), subject.ours
    if root.value_type != "CONTAINER" or (ours and root.concept not in _TITLES):
        yield Fault("sr-root", "ConceptNameCodeSequence", "not a report")
    if not any(node.value_type == "TEXT" for node in root.walk()):
        yield Fault("text-empty", "ContentSequence", "no text")
    yield from observed(root, ours)
    if not ours:
        return
    yield from device(subject, root)
    lesions = [node for node in root.walk() if _LESION.search(node.words)]
    yield from marked(root, len(lesions))
    yield from follows(root, _ROWS, "sr-template-row", closed=True)
    for heading, rows in _SENTENCES.items():
        for section in root.children(heading):
            yield from follows(section, rows, "sr-template-row", closed=True)
    summary = [node.words for section in root.children(_SUMMARY) for node in section.children()]
    if len(summary) < 2 or not all(map(is_statement, summary[:2])) or "Made by " not in " ".join(summary):
        yield Fault(
            "statement", "ContentSequence", "the summary does not say: AI, unverified, the result, made by what"
        )
    for section in root.children(_FINDINGS):
        yield from _on_films(subject, section)


def _on_films(subject: Subject, section: Node) -> Iterator[Fault]:
    """Each film's result names its image; the places that follow it are on this image."""
    film = ""
    named: list[str] = []
    for node in section.children():
        if not is_statement(node.words):
            yield Fault("statement", node.item.path, "does not say that this is AI and unverified")
        below = node.children()
        if below:
            film = image_of(node)
            named.append(film)
            if len(below) != 1:
                yield Fault("text-images", node.item.path, "inferred from more than one image")
            if any(child.value_type != "IMAGE" or child.relationship != "INFERRED FROM" for child in below):
                yield Fault("sr-template-row", node.item.path, "inferred from something that is no image")
        for box in _BOX.finditer(node.words):
            left, right, columns, top, bottom, rows = map(int, box.groups())
            if not (left <= right <= columns and top <= bottom <= rows):
                yield Fault("text-inside-image", node.item.path, "a place that is not in the image")
            if subject.size(film) not in (None, (columns, rows)):
                yield Fault("text-inside-image", node.item.path, "not the image's size")
    evidence = subject.root.items("CurrentRequestedProcedureEvidenceSequence")
    listed = [
        i for s in evidence for e in s.items("ReferencedSeriesSequence") for i in e.items("ReferencedSOPSequence")
    ]
    if sorted(named) != sorted(item.text("ReferencedSOPInstanceUID") for item in listed):
        yield Fault("text-images", section.item.path, "not the images of the evidence, each once")
