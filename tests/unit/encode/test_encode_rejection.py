"""The rejection note names what is withdrawn and why, once and for good."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from pydicom import Dataset

from daemon.core.records import REJECTION_REASONS
from tests.support.reports import IDENTITY, make_header, make_image, make_request, reread
from worker.encode import CannotEncode, Encoded, Reference, encode
from worker.encode.rejection import REASONS, RejectionRequest, rejection_note

AT = datetime(2026, 11, 22, 5, 6, 7, tzinfo=UTC)
HEADER = make_header(patient_name="Müller^Jürg")
IMAGE = make_image((50.0, 60.0, 120.0, 140.0), header=HEADER)


def results() -> tuple[Reference, ...]:
    """An SR, a GSPS, a Secondary Capture and a KOS of one film."""
    made = [item.dataset for kind in ("sr", "gsps", "sc", "kos") for item in encode(make_request(IMAGE), kind)]
    return tuple(
        Reference(
            *(str(ds[key].value) for key in ("SOPClassUID", "SOPInstanceUID", "SeriesInstanceUID", "StudyInstanceUID"))
        )
        for ds in made
    )


def withdrawal(**changes: object) -> RejectionRequest:
    wanted = RejectionRequest(HEADER, results(), "safety", "wrong film", AT, 1, IDENTITY, "THORAXD")
    return replace(wanted, **changes)  # type: ignore[arg-type]


def to_bytes(request: RejectionRequest) -> bytes:
    return Encoded("rejection", "", False, "", rejection_note(request)).to_bytes()


def note(**changes: object) -> Dataset:
    return reread(to_bytes(withdrawal(**changes)))


@pytest.mark.parametrize("reason", REASONS)
def test_the_title_is_the_reason(reason: str) -> None:
    ds = note(reason=reason)

    (title,) = ds.ConceptNameCodeSequence
    assert (title.CodeValue, title.CodeMeaning) == (REASONS[reason].value, REASONS[reason].meaning)
    assert "CodingSchemeVersion" not in title
    assert (ds.Modality, ds.SeriesNumber, ds.ContentTemplateSequence[0].TemplateIdentifier) == ("KO", 9410, "2010")


def test_the_reasons_are_those_that_the_command_takes() -> None:
    assert set(REASONS) == set(REJECTION_REASONS)


def test_every_withdrawn_object_is_referred_to_images_as_images() -> None:
    ds = note()

    referred = {
        str(item.ReferencedSOPSequence[0].ReferencedSOPInstanceUID): item.ValueType
        for item in ds.ContentSequence
        if "ReferencedSOPSequence" in item
    }
    sr, gsps, sc, kos = (reference.sop_instance_uid for reference in results())
    assert referred == {sr: "COMPOSITE", gsps: "COMPOSITE", sc: "IMAGE", kos: "COMPOSITE"}
    (study,) = ds.CurrentRequestedProcedureEvidenceSequence
    listed = {
        (str(series.SeriesInstanceUID), str(item.ReferencedSOPInstanceUID))
        for series in study.ReferencedSeriesSequence
        for item in series.ReferencedSOPSequence
    }
    assert listed == {(reference.series_uid, reference.sop_instance_uid) for reference in results()}


def test_it_is_filed_under_the_patient_and_the_study_of_the_image() -> None:
    ds = note()

    assert ds.PatientName == "Müller^Jürg" and ds.StudyInstanceUID == HEADER.StudyInstanceUID
    assert (ds.ContentDate, ds.ContentTime[:6]) == ("20261122", "050607")
    assert ds.SeriesInstanceUID not in {reference.series_uid for reference in results()}


def test_the_comment_is_in_the_description_in_ascii() -> None:
    ds = note(comment="falsche Größe\\")

    (words,) = [
        item.TextValue
        for item in ds.ContentSequence
        if item.ValueType == "TEXT" and item.ConceptNameCodeSequence[0].CodeValue == "113012"
    ]
    assert words == "AI, unverified: 4 result objects withdrawn. falsche Gro??e/"


def test_the_same_withdrawal_gives_the_same_bytes_and_another_one_another_object() -> None:
    assert to_bytes(withdrawal()) == to_bytes(withdrawal(withdrawn=results()[::-1]))

    notes = [note(), note(generation=2), note(withdrawn=results()[:1]), note(reason="quality"), note(comment="")]
    assert len({ds.SOPInstanceUID for ds in notes}) == len(notes)
    assert len({ds.SeriesInstanceUID for ds in notes}) == 1
    assert note(generation=2).InstanceNumber == 2


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"withdrawn": ()}, "no result"),
        ({"reason": "whim"}, "no rejection reason"),
        ({"rejected_at": datetime(2026, 11, 22)}, "time zone"),  # noqa: DTZ001
        ({"header": make_header()}, "another study"),
    ],
)
def test_what_cannot_become_a_note_is_refused(changes: dict[str, object], message: str) -> None:
    with pytest.raises(CannotEncode, match=message):
        note(**changes)


@pytest.mark.parametrize("reason", REASONS)
def test_poor_quality_alone_begins_with_what_was_poor(reason: str) -> None:
    first = note(reason=reason).ContentSequence[0]

    modified = first.ConceptNameCodeSequence[0].CodeValue == "113011"
    assert modified == (reason == "quality")
    if modified:
        said = first.ConceptCodeSequence[0]
        assert (first.ValueType, first.RelationshipType, said.CodeValue) == ("CODE", "HAS CONCEPT MOD", "111220")
