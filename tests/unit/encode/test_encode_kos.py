"""The KOS: the positive films, the surest first, and nothing where no film is positive."""

from dataclasses import replace
from typing import Any

import pytest
from pydicom import Dataset
from pydicom.uid import KeyObjectSelectionDocumentStorage

from tests.support.reports import digest_of, make_header, make_image, make_request, one, written
from worker.encode import ReportRequest, SourceImage, encode

STUDY, BOX = "2.25.1234", (50.0, 60.0, 120.0, 140.0)


def study(*probabilities: float | None, **changes: Any) -> ReportRequest:
    """A study with one film for each probability, not analysed where it is None."""
    images: list[SourceImage] = []
    for number, probability in enumerate(probabilities, start=1):
        header = make_header(study_uid=STUDY, series_uid="2.25.5", InstanceNumber=number)
        image = make_image(BOX, probability=probability or 0.0, header=header)
        if probability is None:
            image = replace(image, findings=None, not_analysed="no pixels")
        images.append(replace(image, digest=digest_of(header)))
    return make_request(*images, **changes)


def items(ds: Dataset, value_type: str) -> list[Dataset]:
    return [item for item in ds.ContentSequence if item.ValueType == value_type]


def selected(ds: Dataset) -> list[str]:
    return [str(item.ReferencedSOPSequence[0].ReferencedSOPInstanceUID) for item in items(ds, "IMAGE")]


@pytest.mark.parametrize("probabilities", [(0.1,), (None,), (0.29, None)])
def test_a_study_without_a_positive_film_gets_none(probabilities: tuple[float | None, ...]) -> None:
    assert encode(study(*probabilities), "kos") == ()


def test_the_positive_films_are_selected_the_surest_first() -> None:
    request = study(0.4, 0.1, 0.95, None)

    ds = written(request, "kos")

    uids = [str(image.header.SOPInstanceUID) for image in request.images]
    assert selected(ds) == [uids[2], uids[0]]
    (evidence,) = ds.CurrentRequestedProcedureEvidenceSequence
    (series,) = evidence.ReferencedSeriesSequence
    assert {item.ReferencedSOPInstanceUID for item in series.ReferencedSOPSequence} == {uids[0], uids[2]}
    (words,) = items(ds, "TEXT")[-1:]
    assert words.TextValue.startswith("AI: abnormal, 95 %, unverified. 2 of 4 films positive. Operating point: ")


def test_it_is_a_key_object_selection_by_tid_2010() -> None:
    ds = written(study(0.9), "kos")

    assert ds.SOPClassUID == KeyObjectSelectionDocumentStorage and (ds.Modality, ds.SeriesNumber) == ("KO", 9400)
    assert ds.ContentTemplateSequence[0].TemplateIdentifier == "2010"
    assert (ds.ConceptNameCodeSequence[0].CodeValue, ds.ValueType) == ("113000", "CONTAINER")
    assert all("ConceptNameCodeSequence" not in item for item in items(ds, "IMAGE"))  # row 8 forbids one
    (device,) = [item for item in items(ds, "CODE") if item.ConceptNameCodeSequence[0].CodeValue == "121005"]
    assert device.ConceptCodeSequence[0].CodeValue == "121007"  # no person selected them
    assert ds.ReferencedPerformedProcedureStepSequence == []
    assert ds.ReferencedRequestSequence[0].AccessionNumber == "A1"


def test_marking_changes_nothing_but_the_series() -> None:
    marking, triage = (written(study(0.9), "kos", marking=marking) for marking in (True, False))

    assert marking.SeriesInstanceUID != triage.SeriesInstanceUID and triage.SeriesNumber == 9401
    for tag in (0x0008103E, 0x0040A043):  # description, title
        assert marking[tag] == triage[tag]
    assert [item.TextValue for item in items(marking, "TEXT")] == [item.TextValue for item in items(triage, "TEXT")]


def test_the_same_request_gives_the_same_bytes_and_a_revision_another_instance_of_the_series() -> None:
    request = study(0.9)
    first, again, revised = one(request, "kos"), one(request, "kos"), one(replace(request, revision=2), "kos")

    assert first.to_bytes() == again.to_bytes()
    assert first.dataset.SOPInstanceUID != revised.dataset.SOPInstanceUID
    assert first.dataset.SeriesInstanceUID == revised.dataset.SeriesInstanceUID
    assert (first.dataset.InstanceNumber, revised.dataset.InstanceNumber) == (1, 2)
