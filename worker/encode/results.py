"""The results on whole images: the study's and each film's, positive, negative, or not analysed and why.

PS3.16 TID 1501 groups on the images, or, for a viewer that cannot open a report with such groups, the same said as
evaluations of the images (TID 1500, Qualitative Evaluations).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import cast

from highdicom.sr import (
    AlgorithmIdentification,
    CodeContentItem,
    ContainerContentItem,
    ContentSequence,
    ImageContentItem,
    Measurement,
    MeasurementsAndQualitativeEvaluations,
    NumContentItem,
    QualitativeEvaluation,
    RelationshipTypeValues,
    SourceImageForMeasurementGroup,
    TextContentItem,
    TrackingIdentifier,
)
from highdicom.sr.value_types import ContentItem
from pydicom.sr.coding import Code
from pydicom.uid import UID

from model.findings import ModelIdentity
from worker.encode import codes, wording
from worker.encode.header import plain
from worker.encode.identity import film_tracking_uid, study_tracking_uid
from worker.encode.request import SourceImage
from worker.encode.source import Source

_CONTAINS = RelationshipTypeValues.CONTAINS


@dataclass(frozen=True, slots=True)
class Film:
    """One image of the report, its name in it ("film 2"), and what its lesions' names begin with ("film 2 " or "")."""

    image: SourceImage
    source: Source
    name: str
    lesion_prefix: str


@dataclass(frozen=True, slots=True)
class Result:
    """One statement on whole images. probability: None when there is none; cut: the operating point on it."""

    name: str
    tracking_uid: UID
    probability: float | None
    cut: float | None
    summary: Code
    comment: str
    sources: tuple[Source, ...]


def results(films: list[Film], identity: ModelIdentity, marking: bool) -> list[Result]:
    """The study's result, then each film's; of a study of one film the study's says it all."""
    return [_of_study(films, identity), *(_of_film(film, identity, marking) for film in films if len(films) > 1)]


def as_group(result: Result, identity: ModelIdentity) -> ContentItem:
    """A result as a TID 1501 group."""
    measured = [] if result.probability is None else [wording.percentage(result.probability)]
    (group,) = MeasurementsAndQualitativeEvaluations(
        tracking_identifier=TrackingIdentifier(result.tracking_uid, result.name),
        finding_type=codes.RADIOLOGIC_FINDING if measured else None,
        algorithm_id=algorithm(identity, result.cut),
        measurements=[Measurement(codes.CERTAINTY, value, codes.PERCENT) for value in measured],
        qualitative_evaluations=[QualitativeEvaluation(codes.SUMMARY, result.summary)],
        source_images=[
            SourceImageForMeasurementGroup(source.sop_class_uid, source.sop_instance_uid, list(source.frames) or None)
            for source in result.sources
        ],
    )
    group.ContentSequence.append(comment_item(result.comment))
    return cast(ContentItem, group)


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
    """The highest probability of the films, positive when any film is."""
    analysed = [(film.source, film.image.findings) for film in films if film.image.findings]
    top = max((found for _, found in analysed), key=lambda found: found.probability)
    positive = any(found.positive for _, found in analysed)
    verdict = "abnormal" if positive else "no finding above operating point"
    comment = f"AI: study {verdict}, {wording.percent(top.probability)}, unverified. "
    comment += wording.operating_point(identity, top.operating_point) + "."
    return Result(
        "study",
        study_tracking_uid(films[0].source.study_uid, identity),
        top.probability,
        top.operating_point,
        codes.SUMMARIES[len(analysed) == len(films), positive],
        comment,
        tuple(source for source, _ in analysed),
    )


def _of_film(film: Film, identity: ModelIdentity, marking: bool) -> Result:
    uid, found = film_tracking_uid(film.image, identity), film.image.findings
    if found is None:
        comment = f"{film.name}: {wording.not_analysed_line(film.image.not_analysed)}"
        return Result(film.name, uid, None, None, codes.NOT_ANALYSED, comment, (film.source,))
    summary = codes.SUMMARIES[True, found.positive or bool(marking and found.shown)]
    comment = f"{film.name}: {wording.film_line(found, marking)}"
    return Result(film.name, uid, found.probability, found.operating_point, summary, comment, (film.source,))


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
