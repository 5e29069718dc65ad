"""What a structured report marks and says is what its picture shows: PS3.3 C.17, C.18.6; PS3.16 TID 1410, 4104."""

from io import BytesIO

import numpy as np
import pytest
from pydicom import Dataset, dcmread
from pydicom.sequence import Sequence

from tests.support.drawings import amber, encoded, file_of, lines, make_film, whole
from tests.support.reports import digest_of, make_findings, make_request, one, reread
from worker.encode import SourceImage
from worker.render import CannotRender, draw, render_presentation_state, render_report, render_text
from worker.render.regions import regions_on
from worker.render.report import result_lines

BOX = (20.0, 30.0, 80.0, 90.0)


def code(value: str, meaning: str, scheme: str = "DCM") -> Sequence:
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, scheme, meaning
    return Sequence([item])


def content(kind: str, relationship: str = "CONTAINS", name: Sequence | None = None, *below: Dataset) -> Dataset:
    item = Dataset()
    item.ValueType, item.RelationshipType = kind, relationship
    if name is not None:
        item.ConceptNameCodeSequence = name
    if below:
        item.ContentSequence = Sequence(below)
    return item


def image_item(image: Dataset, relationship: str = "SELECTED FROM") -> Dataset:
    item, reference = content("IMAGE", relationship), Dataset()
    reference.ReferencedSOPClassUID, reference.ReferencedSOPInstanceUID = image.SOPClassUID, image.SOPInstanceUID
    item.ReferencedSOPSequence = Sequence([reference])
    return item


def region(kind: str, points: list[float], *below: Dataset, relationship: str = "HAS PROPERTIES") -> Dataset:
    item = content("SCOORD", relationship, code("111041", "Outline"), *below)
    item.GraphicType, item.GraphicData = kind, points
    return item


def finding(*below: Dataset, value: str = "Nodule") -> Dataset:
    """A Single Image Finding of a Chest CAD SR, 62 %."""
    certain, measured = content("NUM", "HAS PROPERTIES", code("111012", "Certainty of Finding")), Dataset()
    measured.NumericValue, measured.MeasurementUnitsCodeSequence = "62", code("%", "Percent", "UCUM")
    certain.MeasuredValueSequence = Sequence([measured])
    item = content("CODE", "CONTAINS", code("111059", "Single Image Finding"), certain, *below)
    item.ConceptCodeSequence = code("27925004", value, "SCT")
    return item


def report(*below: Dataset) -> Dataset:
    """A Chest CAD SR, written and read back."""
    root = content("CONTAINER", "", code("112000", "Chest CAD Report"), *below)
    del root.RelationshipType
    root.SOPClassUID, root.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.88.65", "2.25.5"
    buffer = BytesIO()
    root.save_as(buffer, implicit_vr=False, little_endian=True)
    read = dcmread(buffer, force=True)
    assert isinstance(read, Dataset)
    return read


@pytest.fixture(scope="module")
def film() -> Dataset:
    return make_film(np.zeros((100, 100)))


@pytest.mark.parametrize("profile", ["air", "stone", "ohif"])
def test_each_lesion_is_one_region_with_its_name_and_certainty(film: Dataset, profile: str) -> None:
    (found,) = regions_on(encoded(film, "sr", BOX, profile=profile), film.SOPInstanceUID, [])

    assert (found.kind, found.label) == ("POLYLINE", "Nodule 87 %")
    assert (found.points.min(axis=0).tolist(), found.points.max(axis=0).tolist()) == ([20, 30], [80, 90])


def test_the_words_are_those_of_the_report_on_this_image(film: Dataset) -> None:
    said = result_lines(encoded(film, "sr", BOX), film.SOPInstanceUID)

    assert said[0] == "AI, unverified: chest result SR (air)"
    assert "All algorithms succeeded; with findings" in said
    assert any(line.startswith("AI: study abnormal, 90 %, unverified.") for line in said)
    assert not any("nodule" in line.lower() for line in said)  # that stands beside the box


def test_what_is_said_of_one_film_is_not_said_of_the_other() -> None:
    films = [make_film(np.zeros((100, 100)), study_uid="1.2.3", InstanceNumber=number) for number in (1, 2)]
    images = [
        SourceImage(reread(file_of(film)), digest_of(film), make_findings(width=100, height=100, probability=share))
        for film, share in zip(films, (0.2, 0.7), strict=True)
    ]
    tree = whole(one(make_request(*images), "sr").to_bytes())

    said = [" ".join(result_lines(tree, film.SOPInstanceUID)) for film in films]

    assert [(words.count("20 %"), words.count("70 %")) for words in said] == [(1, 1), (0, 2)]  # the study's is 70 %


def test_the_film_is_under_its_own_shutter_as_in_its_presentation_state() -> None:
    edges = {"LeftVerticalEdge": 21, "RightVerticalEdge": 90, "UpperHorizontalEdge": 11, "LowerHorizontalEdge": 80}
    film = make_film(
        np.full((100, 100), 255), ShutterShape="RECTANGULAR", **{f"Shutter{edge}": at for edge, at in edges.items()}
    )
    notes: list[str] = []

    open_part = np.zeros((100, 100), dtype=bool)
    open_part[10:80, 20:90] = True
    by_report = render_report(encoded(film, "sr"), film, (100, 100), notes)[-100:]
    by_state = render_presentation_state(encoded(film, "gsps"), film, (100, 100))

    assert (by_report[~open_part] == 0).all() and (by_report[open_part] == 255).all() and notes == []
    assert (by_state[~open_part].max(axis=-1) == 0).mean() > 0.9  # but for the line that it writes on the film


def test_a_region_whose_image_is_named_by_reference_is_found(film: Dataset) -> None:
    by_reference = content("IMAGE", "SELECTED FROM")
    del by_reference.ValueType
    by_reference.ReferencedContentItemIdentifier = [1, 1, 1]  # the library's first image
    library = content("CONTAINER", "CONTAINS", code("111028", "Image Library"), image_item(film, "CONTAINS"))

    (found,) = regions_on(report(library, finding(region("POINT", [4, 5], by_reference))), film.SOPInstanceUID, [])

    assert (found.kind, found.points.tolist(), found.label) == ("POINT", [[4.0, 5.0]], "Nodule 62 %")


def test_a_reference_that_leads_nowhere_is_noted(film: Dataset) -> None:
    by_reference = content("IMAGE", "SELECTED FROM")
    by_reference.ReferencedContentItemIdentifier = [1, 9, 9]
    notes: list[str] = []

    assert regions_on(report(finding(region("POINT", [4, 5], by_reference))), film.SOPInstanceUID, notes) == []
    assert len(notes) == 1


def test_a_findings_modifier_is_part_of_its_name(film: Dataset) -> None:
    modifier = content("CODE", "HAS CONCEPT MOD", code("112024", "Single Image Finding Modifier"))
    modifier.ConceptCodeSequence = code("4147007", "Mass", "SCT")
    place = region("POINT", [4, 5], image_item(film))

    (found,) = regions_on(report(finding(modifier, place, value="Opacity")), film.SOPInstanceUID, [])

    assert found.label == "Opacity, Mass 62 %"


def test_a_finding_is_named_once_though_its_centre_and_its_outline_are_drawn(film: Dataset) -> None:
    outline = region("POLYLINE", [1, 1, 9, 1, 9, 9, 1, 1], image_item(film))
    centre = region("POINT", [5, 5], image_item(film))

    found = regions_on(report(finding(centre, outline)), film.SOPInstanceUID, [])

    assert [(item.kind, item.label) for item in found] == [("POINT", ""), ("POLYLINE", "Nodule 62 %")]


def test_a_finding_that_is_not_for_presentation_is_not_drawn(film: Dataset) -> None:
    intent = content("CODE", "HAS CONCEPT MOD", code("111056", "Rendering Intent"))
    intent.ConceptCodeSequence = code("111152", "Not for Presentation: Rendering device expected not to present")
    notes: list[str] = []

    tree = report(finding(intent, region("POINT", [5, 5], image_item(film))))

    assert regions_on(tree, film.SOPInstanceUID, notes) == [] and len(notes) == 1


@pytest.mark.parametrize(
    ("kind", "points", "wanted"),
    [
        ("POINT", [40, 60], (40, 60, 40, 60)),
        ("MULTIPOINT", [20, 30, 80, 70], (20, 30, 80, 70)),
        ("POLYLINE", [20, 30, 80, 30, 80, 70, 20, 30], (20, 30, 80, 70)),
        ("CIRCLE", [50, 50, 80, 50], (20, 20, 80, 80)),
        ("ELLIPSE", [20, 50, 80, 50, 50, 40, 50, 60], (20, 40, 80, 60)),
    ],
)
def test_each_graphic_type_is_drawn_over_its_place(
    film: Dataset, kind: str, points: list[float], wanted: tuple[int, ...]
) -> None:
    tree = report(
        content("CONTAINER", "CONTAINS", None, region(kind, points, image_item(film), relationship="CONTAINS"))
    )
    tree.ContentSequence[0].ContentSequence[0].ConceptNameCodeSequence = []  # no name: no letters to look past

    on = amber(render_report(tree, film, (1000, 1000))[-1000:])
    rows, columns = np.flatnonzero(on.any(axis=1)), np.flatnonzero(on.any(axis=0))

    assert (columns[0], rows[0], columns[-1], rows[-1]) == pytest.approx([10 * side for side in wanted], abs=6)


def test_an_unknown_graphic_type_is_noted(film: Dataset) -> None:
    notes: list[str] = []

    picture = render_report(report(finding(region("SPLINE", [1, 2], image_item(film)))), film, None, notes)

    assert len(notes) == 1 and lines(amber(picture)) == ([], [])


def test_a_report_on_another_image_is_not_drawn_on_this_one(film: Dataset) -> None:
    with pytest.raises(CannotRender, match="other images"):
        render_report(encoded(make_film(np.zeros((100, 100))), "sr", BOX), film)


def test_a_report_without_its_image_and_a_key_object_selection_are_pages_of_text(film: Dataset) -> None:
    for kind in ("sr", "kos"):
        (drawn,) = draw(encoded(film, kind, BOX), [])
        assert drawn.image_uid == "" and np.ptp(drawn.picture) > 150


def test_a_longer_report_makes_a_longer_page(film: Dataset) -> None:
    short, long = (render_text(encoded(film, "sr", *([BOX] * count))) for count in (0, 2))

    assert long.shape[0] > short.shape[0] + 100
