"""What an SR tells a reader in words is what it tells a machine in codes and numbers; and it says what it is.

The sentences are those of worker/encode/wording.py: each begins with "AI", ends with "unverified", and has the
probability in whole percent. The codes are CID 6047.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator

from daemon.conform.fault import Fault
from daemon.conform.subject import Subject
from daemon.conform.tree import Code, Node

_CERTAINTY, _COMMENT, _SUMMARY = ("111012", "DCM"), ("121106", "DCM"), ("111017", "DCM")
_PERCENT = re.compile(r"(<1|>99|\d{1,2}) %")
_LIBRARY = ("111028", "DCM")
_FILM = re.compile(r"film (\d+)\b")
_MARKED = re.compile(r"(\d+) marked")
_COVERED = re.compile(r"(\d+) of (\d+) eligible")
_WITHOUT = {("111241", "DCM"), ("111243", "DCM")}
_WITH = {("111242", "DCM"), ("111244", "DCM")}
_FAILED = {("111245", "DCM")}


def is_statement(words: str) -> bool:
    """Whether a text says that it is of an AI and that nobody has verified it."""
    return bool(re.search(r"\bAI\b", words)) and "unverified" in words.lower()


def statements(subject: Subject, root: Node, groups: int) -> Iterator[Fault]:
    """The document as a whole says that it is AI and unverified, and how many images it covers."""
    comments = [node.words for node in root.children(_COMMENT, "TEXT")]
    if subject.ours and len(comments) != 1:
        yield Fault("statement", "ContentSequence", "not one comment on the document")
    if not any(map(is_statement, comments)):
        yield Fault("statement", "ContentSequence", "no comment says that this is AI and unverified")
    if groups and not subject.marking:
        yield Fault("no-location", "ContentSequence", f"{groups} Measurement Groups in a result without marking")
    if subject.ours:
        yield from marked(root, groups)
    evidence = subject.root.items("CurrentRequestedProcedureEvidenceSequence")
    images = sum(
        len(series.items("ReferencedSOPSequence")) for st in evidence for series in st.items("ReferencedSeriesSequence")
    )
    for match in filter(None, map(_COVERED.search, comments)):
        if int(match[2]) != images or int(match[1]) > images:
            yield Fault("sr-words-count", "ContentSequence", "the comment counts other images than the evidence lists")


def films_by_name(root: Node) -> Iterator[Fault]:
    """What is named "film 2" is of the second image of the Image Library."""
    entries = [
        _image(entry) for library in root.children(_LIBRARY) for entry in library.walk() if entry.value_type == "IMAGE"
    ]
    for node in root.walk():
        named = _FILM.match(node.words)
        holder = node.parent
        if named is None or holder is None:
            continue
        below = node.children(value_type="IMAGE")
        about = {_image(image) for image in below or holder.walk()} - {""}
        number = int(named[1])
        if about and (number > len(entries) or about != {entries[number - 1]}):
            yield Fault("sr-film", node.item.path, "is of another image than the one it names")


def marked(root: Node, count: int) -> Iterator[Fault]:
    """As many places are told to be marked as there are; where the words tell it at all."""
    words = [_MARKED.search(node.words) for node in root.walk() if node.value_type == "TEXT"]
    if any(words) and sum(int(found[1]) for found in words if found) != count:
        yield Fault("sr-words-count", "ContentSequence", f"the words tell another number of marks than {count}")


def _image(node: Node) -> str:
    return next((item.text("ReferencedSOPInstanceUID") for item in node.item.items("ReferencedSOPSequence")), "")


def told(container: Node) -> Iterator[Fault]:
    """Codes, numbers and words of one Measurement Group, or of the results in Qualitative Evaluations, one by one."""
    summary: Code = ("", "")
    number: float | None = None
    numbers: list[float] = []
    for child in container.children():
        if child.concept == _SUMMARY:
            summary, number = child.coded, None
            if summary not in _WITHOUT | _WITH | _FAILED:
                yield Fault("sr-summary", child.item.path, "no summary of CID 6047")
        elif child.concept == _CERTAINTY:
            number = value_of(child)
            numbers.append(math.nan if number is None else number)
        elif child.concept == _COMMENT:
            yield from _agree(child, summary, number)
    if len(numbers) > 1 and container.concept == ("C0034375", "UMLS") and numbers[0] != max(numbers[1:]):
        yield Fault("sr-words-number", container.item.path, "the study's number is not the highest of its images'")


def value_of(node: Node) -> float | None:
    """The value of a NUM item; None when it has none."""
    return next((measured.number("NumericValue") for measured in node.item.items("MeasuredValueSequence")), None)


def agrees(words: str, value: float) -> bool:
    """Whether the first percentage in `words`, if any, is `value`, rounded to a whole percent short of certainty."""
    found = _PERCENT.search(words)
    if found is None:
        return False
    if found[1] in ("<1", ">99"):
        return value <= 0.6 if found[1] == "<1" else value >= 99.4
    return abs(value - int(found[1])) <= 0.56  # the number has a decimal more, itself rounded


def _agree(comment: Node, summary: Code, number: float | None) -> Iterator[Fault]:
    words, where = comment.words, comment.item.path
    if not is_statement(words):
        yield Fault("statement", where, "a comment that does not say that it is AI and unverified")
    if number is not None and not agrees(words, number):
        yield Fault("sr-words-number", where, "the words tell another percentage than the number")
    if summary == ("", ""):
        return
    failed, without = "not analysed (" in words, "no finding above operating point" in words
    right = _FAILED if failed else _WITHOUT if without else _WITH
    if summary not in right:
        yield Fault("sr-words-summary", where, "the words tell another result than the code")
    if failed == (number is not None):
        yield Fault("sr-words-number", where, "a number without an analysis, or an analysis without a number")
