"""The check of an ORU before it is sent: no alarm at ours, whatever the film; every seeded fault by its rule."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
from pydicom import Dataset

from daemon.conform import Expected, message_faults
from tests.support.conform import BOX, OTHER, film
from tests.support.faults.oru import FAULTS, TextFault
from tests.support.messages import oru
from tests.support.reports import make_request
from worker.encode import EncodedMessage, ReportRequest, SourceImage

IMAGE = film(BOX, OTHER)
VALID = {marking: oru(make_request(IMAGE), marking) for marking in (True, False)}


def faults_in(content: bytes, marking: bool, sources: list[Dataset]) -> set[str]:
    return {fault.rule for fault in message_faults(content, sources, Expected("oru", "", marking))}


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_a_seeded_fault_is_caught_by_its_rule(fault: TextFault) -> None:
    valid = VALID[fault.marking].content.decode()
    changed = fault.change(valid)

    found = faults_in(changed.encode(), fault.marking, [IMAGE.header])

    assert changed != valid
    assert fault.rule in found and "crash" not in found


def studies() -> dict[str, ReportRequest]:
    negative, lost = film(probability=0.04, study_uid="1.2.3"), replace(film(), findings=None, not_analysed="no pixels")
    marked = film(BOX, probability=0.21, study_uid="1.2.3")
    two: tuple[SourceImage, ...] = (film(BOX, study_uid="1.2.3"), negative)
    odd = film(BOX, patient_name="", patient_id="", AccessionNumber=None, PatientSex="X", PatientBirthDate="1960")
    certain = film(probability=1.0)
    return {
        "negative": make_request(negative),
        "not analysed": make_request(lost),
        "a lesion below the operating point": make_request(marked),
        "two films": make_request(*two),
        "a film that says little": make_request(odd),
        "certain": make_request(certain),
        "impossible": make_request(film(probability=0.0)),
        "Japanese": make_request(film(BOX, patient_name="Yamada^Tarou=山田^太郎", SpecificCharacterSet="ISO_IR 192")),
        "Latin-1": make_request(film(BOX, patient_name="Müller^Jörg", SpecificCharacterSet="ISO_IR 100")),
        "others set aside": make_request(film(BOX), set_aside=("a lateral view",)),
        "lesion words in the operating point": make_request(
            film(BOX), identity=replace(make_request().identity, operating_point="2 nodules of the left lung, 0.95")
        ),
    }


@pytest.mark.parametrize("marking", [True, False])
@pytest.mark.parametrize("name", studies())
def test_a_message_of_ours_has_no_fault(name: str, marking: bool) -> None:
    request = studies()[name]

    message = oru(request, marking)

    assert faults_in(message.content, marking, [image.header for image in request.images]) == set()


def test_a_message_with_lesions_is_a_fault_where_none_were_to_be_told() -> None:
    assert "no-location" in faults_in(VALID[True].content, False, [IMAGE.header])


def test_without_its_source_a_message_is_checked_as_far_as_that_goes() -> None:
    assert faults_in(VALID[True].content, True, []) == set()


def test_another_form_than_asked_for_is_a_fault() -> None:
    message: EncodedMessage = VALID[True]

    assert message_faults(message.content, [], Expected("sr"))
    assert message_faults(message.content, [], Expected("oru-withdrawal"))


def test_whatever_the_bytes_the_check_ends_and_tells_nothing_of_the_patient() -> None:
    dice = random.Random(5)
    valid = VALID[True].content
    for _ in range(300):
        content = bytearray(valid)
        for _ in range(dice.randint(1, 8)):
            content[dice.randrange(len(content))] = dice.randrange(256)
        told = " ".join(map(str, message_faults(bytes(content), [IMAGE.header], Expected("oru"))))
        assert "crash" not in told
        assert not any(word in told for word in ("Phantom", "T-1", "1960"))
