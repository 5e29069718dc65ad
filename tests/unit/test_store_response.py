from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.core.outcome import Answer, Outcome
from daemon.web.store_response import outcomes_in
from tests.support.peers.stow_server import JSON, module

XML = "application/dicom+xml"
NATIVE = """<?xml version="1.0" encoding="UTF-8"?>
<NativeDicomModel xmlns="http://dicom.nema.org/PS3.19/models/NativeDICOM">
 <DicomAttribute tag="00081198" vr="SQ" keyword="FailedSOPSequence"><Item number="1">
  <DicomAttribute tag="00081155" vr="UI"><Value number="1">1.2</Value></DicomAttribute>
  <DicomAttribute tag="00081197" vr="US"><Value number="1">42752</Value></DicomAttribute>
 </Item></DicomAttribute>
 <DicomAttribute tag="00081199" vr="SQ" keyword="ReferencedSOPSequence"><Item number="1">
  <DicomAttribute tag="00081155" vr="UI"><Value number="1">1.3</Value></DicomAttribute>
 </Item></DicomAttribute>
</NativeDicomModel>"""


def test_each_object_has_the_outcome_that_the_response_gives_it():
    body = module(["1.1"], {"1.2": 0xC000, "1.3": 0xA700, "1.4": 0x0111}, {"1.5": 0xB000})
    outcomes = outcomes_in(body, JSON)
    assert outcomes is not None
    assert {uid: (outcome.answer, outcome.status) for uid, outcome in outcomes.items()} == {
        "1.1": (Answer.ACCEPTED, 0x0000),
        "1.2": (Answer.REFUSED, 0xC000),
        "1.3": (Answer.BUSY, 0xA700),
        "1.4": (Answer.ACCEPTED, 0x0111),
        "1.5": (Answer.ALTERED, 0xB000),
    }


def test_xml_says_the_same_as_json():
    assert outcomes_in(NATIVE.encode(), XML) == outcomes_in(module(["1.3"], {"1.2": 0xA700}), JSON)


def test_an_object_named_as_stored_and_as_failed_has_failed():
    assert outcomes_in(module(["1.1"], {"1.1": 0x0110}), JSON) == {
        "1.1": Outcome(Answer.REFUSED, 0x0110, "0110 processing failure")
    }


@pytest.mark.parametrize("reason", [0x0000, 0x10000, -1, "x", None, True, [], 1e300])
def test_a_failure_whose_reason_is_none_is_a_failure(reason):
    item = {"00081155": {"vr": "UI", "Value": ["1.1"]}, "00081197": {"vr": "US", "Value": [reason]}}
    body = json.dumps({"00081198": {"vr": "SQ", "Value": [item]}}).encode()
    assert outcomes_in(body, JSON) == {"1.1": Outcome(Answer.REFUSED, None, "failed, without a Failure Reason")}


UID, WARNING, FAILURE = "00081155", "00081196", "00081197"


def item(**values):
    """An item of either sequence; "w" and "f" for the Warning and the Failure Reason's values."""
    tags = {"w": (WARNING, "US"), "f": (FAILURE, "US"), "uid": (UID, "UI")}
    return {tags[name][0]: {"vr": tags[name][1], "Value": value} for name, value in ({"uid": ["1.1"]} | values).items()}


def answer_of(stored=(), failed=()):
    sequences = {"00081199": stored, "00081198": failed}
    body = json.dumps({tag: {"vr": "SQ", "Value": list(items)} for tag, items in sequences.items()}).encode()
    outcome = (outcomes_in(body, JSON) or {}).get("1.1")
    return outcome and outcome.answer


@pytest.mark.parametrize("reason", ["B000", 0x10000, -1, True, False, 45056.0, 1e300, [0xB000], {}, ""])
def test_a_stored_object_with_an_odd_warning_reason_is_not_plainly_stored(reason):
    assert answer_of([item(w=[reason])]) is Answer.ALTERED
    assert answer_of([item(w=[0, reason])]) is Answer.ALTERED


@pytest.mark.parametrize("values", [{}, {"w": []}, {"w": [None]}, {"w": [0]}, {"w": ["0"]}, {"f": []}, {"f": [None]}])
def test_no_reason_is_no_warning(values):
    assert answer_of([item(**values)]) is Answer.ACCEPTED


@pytest.mark.parametrize("reason", [0x0110, 0xC000, "x", True, -1, 0xB000])
def test_a_failure_reason_among_the_stored_is_a_failure(reason):
    assert answer_of([item(f=[reason])]) is Answer.REFUSED
    assert answer_of([item(f=[reason], w=[0])]) is Answer.REFUSED


@pytest.mark.parametrize(
    ("first", "second", "worse"),
    [
        ({}, {"w": [0xB000]}, Answer.ALTERED),
        ({}, {"f": [0xA700]}, Answer.BUSY),
        ({"w": [0xB000]}, {"f": [0xC000]}, Answer.REFUSED),
        ({"f": [0xA700]}, {"f": [0xC000]}, Answer.REFUSED),
        ({}, {}, Answer.ACCEPTED),
    ],
)
def test_of_an_object_named_twice_the_worse_counts_in_any_order(first, second, worse):
    assert answer_of([item(**first), item(**second)]) is worse
    assert answer_of([item(**second), item(**first)]) is worse


@pytest.mark.parametrize("again", [0x0110, 0xA700])
def test_an_object_that_failed_twice_is_not_there_because_one_reason_says_so(again):
    twice = [item(f=[again]), item(f=[0x0111])]
    assert answer_of(failed=twice) is answer_of(failed=twice[::-1]) is answer_of(failed=twice[:1])


def test_an_item_of_two_uids_names_no_object():
    assert answer_of([item(uid=["1.1", "1.2"])]) is None


@pytest.mark.parametrize(("reason", "answer"), [(0xB000, Answer.REFUSED), (0xB00E, Answer.ACCEPTED)])
def test_a_failure_is_no_warning_but_may_say_that_the_object_is_there(reason, answer):
    (outcome,) = (outcomes_in(module(failed={"1.1": reason}), JSON) or {}).values()
    assert outcome.answer is answer


@pytest.mark.parametrize(
    "body",
    [b"", b"{", module(["1.1"])[:-20], b"[]", b"null", b"7", b'"stored"', b"[" * 100_000, b"<html>", b"\xff\xfe{"],
)
def test_what_is_no_response_module_says_nothing_of_any_object(body):
    assert not outcomes_in(body, JSON)
    assert not outcomes_in(body, XML)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["00081198", "00081199", "00081155", "00081196", "00081197", "Value", "vr"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=25,
)


@given(VALUES)
def test_any_json_whatever_is_read_without_an_error(value):
    outcomes = outcomes_in(json.dumps(value).encode(), JSON)
    assert all(isinstance(uid, str) for uid in outcomes or {})


@given(st.sampled_from([module(["1.1"], {"1.2": 0xC000}), NATIVE.encode()]), st.data())
def test_a_damaged_response_is_read_without_an_error(whole, data):
    start = data.draw(st.integers(0, len(whole)))
    end = data.draw(st.integers(start, len(whole)))
    damaged = whole[:start] + data.draw(st.binary(max_size=8)) + whole[end:]
    for media_type in (JSON, XML):
        outcomes_in(damaged, media_type)


@given(st.binary())
def test_any_bytes_are_read_without_an_error(body):
    outcomes_in(body, JSON)
    outcomes_in(body, XML)
