"""The Basic Text SR: plain sentences, a title that no radiologist signs, and no places without marking."""

from dataclasses import replace

import pytest
from pydicom.uid import BasicTextSRStorage

from model.findings import Findings, Lesion
from tests.support.content_items import children, code, everything, texts
from tests.support.reports import make_header, make_image, make_request, one, written
from worker.encode import Reference, SourceImage

KIND = "text-sr"
BOX = (50.25, 60.5, 120.75, 140.125)


def unread(**film: str) -> SourceImage:
    return SourceImage(make_header(**film), "1", None, "the pixels are broken")


@pytest.mark.parametrize("marking", [True, False])
def test_the_document_is_an_unverified_text_with_a_title_of_its_own(marking: bool) -> None:
    ds = written(make_request(), KIND, marking=marking)

    assert ds.SOPClassUID == BasicTextSRStorage and code(ds) == "112000" and "ContentTemplateSequence" not in ds
    assert (ds.CompletionFlag, ds.VerificationFlag) == ("COMPLETE", "UNVERIFIED")
    assert ds.SeriesNumber == (9150 if marking else 9151) and ds.SeriesDescription.startswith("AI, unverified")
    assert code(children(ds, "121005")[0], "ConceptCodeSequence") == "121007"  # a device, not a person
    # PS3.3 Table A.35.1-2: no number, no coordinate
    assert {item.ValueType for item in everything(ds)} <= {"CONTAINER", "TEXT", "CODE", "UIDREF", "IMAGE"}
    assert all(len(item.TextValue) <= 1024 for item in everything(ds) if item.ValueType == "TEXT")


@pytest.mark.parametrize("marking", [True, False])
def test_the_study_and_each_film_have_their_sentence(marking: bool) -> None:
    same = {"study_uid": "1.2.3", "series_uid": "1.2.4"}
    images = [
        make_image(probability=0.1, InstanceNumber=1, **same),
        make_image(probability=0.9, InstanceNumber=2, **same),
        SourceImage(make_header(InstanceNumber=3, **same), "1", None, "the pixels are broken"),
    ]

    ds = written(make_request(*images), KIND, marking=marking)

    summary, findings = (texts(section) for section in children(ds, "", "CONTAINER"))
    assert "AI: study abnormal, 90 %, unverified. Operating point: sensitivity 0.95 on held-out films" in summary
    assert "2 of 3 eligible chest radiographs analysed" in summary and "Not a diagnosis" in summary
    assert findings.split(" | ") == [
        "film 1 (series 1, image 1): AI: no finding above operating point, 10 %, unverified",
        "film 2 (series 1, image 2): AI: abnormal, 90 %, unverified",
        "film 3 (series 1, image 3): AI: not analysed (the pixels are broken); no statement on this image, unverified",
    ]
    shown = [
        item.ReferencedSOPSequence[0].ReferencedSOPInstanceUID for item in everything(ds) if "IMAGE" in item.ValueType
    ]
    assert shown == [image.header.SOPInstanceUID for image in images]


def test_a_study_of_which_no_film_was_analysed_says_so() -> None:
    said = texts(written(make_request(unread()), KIND))

    assert "AI: study not analysed (the pixels are broken); no statement on it, unverified" in said
    assert "no finding" not in said and "abnormal" not in said


@pytest.mark.parametrize(
    ("label", "words"),
    [
        ("Nodule", "nodule, 87 %, patient's right,"),
        ("Cardiomegaly", "cardiomegaly, 87 %, columns"),
        ("?", "lesion, 87 %,"),
    ],
)
def test_a_lesion_is_told_with_its_place_and_only_with_marking(label: str, words: str) -> None:
    image = replace(make_image(), findings=Findings(400, 512, 0.9, 0.3, (Lesion(BOX, 0.87, label, shown=True),)))
    request = make_request(image)

    marked, triage = (texts(written(request, KIND, marking=marking)) for marking in (True, False))

    assert f"film 1 lesion 1: AI: {words}" in marked
    assert "columns 50 to 121 of 400, rows 60 to 140 of 512, unverified" in marked
    assert not any(word in triage for word in ("lesion", "nodule", "columns", "patient's", "marked"))


def test_a_revision_names_its_predecessor_and_the_same_request_gives_the_same_bytes() -> None:
    image = make_image(BOX, study_uid="1.2.3")
    first = one(make_request(image), KIND).dataset
    before = Reference(first.SOPClassUID, first.SOPInstanceUID, first.SeriesInstanceUID, first.StudyInstanceUID)
    request = make_request(image, unread(study_uid="1.2.3"), revision=2, predecessors=(before,))

    second = one(request, KIND)

    assert second.to_bytes() == one(request, KIND).to_bytes()
    assert second.dataset.SeriesInstanceUID == first.SeriesInstanceUID
    (study,) = second.dataset.PredecessorDocumentsSequence
    (sop,) = study.ReferencedSeriesSequence[0].ReferencedSOPSequence
    assert sop.ReferencedSOPInstanceUID == first.SOPInstanceUID


def test_images_of_the_study_that_were_not_looked_at_are_named_with_their_reasons() -> None:
    request = make_request(set_aside=("lateral view", "lateral view", "body part: leg or foot"))

    for kind in ("sr", "text-sr"):
        said = written(request, kind).to_json()
        assert "1 of 1 eligible chest radiograph analysed" in said
        assert "3 other images of the study not analysed: body part: leg or foot; lateral view." in said
        assert written(request, kind).SOPInstanceUID != written(make_request(*request.images), kind).SOPInstanceUID
