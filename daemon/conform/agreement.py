"""An object of ours agrees with itself: one set of weights, words that fit the cut they name, marks that show.

The sentences are those of worker/encode/wording.py; the codes PS3.16 CID 6034 and 6047; the line on a film is that of
worker/encode/marks.py, and PS3.3 C.10.5, C.10.6 say what would turn or cover the film under the marks.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from daemon.conform.fault import Fault
from daemon.conform.forms import CHEST_CAD_SR, GSPS
from daemon.conform.subject import Subject
from daemon.conform.tree import root_of
from daemon.conform.view import Item

_DIGEST = re.compile(r"(?<![0-9A-Za-z])[0-9a-f]{64}(?![0-9A-Za-z])")
_CUT = re.compile(r"positive at or above ([\d.]+) % probability")
_RESULT = re.compile(r"(abnormal|no finding above operating point), (<1|>99|\d{1,2}) %")
_BOUNDS = {"<1": 0.0, ">99": 100.0}
_TOLERANCE = 1.0  # of a percent: what is told is rounded to a whole one
_NOT_TEXT = ("SQ", "OB", "OW", "OF", "OD", "OL", "OV", "US", "SS", "UL", "SL", "FL", "FD", "AT", "UI")
_SUMMARY, _INTENT, _REQUIRED = ("111017", "DCM"), ("111056", "DCM"), ("111150", "DCM")
_WITH = (("111242", "DCM"), ("111244", "DCM"))
_WITHOUT = (("111241", "DCM"), ("111243", "DCM"))
_LINE = [0.02, 0.01, 0.98, 0.05]  # of the displayed area: where the line on the film stands
_NEAR = 1e-3


def agreement(subject: Subject) -> Iterator[Fault]:
    """Of objects of ours alone."""
    if not subject.ours:
        return
    told = list(_texts(subject))
    if len({digest for _, words in told for digest in _DIGEST.findall(words)}) > 1:
        yield Fault("agree-weights", "", "names two sets of weights")
    yield from _with_the_cut(told)
    if subject.sop_class_uid == CHEST_CAD_SR:
        yield from _summarized(subject)
    if subject.sop_class_uid == GSPS:
        yield from _upright(subject.root)


def _texts(subject: Subject) -> Iterator[tuple[str, str]]:
    """(where, words) of every text of ours."""
    for holder in subject.own():
        for name, attribute in holder.attributes.items():
            if attribute.vr not in _NOT_TEXT and not attribute.empty:
                yield holder.where(name), attribute.value.decode("latin-1")


def _with_the_cut(told: list[tuple[str, str]]) -> Iterator[Fault]:
    """What is called abnormal is at or above the cut, what is not is below; where one cut is named at all."""
    cuts = {cut for _, words in told for cut in _CUT.findall(words)}
    if len(cuts) != 1:
        return
    try:
        cut = float(cuts.pop())
    except ValueError:
        yield Fault("agree-cut", "", "a cut that is no number")
        return
    for where, words in told:
        for verdict, percent in _RESULT.findall(words):
            value = _BOUNDS[percent] if percent in _BOUNDS else float(percent)
            beyond = cut - value if verdict == "abnormal" else value - cut
            if beyond > _TOLERANCE:
                yield Fault("agree-cut", where, "the verdict is not what the number and the cut say")


def _summarized(subject: Subject) -> Iterator[Fault]:
    """The headline of a Chest CAD SR says what its summary and films say, and what was found is to be shown."""
    root, headline = root_of(subject), subject.root.whole("CompletionFlagDescription")
    if ("study abnormal" in headline) != any("AI: abnormal, " in node.words for node in root.walk()):
        yield Fault("agree-headline", "CompletionFlagDescription", "tells another result than the films")
    for summary in root.children(_SUMMARY):
        if "study abnormal" in headline:
            right = summary.coded in _WITH
        elif "no finding above operating point" in headline:  # what is marked below it is still a finding
            right = summary.coded in (_WITH if summary.children() else _WITHOUT)
        else:
            right = summary.coded not in _WITH + _WITHOUT
        if not right:
            yield Fault("agree-headline", "CompletionFlagDescription", "tells another result than the summary")
    for node in root.walk():
        if node.concept == _INTENT and node.coded != _REQUIRED:
            yield Fault("agree-intent", node.item.path, "a finding that is not to be shown")


def _upright(root: Item) -> Iterator[Fault]:
    """The film is shown as it is, no mark covers it, and only the line at its top is fixed to the display."""
    if root.has("ImageRotation") and root.number("ImageRotation") != 0:
        yield Fault("agree-upright", "ImageRotation", "turns the film")
    if root.has("ImageHorizontalFlip") and root.text("ImageHorizontalFlip") != "N":
        yield Fault("agree-upright", "ImageHorizontalFlip", "flips the film")
    for annotation in root.items("GraphicAnnotationSequence"):
        for graphic in annotation.items("GraphicObjectSequence"):
            if graphic.has("GraphicFilled") and graphic.text("GraphicFilled") != "N":
                yield Fault("agree-filled", graphic.where("GraphicFilled"), "covers what it marks")
        for text in annotation.items("TextObjectSequence"):
            corners = [
                *text.numbers("BoundingBoxTopLeftHandCorner"),
                *text.numbers("BoundingBoxBottomRightHandCorner"),
            ]
            at_top = len(corners) == 4 and all(abs(a - b) < _NEAR for a, b in zip(corners, _LINE, strict=True))
            on_display = "DISPLAY" in (text.text("BoundingBoxAnnotationUnits"), text.text("AnchorPointAnnotationUnits"))
            if on_display and ("AnchorPoint" in text or not at_top):
                yield Fault("agree-line", text.path, "text fixed to the display, and not the line at its top")
