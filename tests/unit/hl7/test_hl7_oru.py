"""The ORU^R01: whose study, which result, by whom; preliminary or a correction, never final; and what withdraws it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta, timezone

import hl7
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom import Dataset
from pydicom.sequence import Sequence

from daemon.conform import Expected, message_faults
from daemon.core.hl7 import Message, Segment
from tests.support.conform import BOX, film
from tests.support.messages import oru, read
from tests.support.reports import ANALYSED_AT, IDENTITY, make_header, make_image, make_request, one
from worker.encode import CannotEncode, EncodedMessage, Reference
from worker.encode.oru_withdrawal import Withdrawn, withdrawal_message
from worker.report import local

BEFORE = (Reference("", "2.25.7", "", "1.2.3"),)


def observed(message: Message, code: str, sub_id: str = "") -> Segment:
    """The one OBX of a code."""
    (found,) = (obx for obx in message.named("OBX") if (obx.text(3), obx.text(4)) == (code, sub_id))
    return found


def told(**header: object) -> Message:
    """The message of one film with these attributes."""
    return read(oru(make_request(make_image(header=make_header(**header)))))


def code_item(value: str, scheme: str, meaning: str) -> Sequence:
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, scheme, meaning
    return Sequence([item])


def test_it_says_whose_study_it_is_and_which() -> None:
    message = told(study_uid="1.2.3.4", IssuerOfPatientID="HOSP", PatientSex="F", TimezoneOffsetFromUTC="-0500")

    pid, obr = message.first("PID"), message.first("OBR")
    assert [pid.text(3, n) for n in (1, 4, 5)] == ["T-1", "HOSP", "PI"]
    assert (pid.field(5), pid.field(7), pid.field(8)) == ("Test^Phantom", "19600101", "F")
    assert (obr.text(3), obr.text(18), obr.field(7), obr.field(24)) == ("A1", "A1", "20260102101112-0500", "RAD")
    assert observed(message, "113014").field(5) == "1.2.3.4"


def test_a_name_is_told_in_the_order_of_hl7_and_in_every_script() -> None:
    message = told(patient_name="Yamada^Tarou^M^Dr.^Jr.=山田^太郎=やまだ^たろう", SpecificCharacterSet="ISO_IR 192")

    assert message.first("PID").repetitions(5) == [
        ["Yamada", "Tarou", "M", "Jr.", "Dr."],
        ["山田", "太郎", "", "", "", "", "", "I"],
        ["やまだ", "たろう", "", "", "", "", "", "P"],
    ]


@pytest.mark.parametrize("charset", ["ISO_IR 100", "ISO_IR 192"])
def test_a_name_is_decoded_by_the_films_character_set(charset: str) -> None:
    message = told(patient_name="Müller^Jörg", SpecificCharacterSet=charset)

    assert message.first("PID").repetitions(5)[0] == ["Müller", "Jörg"]


@settings(max_examples=40, deadline=None)
@given(st.text(st.characters(exclude_categories=("Cs", "Cc"), exclude_characters="\\^="), min_size=1, max_size=20))
def test_any_name_and_description_reach_the_library_as_they_are(text: str) -> None:
    header = make_header(patient_name=f"x{text}x^z{text}y", StudyDescription=f"x{text}x")
    message = oru(make_request(make_image(header=header)))

    parsed = hl7.parse(message.content)

    name, procedure = parsed.segment("PID")[5][0], parsed.segment("OBR")[4][0]
    assert [parsed.unescape(str(part)) for part in name] == [f"x{text}x", f"z{text}y"]
    assert parsed.unescape(str(procedure[4])) == f"x{text}x"
    assert message_faults(message.content, [header], Expected("oru")) == []


def test_order_numbers_and_the_procedures_code_are_the_films() -> None:
    item = Dataset()
    item.AccessionNumber, item.RequestedProcedureID, item.ScheduledProcedureStepID = "ACC", "RP", "SPS"
    message = told(
        PlacerOrderNumberImagingServiceRequest="PL",
        FillerOrderNumberImagingServiceRequest="FI",
        AccessionNumber="",
        RequestAttributesSequence=Sequence([item]),
        ProcedureCodeSequence=code_item("XCHEST2", "99LOCAL", "Chest PA & lateral"),
    )

    obr = message.first("OBR")
    assert [obr.text(n) for n in (2, 3, 18, 19, 20)] == ["PL", "FI", "ACC", "RP", "SPS"]
    assert obr.repetitions(4)[0] == ["XCHEST2", "Chest PA & lateral", "99LOCAL"]
    assert message.first("ORC").fields[1:4] == ("RE", "PL", "FI")


def test_without_any_number_of_an_order_the_study_stands_for_it() -> None:
    assert told(AccessionNumber="", study_uid="1.2.3.4").first("OBR").repetitions(3) == [["1.2.3.4", "THORAXD"]]


def test_it_says_what_the_result_is_who_made_it_and_that_nobody_verified_it() -> None:
    message = read(oru())

    number, verdict = observed(message, "111012"), observed(message, "111017")
    assert (number.field(2), number.field(5), number.text(6), number.field(8)) == ("NM", "90.0", "%", "A")
    assert number.text(7) == "<30.0"
    assert verdict.repetitions(5)[0][:1] + verdict.repetitions(5)[0][3:5] == ["111242", "10828004", "Positive"]
    assert observed(message, "19005-8").text(5).startswith("AI, unverified. AI: study abnormal, 90 %, unverified")
    assert observed(message, "111001").field(5) == IDENTITY.name
    assert observed(message, "111003").field(5) == IDENTITY.version
    assert IDENTITY.digest in observed(message, "111002").field(5)


def test_a_negative_study_is_normal() -> None:
    message = read(oru(make_request(film(probability=0.1))))

    assert observed(message, "111012").field(8) == observed(message, "111017").field(8) == "N"
    assert observed(message, "111017").text(5, 5) == "Negative"


def test_a_study_that_was_not_analysed_says_so_and_has_no_number() -> None:
    image = replace(film(), findings=None, not_analysed="no pixels")
    message = read(oru(make_request(image)))

    assert observed(message, "111017").text(5) == "111245" and observed(message, "111017").field(8) == ""
    assert "not analysed (no pixels)" in observed(message, "19005-8").text(5)
    assert not [obx for obx in message.named("OBX") if obx.field(2) == "NM"]


def test_the_first_is_preliminary_and_a_later_one_corrects_it_and_none_is_final() -> None:
    first, later = read(oru()), read(oru(make_request(film(BOX), revision=2, predecessors=BEFORE)))

    assert first.first("OBR").field(25) == "P" and later.first("OBR").field(25) == "C"
    assert {obx.field(11) for obx in first.named("OBX")} == {"P", "O"}
    assert {obx.field(11) for obx in later.named("OBX")} == {"C", "O"}


def test_every_lesion_is_told_by_a_code_a_number_and_a_line() -> None:
    message = read(oru())

    assert observed(message, "121071", "1.1").repetitions(5)[0] == ["27925004", "Nodule", "SCT"]
    assert observed(message, "111012", "1.2").field(5) == "77.0"
    assert "columns 260 to 380 of 400" in observed(message, "59776-5", "1.2").text(5)


def test_without_marking_nothing_says_where_or_what_a_lesion_is() -> None:
    message = oru(marking=False)

    assert not [obx for obx in read(message).named("OBX") if "." in obx.text(4) or obx.text(3) == "121071"]
    words = message.content.decode().lower()
    assert not any(word in words for word in ("nodule", "lesion", "column", "marked", "left", "right"))


def test_the_same_request_gives_the_same_bytes_and_another_another_control_id() -> None:
    request = make_request(film(BOX, study_uid="1.2.3", sop_uid="1.2.4"))

    messages = [oru(request), oru(request), oru(replace(request, revision=2)), oru(request, marking=False)]

    ids = [read(message).header.text(10) for message in messages]
    assert messages[0].content == messages[1].content
    assert len(set(ids)) == 3 and all(len(each) <= 20 for each in ids)


@pytest.fixture
def tokyo(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A host in another zone."""
    with monkeypatch.context() as host:
        host.setenv("TZ", "JST-9")
        time.tzset()
        yield
    time.tzset()


def test_times_are_local_and_say_their_offset(tokyo: None) -> None:
    message = read(oru(make_request(analysed_at=local(1795226584.567))))

    assert message.header.field(7) == message.first("OBR").field(22) == "20261121110304+0900"


def withdrawn(message: EncodedMessage, reason: str = "safety", comment: str = "wrong | patient") -> EncodedMessage:
    at = ANALYSED_AT.astimezone(timezone(timedelta(hours=1)))
    original = Withdrawn(message.content, message.sop_uid, message.marking)
    return withdrawal_message(original, reason, comment, 1, at)


def test_a_withdrawal_posts_every_observation_as_wrong_and_says_why() -> None:
    message = oru()
    first, last = read(message), read(withdrawn(message))

    told_by = [[(obx.field(3), obx.field(4)) for obx in each.named("OBX")] for each in (first, last)]
    assert told_by[0] == told_by[1]
    assert [obx.field(11) for obx in last.named("OBX")] == ["O", "C", *["W"] * (len(last.named("OBX")) - 2)]
    said = observed(last, "19005-8").text(5)
    assert said == "AI, unverified. Result withdrawn: Rejected for Patient Safety Reasons. wrong | patient"
    assert first.header.field(10) != last.header.field(10) and last.first("OBR").field(25) == "C"
    assert first.first("PID") == last.first("PID")


def test_a_withdrawal_is_the_same_each_time_and_passes_the_check() -> None:
    message = oru()

    assert withdrawn(message) == withdrawn(message) != withdrawn(message, comment="other")
    assert message_faults(withdrawn(message).content, [], Expected("oru-withdrawal")) == []


def test_a_withdrawal_wants_a_known_reason() -> None:
    with pytest.raises(CannotEncode):
        withdrawn(oru(), reason="because")


def test_writing_a_message_leaves_the_films_header_as_it_came() -> None:
    header = make_header(patient_name="Müller^Jörg", SpecificCharacterSet="ISO_IR 100")
    request = make_request(make_image(header=header, probability=0.9))
    before = one(request, "sr").to_bytes()

    oru(request)

    assert one(request, "sr").to_bytes() == before
