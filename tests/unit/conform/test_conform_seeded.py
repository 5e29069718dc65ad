"""Every seeded fault is caught; what each rule set must catch by name, it does."""

from __future__ import annotations

from copy import deepcopy

import pytest
from pydicom import Dataset

from daemon.conform import Expected, Fault, faults
from tests.support.conform import BOX, Case, film, objects, valid
from tests.support.faults import MUTATIONS, Mutation, reread
from tests.support.faults.mutation import node, nodes
from tests.support.reports import make_request


@pytest.fixture(scope="module")
def cases() -> dict[str, Case]:
    return valid()


def found(case: Case, mutation: Mutation) -> list[Fault]:
    return faults(reread(mutation.seeded(case.dataset)), case.sources, case.expected)


def test_every_form_has_a_valid_object_in_which_nothing_is_found(cases: dict[str, Case]) -> None:
    for case in cases.values():
        assert faults(case.dataset, case.sources, case.expected) == []
    assert {name for mutation in MUTATIONS for name in mutation.of} == set(cases)


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.name)
def test_a_seeded_fault_is_caught(cases: dict[str, Case], mutation: Mutation) -> None:
    case = cases[mutation.of[0]]

    told = found(case, mutation)

    assert told and not any(fault.rule == "crash" for fault in told)


# The rule by which some are caught: a fault that is found by chance alone is not known.
BY_RULE = {
    "scoord: off by the image's width": "sr-scoord-inside-image",
    "scoord: Graphic Type RECTANGLE": "sr-graphic-type",
    "scoord: no image": "sr-scoord-image",
    "sr: SCOORD has its image INFERRED FROM": "sr-relationship",
    "sr: image not in the evidence": "evidence-complete",
    "sr: evidence lists an image twice": "evidence-once",
    "sr: group without Tracking UID": "sr-tracking-uid",
    "sr: two groups with one Tracking UID": "sr-tracking-distinct",
    "sr: Code Meaning of another code": "code-meaning",
    "sr: digit of a SNOMED CT code": "code-of-scheme",
    "sr: the other side": "sr-laterality",
    "num: 187 %": "sr-num-range",
    "gsps: layer that is not declared": "gsps-layer",
    "gsps: Number of Graphic Points gone": "gsps-points",
    "gsps: inverts the image": "gsps-lut-shape",
    "patient: another Patient ID": "origin-altered",
    "meta: group length": "meta-group-length",
    "cad: rows in another order": "cad-order",
    "pm: values to 1000 %": "pm-mapping",
    "triage: a box in private text": "no-location",
    "triage: a box as the operator's name": "no-location",
    "triage: a box in an unknown attribute": "no-location",
    "triage: LUL in the series' name": "no-location",
    "triage: RLL in a comment": "no-location",
    "rejection: a film of the patient's": "kos-rejects-source",
    "rejection: no reason for the poor quality": "kos-modifier",
    "kos: rejects the film": "kos-rejects-source",
    "study: time zone gone": "origin-missing",
    "agree: another set of weights": "agree-weights",
    "agree: abnormal below the cut": "agree-cut",
    "agree: no finding above the cut": "agree-cut",
    "cad: another headline than the summary": "agree-headline",
    "cad: a finding that is not to be shown": "agree-intent",
    "gsps: film turned": "agree-upright",
    "gsps: film flipped": "agree-upright",
    "gsps: box filled": "agree-filled",
    "gsps: label fixed to the display": "agree-line",
}


@pytest.mark.parametrize("name", BY_RULE)
def test_a_fault_is_caught_by_the_rule_that_is_for_it(cases: dict[str, Case], name: str) -> None:
    mutation = next(mutation for mutation in MUTATIONS if mutation.name == name)

    assert BY_RULE[name] in {fault.rule for fault in found(cases[mutation.of[0]], mutation)}


def test_no_fault_tells_what_the_object_holds_of_the_patient(cases: dict[str, Case]) -> None:
    for mutation in MUTATIONS:
        if mutation.name.startswith(("patient", "study")):
            told = " ".join(map(str, found(cases[mutation.of[0]], mutation)))
            assert not any(word in told for word in ("Phantom", "PHANTOM", "SOMEONE", "T-1", "A2", "1960", "anxious"))


def test_an_object_of_another_kind_profile_or_shape_than_asked_for_is_a_fault(cases: dict[str, Case]) -> None:
    case = cases["sr air"]

    for asked in (Expected("gsps"), Expected("sr", "stone"), Expected("sr", "ohif"), Expected("sr", "air", False)):
        assert faults(case.dataset, case.sources, asked)
    assert faults(cases["sr stone"].dataset, case.sources, Expected("sr", "ohif"))
    assert faults(cases["sr air triage"].dataset, case.sources, Expected("sr", "air", True))
    assert faults(cases["parametric-map"].dataset, case.sources, Expected("parametric-map", "", False))


def swap_images(group: Dataset, other: str) -> None:
    """The region of a lesion becomes one of another film."""
    for region in nodes(group, "111030", "SCOORD"):
        region.ContentSequence[0].ReferencedSOPSequence[0].ReferencedSOPInstanceUID = other


def test_a_lesion_or_a_result_that_is_moved_to_another_film_of_the_study_is_a_fault() -> None:
    first, second = film(BOX, study_uid="1.2.3"), film(BOX, study_uid="1.2.3")
    (case,) = [case for case in objects(make_request(first, second), ("sr",)) if case.name == "sr air"]
    uids = {str(first.header.SOPInstanceUID), str(second.header.SOPInstanceUID)}
    moved, told = deepcopy(case.dataset), deepcopy(case.dataset)
    group = node(moved, "125007")
    mine = node(group, "", "IMAGE").ReferencedSOPSequence[0].ReferencedSOPInstanceUID
    (other,) = uids - {mine}
    swap_images(group, other)
    comments = [item for item in nodes(told, "121106", "TEXT") if item.TextValue.startswith("film 1 (")]
    comments[0].TextValue = comments[0].TextValue.replace("film 1", "film 2")

    assert faults(case.dataset, case.sources, case.expected) == []
    for spoiled in (moved, told):
        assert "sr-film" in {fault.rule for fault in faults(spoiled, case.sources, case.expected)}
