"""The measurement group of one lesion: TID 1410, with the algorithm (TID 4019) and a word for the reader.

highdicom's template builds it; the copy of a region under its measurement is appended here, since highdicom refuses to.
"""

from __future__ import annotations

from typing import cast

from highdicom.sr import (
    CodedConcept,
    ContentSequence,
    CoordinatesForMeasurement,
    FindingSite,
    ImageRegion,
    Measurement,
    PlanarROIMeasurementsAndQualitativeEvaluations,
    SourceImageForRegion,
    TrackingIdentifier,
)
from highdicom.sr.value_types import ContentItem

from model.findings import Lesion, ModelIdentity
from worker.encode import codes, wording
from worker.encode.geometry import corners, side
from worker.encode.header import plain
from worker.encode.identity import lesion_tracking_uid
from worker.encode.profiles import Profile
from worker.encode.results import Film, algorithm, comment_item
from worker.encode.source import Source


def lesion_group(film: Film, number: int, lesion: Lesion, identity: ModelIdentity, profile: Profile) -> ContentItem:
    """One marked place: closed five-point POLYLINE, finding, site, certainty in percent (TID 1410)."""
    assert film.image.findings is not None
    finding = codes.finding_of(lesion.label)
    region = ImageRegion("POLYLINE", corners(lesion.box), _region_source(film.source, profile))
    which = side(film.source, lesion.box, film.image.findings.width) if finding.paired else ""
    certainty = wording.percentage(lesion.probability)
    (group,) = PlanarROIMeasurementsAndQualitativeEvaluations(
        tracking_identifier=TrackingIdentifier(
            lesion_tracking_uid(film.image, identity, number), f"{film.lesion_prefix}lesion {number}"
        ),
        referenced_region=region,
        finding_type=finding.code,
        finding_sites=[FindingSite(finding.site, codes.SIDES.get(which))],
        algorithm_id=algorithm(identity, film.image.findings.operating_point),
        measurements=[Measurement(codes.CERTAINTY, certainty, codes.PERCENT)],
        geometric_purpose=codes.BOUNDED_BY,
    )
    if profile.region_under_measurement:
        measured = next(item for item in group.ContentSequence if item.ValueType == "NUM")
        copy = CoordinatesForMeasurement("POLYLINE", corners(lesion.box), _region_source(film.source, profile))
        measured.ContentSequence = ContentSequence([copy])
    label = f"AI: {plain(lesion.label, 64) or 'lesion'}, {wording.percent(lesion.probability)}, unverified"
    group.ContentSequence.append(comment_item(label))
    return cast(ContentItem, group)


def _region_source(source: Source, profile: Profile) -> SourceImageForRegion:
    item = SourceImageForRegion(source.sop_class_uid, source.sop_instance_uid, list(source.frames) or None)
    item.ConceptNameCodeSequence = [CodedConcept.from_code(profile.region_source)]
    return item
