"""The results on whole images: the study's and each film's, positive, negative, or not analysed and why.

Said as evaluations of the images (PS3.16 TID 1500, Qualitative Evaluations; a number beside the codes extends it), not
as TID 1501 groups: OHIF 3.12 cannot open a report that has a group without a region
(_checkIfCanAddMeasurementsToDisplaySet reads the first of none), and PixelMed's validator, where a report has exactly
one region, demands one of every group.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from highdicom.sr import (
    AlgorithmIdentification,
    CodeContentItem,
    ContainerContentItem,
    ContentSequence,
    ImageContentItem,
    NumContentItem,
    RelationshipTypeValues,
    TextContentItem,
)
from highdicom.sr.value_types import ContentItem
from pydicom.sr.coding import Code

from model.findings import ModelIdentity
from worker.encode import codes, wording
from worker.encode.header import plain
from worker.encode.request import SourceImage
from worker.encode.source import Source

_CONTAINS = RelationshipTypeValues.CONTAINS


@dataclass(frozen=True, slots=True)
class Film:
    """One image of the report.

    name: in the report, "film 2"; title: with the numbers by which a viewer lists it, "film 2 (series 3, image 1)",
    where there are several films. lesion_prefix: what its lesions' names begin with, "film 2 " or "".
    """

    image: SourceImage
    source: Source
    name: str
    title: str
    lesion_prefix: str


@dataclass(frozen=True, slots=True)
class Result:
    """One statement on whole images. probability: None when there is none; cut: the operating point on it."""

    name: str
    probability: float | None
    cut: float | None
    summary: Code
    comment: str
    sources: tuple[Source, ...]


def results(films: list[Film], identity: ModelIdentity, marking: bool) -> list[Result]:
    """The study's result, then each film's; of a study of one film the study's says it all."""
    return [_of_study(films, identity), *(_of_film(film, marking) for film in films if len(films) > 1)]


def as_evaluations(said: list[Result], identity: ModelIdentity) -> ContainerContentItem:
    """The results as one Qualitative Evaluations container; a code, a number and a text for each."""
    container = ContainerContentItem(codes.QUALITATIVE_EVALUATIONS, relationship_type=_CONTAINS)
    container.ContentSequence = ContentSequence([item for result in said for item in _evaluated(result, identity)])
    return container


def comment_item(words: str) -> TextContentItem:
    """A TEXT item (121106, DCM, Comment)."""
    return TextContentItem(codes.COMMENT, plain(words, 1024), _CONTAINS)


def algorithm(identity: ModelIdentity, cut: float | None) -> AlgorithmIdentification:
    """TID 4019."""
    stated = [] if cut is None else [plain(wording.operating_point(identity, cut), 1024)]
    return AlgorithmIdentification(
        name=plain(identity.name, 1024),
        version=plain(identity.version, 1024),
        parameters=[*stated, f"Weights SHA-256: {plain(identity.digest, 128)}"],
    )


def _of_study(films: list[Film], identity: ModelIdentity) -> Result:
    """The highest probability of the films, positive when any film is; without an analysed film, why there is none."""
    analysed = [(film.source, film.image.findings) for film in films if film.image.findings]
    if not analysed:
        reasons = "; ".join(sorted({film.image.not_analysed for film in films}))
        comment = f"AI: study not analysed ({reasons}); no statement on it, unverified"
        return Result("study", None, None, codes.NOT_ANALYSED, comment, tuple(film.source for film in films))
    top = max((found for _, found in analysed), key=lambda found: found.probability)
    positive = any(found.positive for _, found in analysed)
    verdict = "abnormal" if positive else "no finding above operating point"
    comment = f"AI: study {verdict}, {wording.percent(top.probability)}, unverified. "
    comment += wording.operating_point(identity, top.operating_point) + "."
    return Result(
        "study",
        top.probability,
        top.operating_point,
        codes.SUMMARIES[len(analysed) == len(films), positive],
        comment,
        tuple(source for source, _ in analysed),
    )


def _of_film(film: Film, marking: bool) -> Result:
    found = film.image.findings
    if found is None:
        comment = f"{film.title}: {wording.not_analysed_line(film.image.not_analysed)}"
        return Result(film.name, None, None, codes.NOT_ANALYSED, comment, (film.source,))
    summary = codes.SUMMARIES[True, found.positive or bool(marking and found.shown)]
    comment = f"{film.title}: {wording.film_line(found, marking)}"
    return Result(film.name, found.probability, found.operating_point, summary, comment, (film.source,))


def _evaluated(result: Result, identity: ModelIdentity) -> Iterator[ContentItem]:
    yield _on_images(CodeContentItem(codes.SUMMARY, result.summary, _CONTAINS), result)
    if result.probability is not None:
        value = wording.percentage(result.probability)
        number = _on_images(NumContentItem(codes.CERTAINTY, value, codes.PERCENT, relationship_type=_CONTAINS), result)
        number.ContentSequence.extend(algorithm(identity, result.cut))
        yield number
    yield _on_images(comment_item(result.comment), result)


def _on_images(item: ContentItem, result: Result) -> ContentItem:
    """`item`, INFERRED FROM the result's images."""
    item.ContentSequence = ContentSequence(
        [
            ImageContentItem(
                codes.SOURCE_OF_MEASUREMENT,
                source.sop_class_uid,
                source.sop_instance_uid,
                referenced_frame_numbers=list(source.frames) or None,
                relationship_type=RelationshipTypeValues.INFERRED_FROM,
            )
            for source in result.sources
        ]
    )
    return item
