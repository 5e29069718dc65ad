"""What the Chest CAD SR says, row by row of PS3.16 TID 4100, and what its checker catches."""

from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from typing import Any

import pytest
from pydicom import Dataset
from pydicom.dataelem import RawDataElement
from pydicom.uid import ChestCADSRStorage

from model.findings import Findings, Lesion
from tests.support.chest_cad_template import complaints
from tests.support.content_items import children, code, everything, texts
from tests.support.form_cases import LABELS
from tests.support.reports import make_findings, make_header, make_image, make_request, one, written
from tests.unit.encode.test_encode_sloppy import holding, without
from worker.encode import Reference, SourceImage
from worker.encode.reading import tag_of

KIND = "chest-cad-sr"
BOX, OTHER = (50.25, 60.5, 120.75, 140.125), (260.0, 200.0, 380.0, 300.0)
SUMMARY, DETECTIONS, ANALYSES, FINDING, PERFORMED = "111017", "111064", "111065", "111059", "111022"

# What this form reads of a header beside what every SR reads.
READ = (
    *("ImageLaterality", "ViewPosition", "ViewCodeSequence", "PatientOrientation", "StudyDate", "StudyTime"),
    *("ContentDate", "ContentTime", "ImagerPixelSpacing", "PixelSpacing", "NumberOfFrames"),
)


def unread(**film: Any) -> SourceImage:
    return SourceImage(make_header(**film), "1", None, "the pixels are broken")


def value(ds: Dataset, concept: str) -> str:
    """The coded value of the root's child of this name."""
    (item,) = children(ds, concept, "CODE")
    return code(item, "ConceptCodeSequence")


def findings(ds: Dataset) -> list[Dataset]:
    return children(children(ds, SUMMARY)[0], FINDING)


def labelled(label: str) -> SourceImage:
    image = make_image()
    found = Findings(400, 512, 0.9, 0.3, (Lesion(BOX, 0.87, label, shown=True),))
    return replace(image, findings=found)


def test_the_document_is_an_unverified_chest_cad_report_in_a_series_of_its_own() -> None:
    marked, triage = (written(make_request(), KIND, marking=marking) for marking in (True, False))

    for ds in (marked, triage):
        assert ds.SOPClassUID == ChestCADSRStorage and code(ds) == "112000"
        assert (ds.CompletionFlag, ds.VerificationFlag, ds.Modality) == ("COMPLETE", "UNVERIFIED", "SR")
        assert ds.SeriesDescription.startswith("AI, unverified") and "unverified" in ds.CompletionFlagDescription
    assert (marked.SeriesNumber, triage.SeriesNumber) == (9140, 9141)
    assert marked.SeriesInstanceUID != triage.SeriesInstanceUID


@pytest.mark.parametrize("marking", [True, False])
@pytest.mark.parametrize(
    ("probabilities", "summary", "detections", "lists"),
    [
        ((0.9,), "111242", "111222", ["111063"]),
        ((0.1,), "111241", "111222", ["111063"]),
        ((None,), "111245", "111224", ["111025"]),
        ((0.9, None), "111244", "111223", ["111063", "111025"]),
        ((0.1, None), "111243", "111223", ["111063", "111025"]),
    ],
    ids=["positive", "negative", "failed", "positive, one failed", "negative, one failed"],
)
def test_negative_and_failed_are_results(
    marking: bool, probabilities: tuple[float | None, ...], summary: str, detections: str, lists: list[str]
) -> None:
    images = [
        make_image(*([BOX] if p > 0.3 else []), probability=p, study_uid="1.2.3") if p else unread(study_uid="1.2.3")
        for p in probabilities
    ]

    ds = written(make_request(*images), KIND, marking=marking)

    assert complaints(ds) == []
    assert (value(ds, SUMMARY), value(ds, DETECTIONS), value(ds, ANALYSES)) == (summary, detections, "111225")
    assert [code(item) for item in children(children(ds, DETECTIONS)[0])] == lists
    told = {code(item): texts(item) for item in children(children(ds, DETECTIONS)[0])}
    assert "not analysed (the pixels are broken); no statement on this image" in told.get("111025", "") or all(
        probabilities
    )
    assert len(findings(ds)) == (1 if marking and 0.9 in probabilities else 0)


def test_a_lesion_is_a_single_image_finding_to_be_presented_where_it_was_seen() -> None:
    ds = written(make_request(make_image(BOX)), KIND)

    (finding,) = findings(ds)
    assert code(finding, "ConceptCodeSequence") == "112033"
    assert [code(item) for item in children(finding)] == [
        *("112024", "111056", "112039", "112040", "111001", "111003", "111002", "111012", "111010", "111041"),
        "272741003",
    ]
    by_name = {code(item): item for item in children(finding)}
    assert code(by_name["111056"], "ConceptCodeSequence") == "111150"
    assert float(by_name["111012"].MeasuredValueSequence[0].NumericValue) == 87.0
    assert list(by_name["111010"].GraphicData) == [85.5, 100.3125]
    outline = list(by_name["111041"].GraphicData)
    assert outline[:2] == outline[-2:] == [50.25, 60.5] and outline[4:6] == [120.75, 140.125]
    assert code(by_name["272741003"], "ConceptCodeSequence") == "24028007"


def test_the_tracking_uid_is_that_of_the_other_forms() -> None:
    request = make_request(make_image(BOX, OTHER))

    uids = [
        [item.UID for item in everything(written(request, kind)) if code(item) == "112040"] for kind in (KIND, "sr")
    ]

    assert uids[0] == uids[1] and len(set(uids[0])) == 2


@pytest.mark.parametrize("label", [*LABELS, "Something else"])
def test_every_label_is_a_finding_that_the_template_takes(label: str) -> None:
    expected = {"Pneumothorax": "112062", "Cardiomegaly": "112005"}

    ds = written(make_request(labelled(label)), KIND)

    assert complaints(ds) == []
    (finding,) = findings(ds)
    assert code(finding, "ConceptCodeSequence") == expected.get(label, "112033")
    assert len(children(finding, "112024")) == (0 if label == "Something else" else 1)


def test_what_is_said_of_a_film_is_beside_the_algorithm_that_looked_at_it() -> None:
    ds = written(make_request(make_image(BOX, probability=0.62)), KIND)

    (performed,) = (item for item in everything(ds) if code(item) == PERFORMED)
    assert "film 1: AI: abnormal, 62 %, 1 marked, unverified" in texts(performed)
    assert "sensitivity 0.95 on held-out films; positive at or above 30.0 % probability" in texts(performed)
    (cut,) = (item for item in everything(performed) if code(item) == "111012" and item.ValueType == "NUM")
    assert float(cut.MeasuredValueSequence[0].NumericValue) == 30.0
    assert ds.CompletionFlagDescription == "AI: study abnormal, 62 %, unverified"


def test_triage_only_output_says_that_something_was_found_and_not_where() -> None:
    marked, triage = (written(make_request(make_image(BOX, OTHER)), KIND, marking=marking) for marking in (True, False))

    located = {"GraphicData", "GraphicType"}
    assert located <= {element.keyword for element in marked.iterall()}
    assert not located & {element.keyword for element in triage.iterall()}
    assert value(triage, SUMMARY) == value(marked, SUMMARY) == "111242"
    assert findings(triage) == [] and "AI: abnormal, 90 %, unverified" in texts(triage)
    assert "marked" not in texts(triage) and "Laterality" not in str(triage)


def test_a_mark_below_the_operating_point_is_a_finding_only_where_it_is_marked() -> None:
    request = make_request(make_image(BOX, probability=0.1))

    assert value(written(request, KIND), SUMMARY) == "111242"
    assert value(written(request, KIND, marking=False), SUMMARY) == "111241"


def test_the_image_library_holds_what_the_headers_tell_of_each_film_once() -> None:
    modifier = Dataset()
    modifier.CodeValue, modifier.CodingSchemeDesignator, modifier.CodeMeaning = "399162004", "SCT", "caudad"
    view = Dataset()
    view.CodeValue, view.CodingSchemeDesignator, view.CodeMeaning = "R-10206", "SRT", "antero-posterior"
    view.ViewModifierCodeSequence = [modifier]
    film = make_image(BOX, ImageLaterality="B", ViewPosition=None, ViewCodeSequence=[view], pixel_spacing=(0.2, 0.1))
    bare = {"PatientOrientation": None, "ViewPosition": None, "ViewCodeSequence": None, "StudyTime": "25", "Rows": None}
    other = unread(pixel_spacing=None, ContentDate="20260231", study_uid=film.header.StudyInstanceUID, **bare)
    del other.header.Rows

    ds = written(make_request(film, other), KIND)

    entries = children(children(ds, "111028")[0], "", "IMAGE")
    by_uid = {entry.ReferencedSOPSequence[0].ReferencedSOPInstanceUID: entry for entry in entries}
    full, poor = by_uid[film.header.SOPInstanceUID], by_uid[other.header.SOPInstanceUID]
    assert len(entries) == 2 and complaints(ds) == []
    assert [code(item) for item in children(full)] == [
        *("111027", "111031", "111044", "111043", "111060", "111061", "111018", "111019", "111026", "111066"),
        *("110910", "110911"),
    ]
    assert code(children(children(full, "111031")[0])[0], "ConceptCodeSequence") == "399162004"
    numbers = [str(item.MeasuredValueSequence[0].NumericValue) for item in children(full, "", "NUM")]
    assert numbers == ["0.1", "0.2", "512", "400"]
    assert [code(item) for item in children(poor)] == ["111060", "111019"]


def test_the_evidence_lists_every_image_once() -> None:
    images = [make_image(BOX, OTHER, study_uid="1.2.3"), make_image(study_uid="1.2.3"), unread(study_uid="1.2.3")]

    ds = written(make_request(*images), KIND)

    (study,) = ds.CurrentRequestedProcedureEvidenceSequence
    listed = [s.ReferencedSOPInstanceUID for part in study.ReferencedSeriesSequence for s in part.ReferencedSOPSequence]
    assert sorted(listed) == sorted(image.header.SOPInstanceUID for image in images)


def test_a_revision_names_its_predecessor_and_stays_in_the_series() -> None:
    image = make_image(BOX, study_uid="1.2.3")
    first = one(make_request(image), KIND).dataset
    before = Reference(first.SOPClassUID, first.SOPInstanceUID, first.SeriesInstanceUID, first.StudyInstanceUID)

    second = written(make_request(image, unread(study_uid="1.2.3"), revision=2, predecessors=(before,)), KIND)

    assert second.SeriesInstanceUID == first.SeriesInstanceUID and second.SOPInstanceUID != first.SOPInstanceUID
    assert second.InstanceNumber == 2
    (study,) = second.PredecessorDocumentsSequence
    (sop,) = study.ReferencedSeriesSequence[0].ReferencedSOPSequence
    assert sop.ReferencedSOPInstanceUID == first.SOPInstanceUID


@pytest.mark.parametrize("marking", [True, False])
def test_the_same_request_gives_the_same_bytes(marking: bool) -> None:
    a, b = make_image(BOX, study_uid="1.2.3"), unread(study_uid="1.2.3")

    made = one(make_request(a, b), KIND, marking=marking)

    assert made.to_bytes() == made.to_bytes() == one(make_request(b, a), KIND, marking=marking).to_bytes()


@pytest.mark.parametrize("name", ["Müller^Jürg".encode("latin-1"), b"\xff\x1b$B nonsense", b""])
def test_the_patient_is_copied_byte_for_byte(name: bytes) -> None:
    header = make_header(SpecificCharacterSet="ISO_IR 100")
    tag = tag_of("PatientName")
    header[tag] = RawDataElement(tag, "PN", len(name), name, 0, False, True)

    ds = written(make_request(make_image(BOX, header=header)), KIND)

    assert (ds.get_item("PatientName").value or b"").rstrip(b" ") == name.rstrip(b" ")


@pytest.mark.parametrize("keyword", READ)
def test_a_header_attribute_may_be_missing_empty_or_nonsense(keyword: str) -> None:
    tag = tag_of(keyword)
    for header in (without(tag), holding(tag, b""), holding(tag, b"\xff\xfe\\\\\x80 -1e999")):
        ds = written(make_request(SourceImage(header, "00", make_findings(BOX))), KIND)

        assert complaints(ds) == []


def drop(concept: str) -> Callable[[Dataset], None]:
    def change(ds: Dataset) -> None:
        for item in (ds, *everything(ds)):
            below = item.get("ContentSequence", [])
            item.ContentSequence = [child for child in below if code(child) != concept]

    return change


def revalue(concept: str, new: str) -> Callable[[Dataset], None]:
    def change(ds: Dataset) -> None:
        for item in everything(ds):
            if code(item) == concept:
                item.ConceptCodeSequence[0].CodeValue = new

    return change


def swap(ds: Dataset) -> None:
    (finding,) = findings(ds)
    finding.ContentSequence = [*finding.ContentSequence[1:], finding.ContentSequence[0]]


def remark(ds: Dataset) -> None:
    comment = deepcopy(next(item for item in everything(ds) if item.ValueType == "TEXT"))
    comment.ConceptNameCodeSequence[0].CodeValue, comment.RelationshipType = "121106", "CONTAINS"
    ds.ContentSequence = [*ds.ContentSequence, comment]


def open_outline(ds: Dataset) -> None:
    (outline,) = (item for item in everything(ds) if code(item) == "111041")
    outline.GraphicData = list(outline.GraphicData)[:-2]


FAULTS: dict[str, Callable[[Dataset], None]] = {
    "no language": drop("121049"),
    "no rendering intent": drop("111056"),
    "no algorithm": drop("111001"),
    "no place": lambda ds: (drop("111010")(ds), drop("111041")(ds))[0],
    "no summary of analyses": drop("111065"),
    "no successful detections": drop("111063"),
    "another number of operating points": drop("111071"),
    "a status of no context group": revalue(DETECTIONS, "111999"),
    "detections failed, and yet a list of successes": revalue(DETECTIONS, "111224"),
    "a rendering intent of no context group": revalue("111056", "111999"),
    "rows in another order": swap,
    "a comment, which no row has": remark,
    "an outline that is not closed": open_outline,
    "another root template": lambda ds: setattr(ds.ContentTemplateSequence[0], "TemplateIdentifier", "1500"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_the_template_checker_complains_of(fault: str) -> None:
    ds = written(make_request(make_image(BOX)), KIND)
    assert complaints(ds) == []

    FAULTS[fault](ds)

    assert complaints(ds)
