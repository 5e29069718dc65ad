"""What was tried: Summary of Detections with each film under Successful or Failed (PS3.16 TID 4015, 4017, 4023).

TID 4100 is not extensible and has no row for a number or a sentence on a whole film. What is said of a film, its
probability or why it was not analysed, is therefore an Algorithm Parameter of the detection performed on it: the only
free text there, in what every SR viewer shows.
"""

from __future__ import annotations

from collections.abc import Iterator

from highdicom.sr import CodeContentItem
from highdicom.sr.value_types import ContentItem

from model.findings import ModelIdentity
from worker.encode import codes, wording
from worker.encode.chest_cad import codes as cad
from worker.encode.chest_cad.findings import algorithm
from worker.encode.items import CONTAINS, HAS_PROPERTIES, INFERRED_FROM, code, container, image, number, text
from worker.encode.results import Film


def summary_of_detections(films: list[Film], identity: ModelIdentity, marking: bool) -> CodeContentItem:
    """TID 4100 rows 6 and 7, TID 4015."""
    succeeded = [film for film in films if film.image.findings]
    failed = [film for film in films if not film.image.findings]
    status = cad.PARTIALLY_SUCCEEDED if succeeded and failed else cad.SUCCEEDED if succeeded else cad.FAILED
    lists = (
        container(INFERRED_FROM, name, *(_detection(film, identity, marking) for film in some))
        for name, some in ((cad.SUCCESSFUL_DETECTIONS, succeeded), (cad.FAILED_DETECTIONS, failed))
        if some
    )
    return code(CONTAINS, cad.SUMMARY_OF_DETECTIONS, status, *lists)


def summary_of_analyses() -> CodeContentItem:
    """TID 4100 row 8: nothing is correlated over films or time."""
    return code(CONTAINS, cad.SUMMARY_OF_ANALYSES, cad.NOT_ATTEMPTED)


def _detection(film: Film, identity: ModelIdentity, marking: bool) -> CodeContentItem:
    """TID 4017. CID 6101 is extensible, and none of its codes is all that the detector looks for."""
    found = film.image.findings
    line = wording.film_line(found, marking) if found else wording.not_analysed_line(film.image.not_analysed)
    return code(
        CONTAINS,
        cad.DETECTION_PERFORMED,
        codes.RADIOLOGIC_FINDING,  # row 1
        *algorithm(HAS_PROPERTIES, identity, f"{film.title}: {line}"),  # row 2
        image(HAS_PROPERTIES, film.source),  # row 3
        *(_operating_points(identity, found.operating_point) if found else ()),  # row 9
    )


def _operating_points(identity: ModelIdentity, cut: float) -> Iterator[ContentItem]:
    """TID 4023: one point, 0, since nothing is Presentation Optional; it says how the cut was chosen."""
    point = number(
        CONTAINS,
        cad.OPERATING_POINT,
        0,
        cad.FROM_0_TO_0,
        text(HAS_PROPERTIES, cad.OPERATING_POINT_DESCRIPTION, wording.operating_point(identity, cut)),  # row 7
        number(HAS_PROPERTIES, codes.CERTAINTY, wording.percentage(cut), codes.PERCENT),  # row 8
    )
    yield number(HAS_PROPERTIES, cad.MAXIMUM_OPERATING_POINT, 0, cad.ARBITRARY_UNIT)  # row 1
    yield number(HAS_PROPERTIES, cad.RECOMMENDED_OPERATING_POINT, 0, cad.FROM_0_TO_0)  # row 2
    yield container(
        HAS_PROPERTIES,
        cad.OPERATING_POINT_TABLE,  # row 3
        code(CONTAINS, cad.X_CONCEPT, codes.CERTAINTY),  # row 4, CID 6048
        code(CONTAINS, cad.Y_CONCEPT, cad.CASE_SENSITIVITY),  # row 5
        point,  # row 6
    )
