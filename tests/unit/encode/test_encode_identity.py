"""Derived UIDs: a retry gives the same bytes, other inputs another object."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from model.findings import ModelIdentity
from tests.support.reports import IDENTITY, KINDS, make_header, make_image, make_request, one, written
from worker.encode import Reference, encode

BOX = (50.25, 60.5, 120.75, 140.125)
REPOSITORY = Path(__file__).parents[3]

ENCODE_AND_PRINT_DIGESTS = """
import hashlib
from tests.support.reports import KINDS, make_image, make_request, one
film = make_image((50.25, 60.5, 120.75, 140.125), study_uid="1.2.3", series_uid="1.2.3.4", sop_uid="1.2.3.4.5")
for kind, profile in KINDS:
    for marking in (True, False):
        print(hashlib.sha256(one(make_request(film), kind, profile, marking).to_bytes()).hexdigest())
"""


def test_two_processes_in_different_places_write_identical_bytes() -> None:
    def run(**env: str) -> str:
        command = [sys.executable, "-c", ENCODE_AND_PRINT_DIGESTS]
        return subprocess.run(
            command, cwd=REPOSITORY, env={**os.environ, **env}, check=True, capture_output=True, text=True
        ).stdout

    first = run(PYTHONHASHSEED="1", TZ="UTC", LC_ALL="C")
    second = run(PYTHONHASHSEED="2", TZ="Asia/Tokyo", LC_ALL="C.UTF-8")

    assert first == second
    assert len(set(first.split())) == 2 * len(KINDS)


@pytest.mark.parametrize(("kind", "profile"), KINDS)
def test_encoding_twice_and_writing_twice_gives_the_same_bytes(kind: str, profile: str) -> None:
    request = make_request()

    made = one(request, kind, profile)

    assert made.to_bytes() == made.to_bytes() == one(request, kind, profile).to_bytes()


def test_the_order_in_which_images_are_listed_does_not_matter() -> None:
    study = {"study_uid": "1.2.3"}
    a, b = make_image(BOX, **study), make_image(**study)

    assert one(make_request(a, b), "sr").to_bytes() == one(make_request(b, a), "sr").to_bytes()


def test_a_later_image_makes_a_new_sr_in_the_same_series_that_names_its_predecessor() -> None:
    first_image, later_image = make_image(BOX, study_uid="1.2.3"), make_image(study_uid="1.2.3")
    before = one(make_request(first_image), "sr").dataset
    reference = Reference(before.SOPClassUID, before.SOPInstanceUID, before.SeriesInstanceUID, "1.2.3")

    after = written(make_request(first_image, later_image, revision=2, predecessors=(reference,)), "sr")

    assert after.SOPInstanceUID != before.SOPInstanceUID
    assert after.SeriesInstanceUID == before.SeriesInstanceUID
    assert (before.InstanceNumber, after.InstanceNumber) == (1, 2)
    in_series = after.PredecessorDocumentsSequence[0].ReferencedSeriesSequence[0]
    assert in_series.ReferencedSOPSequence[0].ReferencedSOPInstanceUID == before.SOPInstanceUID


def test_the_gsps_of_an_image_is_the_same_object_in_a_later_revision() -> None:
    image = make_image(BOX, study_uid="1.2.3")
    image = replace(image, analysed_at=make_request().analysed_at)
    before = one(make_request(image), "gsps").to_bytes()
    later = make_request(image, make_image(study_uid="1.2.3"), revision=2)
    later = replace(later, analysed_at=later.analysed_at.replace(hour=9))

    after = {made.source_sop_uid: made.to_bytes() for made in encode(later, "gsps")}

    assert len(after) == 2
    assert after[image.header.SOPInstanceUID] == before


@pytest.mark.parametrize(("kind", "profile"), KINDS)
@pytest.mark.parametrize(
    "identity",
    [
        ModelIdentity(IDENTITY.name, IDENTITY.version, "cd" * 32, IDENTITY.operating_point),
        ModelIdentity(IDENTITY.name, IDENTITY.version, IDENTITY.digest, "sensitivity 0.99 on held-out films"),
    ],
    ids=["other weights", "other operating point"],
)
def test_another_model_or_operating_point_makes_another_object(
    kind: str, profile: str, identity: ModelIdentity
) -> None:
    request = make_request()

    assert uid(request, kind, profile) != uid(replace(request, identity=identity), kind, profile)


def test_every_kind_flavour_and_shape_has_its_own_object_and_series() -> None:
    request = make_request()
    made = [one(request, *kind, marking) for kind in KINDS for marking in (True, False)]

    assert len({encoded.dataset.SOPInstanceUID for encoded in made}) == len(made)
    assert len({encoded.dataset.SeriesInstanceUID for encoded in made}) == len(made)
    assert len({encoded.dataset.SeriesNumber for encoded in made}) == len(made)


def test_uids_do_not_depend_on_what_was_found() -> None:
    header = make_header()
    nothing, something = make_image(header=header, probability=0.1), make_image(BOX, header=header)

    for kind, profile in KINDS:
        assert uid(make_request(nothing), kind, profile) == uid(make_request(something), kind, profile)


def test_a_lesion_has_one_tracking_uid_in_every_object_and_no_two_lesions_share_one() -> None:
    request = make_request(make_image(BOX, (200.0, 200.0, 300.0, 300.0)))
    per_object = []
    for kind, profile in KINDS:
        ds = one(request, kind, profile).dataset
        tracked = [element.value for element in ds.iterall() if element.keyword == "TrackingUID"]
        for item in (element.value[0] for element in ds.iterall() if element.keyword == "ConceptNameCodeSequence"):
            assert item.CodingSchemeDesignator in {"DCM", "SCT", "UMLS"}
        tracked += [group_uid(group) for group in lesion_groups(ds)]
        per_object.append(tuple(tracked))

    assert len(set(per_object)) == 1
    assert len(set(per_object[0])) == 2


@pytest.mark.parametrize(("kind", "profile"), KINDS)
def test_every_derived_uid_is_a_legal_uid_below_2_25(kind: str, profile: str) -> None:
    ds = one(make_request(), kind, profile).dataset

    for derived in (ds.SOPInstanceUID, ds.SeriesInstanceUID, ds.file_meta.ImplementationClassUID):
        assert derived.is_valid and derived.startswith("2.25.") and len(derived) <= 64


def uid(request, kind, profile):  # type: ignore[no-untyped-def]
    return one(request, kind, profile).dataset.SOPInstanceUID


def lesion_groups(ds):  # type: ignore[no-untyped-def]
    """The TID 1410 groups of an SR; none of a GSPS."""
    for item in ds.get("ContentSequence", []):
        if item.ConceptNameCodeSequence[0].CodeValue == "126010":
            for group in item.get("ContentSequence", []):
                if group.ContentTemplateSequence[0].TemplateIdentifier == "1410":
                    yield group


def group_uid(group):  # type: ignore[no-untyped-def]
    return next(item.UID for item in group.ContentSequence if item.ValueType == "UIDREF")
