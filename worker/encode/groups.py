"""The measurement groups of the SR: the study's result, each film's, each lesion's.

PS3.16 TID 1501 for study and films, TID 1410 for lesions, TID 4019 in each for the algorithm. highdicom's templates
build them; the copy of a region under its measurement is appended here, since highdicom refuses to.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from highdicom.sr import (
    AlgorithmIdentification,
    CodedConcept,
    ContentSequence,
    CoordinatesForMeasurement,
    FindingSite,
    ImageRegion,
    Measurement,
    MeasurementsAndQualitativeEvaluations,
    PlanarROIMeasurementsAndQualitativeEvaluations,
    QualitativeEvaluation,
    RelationshipTypeValues,
    SourceImageForMeasurementGroup,
    SourceImageForRegion,
    TextContentItem,
    TrackingIdentifier,
)
from pydicom.dataset import Dataset
from pydicom.sr.coding import Code
from pydicom.uid import UID

from model.findings import Lesion, ModelIdentity
from worker.encode import codes, wording
from worker.encode.geometry import corners, side
from worker.encode.header import plain
from worker.encode.identity import film_tracking_uid, lesion_tracking_uid, study_tracking_uid
from worker.encode.profiles import Profile
from worker.encode.request import SourceImage
from worker.encode.source import Source


@dataclass(frozen=True, slots=True)
class Film:
    """One image of the report, its name in it ("film 2"), and its findings."""

    image: SourceImage
    source: Source
    name: str
    lesion_prefix: str  # "film 2 " when there are several films, else ""


def study_group(films: list[Film], identity: ModelIdentity) -> Dataset:
    """The study's triage probability: the highest of its films', with the operating point."""
    analysed = [film for film in films if film.image.findings]
    findings = [film.image.findings for film in analysed if film.image.findings]
    top = max(findings, key=lambda found: found.probability)
    positive = any(found.positive for found in findings)
    verdict = "abnormal" if positive else "no finding above operating point"
    comment = f"AI: study {verdict}, {wording.percent(top.probability)}, unverified. "
    comment += wording.operating_point(identity, top.operating_point) + "."
    return _result(
        TrackingIdentifier(study_tracking_uid(films[0].source.study_uid, identity), "study"),
        _algorithm(identity, top.operating_point),
        top.probability,
        codes.SUMMARIES[len(analysed) == len(films), positive],
        comment,
        [film.source for film in analysed],
    )


def film_group(film: Film, identity: ModelIdentity, marking: bool) -> Dataset:
    """One film's result, or in words why it has none."""
    tracking = TrackingIdentifier(film_tracking_uid(film.image, identity), film.name)
    found = film.image.findings
    if found is None:
        comment = wording.not_analysed_line(film.image.not_analysed)
        return _result(tracking, _algorithm(identity, None), None, codes.NOT_ANALYSED, comment, [film.source])
    return _result(
        tracking,
        _algorithm(identity, found.operating_point),
        found.probability,
        codes.SUMMARIES[True, found.positive or bool(marking and found.shown)],
        wording.film_line(found, marking),
        [film.source],
    )


def lesion_group(film: Film, number: int, lesion: Lesion, identity: ModelIdentity, profile: Profile) -> Dataset:
    """One marked place: closed five-point POLYLINE, finding, site, certainty in percent (TID 1410)."""
    assert film.image.findings is not None
    finding = codes.finding_of(lesion.label)
    region = ImageRegion("POLYLINE", corners(lesion.box), _region_source(film.source, profile))
    which = side(film.source, lesion.box, film.image.findings.width) if finding.paired else ""
    certainty = wording.percentage(lesion.probability)
    group = PlanarROIMeasurementsAndQualitativeEvaluations(
        tracking_identifier=TrackingIdentifier(
            lesion_tracking_uid(film.image, identity, number), f"{film.lesion_prefix}lesion {number}"
        ),
        referenced_region=region,
        finding_type=finding.code,
        finding_sites=[FindingSite(finding.site, codes.SIDES.get(which))],
        algorithm_id=_algorithm(identity, film.image.findings.operating_point),
        measurements=[Measurement(codes.CERTAINTY, certainty, codes.PERCENT)],
        geometric_purpose=codes.BOUNDED_BY,
    )[0]
    if profile.region_under_measurement:
        measured = next(item for item in group.ContentSequence if item.ValueType == "NUM")
        copy = CoordinatesForMeasurement("POLYLINE", corners(lesion.box), _region_source(film.source, profile))
        measured.ContentSequence = ContentSequence([copy])
    label = f"AI: {plain(lesion.label, 64) or 'lesion'}, {wording.percent(lesion.probability)}, unverified"
    group.ContentSequence.append(comment_item(label))
    return group


def comment_item(words: str) -> TextContentItem:
    """A TEXT item (121106, DCM, Comment)."""
    return TextContentItem(codes.COMMENT, plain(words, 1024), RelationshipTypeValues.CONTAINS)


def _result(
    tracking: TrackingIdentifier,
    algorithm: AlgorithmIdentification,
    probability: float | None,
    summary: Code,
    comment: str,
    sources: list[Source],
) -> Dataset:
    """A TID 1501 group on whole images."""
    measured = [] if probability is None else [wording.percentage(probability)]
    group = MeasurementsAndQualitativeEvaluations(
        tracking_identifier=tracking,
        finding_type=codes.RADIOLOGIC_FINDING if measured else None,
        algorithm_id=algorithm,
        measurements=[Measurement(codes.CERTAINTY, value, codes.PERCENT) for value in measured],
        qualitative_evaluations=[QualitativeEvaluation(codes.SUMMARY, summary)],
        source_images=[
            SourceImageForMeasurementGroup(source.sop_class_uid, source.sop_instance_uid, source.frames or None)
            for source in sources
        ],
    )[0]
    group.ContentSequence.append(comment_item(comment))
    return group


def _algorithm(identity: ModelIdentity, cut: float | None) -> AlgorithmIdentification:
    """TID 4019."""
    stated = [] if cut is None else [plain(wording.operating_point(identity, cut), 1024)]
    return AlgorithmIdentification(
        name=plain(identity.name, 1024),
        version=plain(identity.version, 1024),
        parameters=[*stated, f"Weights SHA-256: {plain(identity.digest, 128)}"],
    )


def _region_source(source: Source, profile: Profile) -> SourceImageForRegion:
    item = SourceImageForRegion(source.sop_class_uid, source.sop_instance_uid, source.frames or None)
    item.ConceptNameCodeSequence = [CodedConcept.from_code(profile.region_source)]
    return item
