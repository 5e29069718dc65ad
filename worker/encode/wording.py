"""What a reader is told in words: the same sentences in the SR and on the film.

Every sentence starts with "AI", ends with "unverified", and is ASCII.
"""

from __future__ import annotations

from collections.abc import Sequence

from model.findings import Findings, Lesion, ModelIdentity
from worker.encode import codes


def percent(probability: float) -> str:
    """A probability for a reader: whole percent, never "0 %" or "100 %", which would claim certainty."""
    whole = round(100 * probability)
    if whole < 1:
        return "<1 %"
    return ">99 %" if whole > 99 else f"{whole} %"


def percentage(probability: float) -> float:
    """A probability for a machine: percent to one decimal, 0 to 100."""
    return round(100 * min(max(probability, 0.0), 1.0), 1)


def film_line(findings: Findings, marking: bool) -> str:
    """One line on a film's result; without marking it says nothing of places."""
    marked = len(findings.shown) if marking else 0
    places = f", {marked} marked" if marked else ""
    if findings.positive:
        return f"AI: abnormal, {percent(findings.probability)}{places}, unverified"
    if marked:
        return f"AI: film below operating point, {percent(findings.probability)}{places}, unverified"
    return f"AI: no finding above operating point, {percent(findings.probability)}, unverified"


def lesion_label(lesion: Lesion) -> str:
    """What stands beside a lesion's box."""
    return f"AI {codes.finding_of(lesion.label).name} {percent(lesion.probability)}"


def operating_point(identity: ModelIdentity, cut: float) -> str:
    """The operating point in words and as the cut on the probability."""
    return f"Operating point: {identity.operating_point}; positive at or above {percentage(cut):.1f} % probability"


def document_line(analysed: int, total: int, set_aside: Sequence[str] = ()) -> str:
    """What the document is and how much of the study it covers; set_aside: why other images were not looked at."""
    line = (
        "AI result, unverified. Not a diagnosis: to be read by a radiologist. "
        f"{analysed} of {total} eligible chest radiograph{'s' if total != 1 else ''} analysed."
    )
    if not set_aside:
        return line
    others = f"{len(set_aside)} other image{'s' if len(set_aside) > 1 else ''} of the study"
    return f"{line} {others} not analysed: {'; '.join(sorted(set(set_aside)))}."


def not_analysed_line(reason: str) -> str:
    """Why an image has no result."""
    return f"AI: not analysed ({reason}); no statement on this image, unverified"
