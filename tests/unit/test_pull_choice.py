"""What is pulled from another archive, decided purely."""

from __future__ import annotations

from dataclasses import replace

import pytest
from pydantic import ValidationError

from daemon.core.pulls import Choice, FoundInstance, FoundStudy, priors_of, to_fetch
from daemon.sections import Source

CHEST = Choice(("CR", "DX"), (), ())
DX, SR = "1.2.840.10008.5.1.4.1.1.1.1", "1.2.840.10008.5.1.4.1.1.88.33"
STUDY = FoundStudy("1.1", "P", "20260105", "1000", "Chest PA", ("DX", "SR"), 2)


def study(uid: str, date: str, **more: object) -> FoundStudy:
    return replace(STUDY, study_uid=uid, date=date, **more)  # type: ignore[arg-type]


def instance(sop_uid: str, modality: str = "DX", body_part: str = "CHEST", sop_class_uid: str = DX) -> FoundInstance:
    return FoundInstance("1.5", sop_uid, sop_class_uid, modality, body_part)


def test_a_study_is_wanted_by_one_of_its_modalities_or_where_none_is_told() -> None:
    assert CHEST.wants_study(STUDY)
    assert CHEST.wants_study(replace(STUDY, modalities=()))
    assert not CHEST.wants_study(replace(STUDY, modalities=("CT",)))


def test_descriptions_are_compared_without_case() -> None:
    assert replace(CHEST, descriptions=("*thorax*", "CHEST*")).wants_study(STUDY)
    assert not replace(CHEST, descriptions=("*hand*",)).wants_study(STUDY)


def test_a_body_part_is_wanted_where_it_is_named_or_absent() -> None:
    choice = replace(CHEST, body_parts=("CHEST", "THORAX"))
    listed = [instance("1"), instance("2", body_part=""), instance("3", body_part="HAND"), instance("4", modality="CT")]
    assert [item.sop_uid for item in to_fetch(listed, {DX}, choice)] == ["1", "2"]


def test_a_study_asked_for_comes_as_it_is_but_for_what_is_not_taken() -> None:
    listed = [instance("1", "CT"), instance("2", "SR", sop_class_uid=SR), instance("3", sop_class_uid="")]
    assert [item.sop_uid for item in to_fetch(listed, {DX}, None)] == ["1", "3"]


def test_priors_are_the_newest_older_studies_of_the_same_patient() -> None:
    others = [
        study("1.1", "20260105"),
        study("1.2", "20250101"),
        study("1.3", "20260201"),
        study("1.4", "20240101"),
        study("1.5", "20251231", patient_id="Q"),
        study("1.6", "20251231", modalities=("CT",)),
        study("1.7", "20230101"),
    ]
    assert [item.study_uid for item in priors_of(STUDY, others, CHEST, 2)] == ["1.2", "1.4"]


def test_a_source_can_be_had_as_an_endpoint() -> None:
    source = Source(name="pacs", ae_title="PACS", host="pacs", port=104, timeout_s=5)
    assert (source.endpoint.ae_title, source.endpoint.kind, source.endpoint.timeout_s) == ("PACS", "dimse", 5)
    assert Source(name="web", kind="dicomweb", url="http://pacs/dicom-web").endpoint.kind == "stow"


@pytest.mark.parametrize(
    "wrong, told",
    [
        ({"ae_title": "PACS"}, "needs ae_title, host and port"),
        ({"kind": "dicomweb"}, "needs a url"),
        ({"kind": "dicomweb", "url": "https://me:secret@pacs/dicom-web"}, "credentials do not belong"),
        ({"kind": "dicomweb", "url": "https://pacs", "modalities": []}, "modalities"),
    ],
)
def test_a_source_that_cannot_be_asked_is_refused(wrong: dict[str, object], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        Source(name="pacs", **wrong)  # type: ignore[arg-type]
