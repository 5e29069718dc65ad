"""What a client accepts: PS3.18 8.7, RFC 9110 12.5.1."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.web.media_types import Accepted, media_type

PARTS = 'multipart/related; type="application/dicom"'


def test_nothing_said_accepts_the_first_offer() -> None:
    assert Accepted.parse(None).best(["image/jpeg", "image/png"]) == "image/jpeg"
    assert Accepted.parse("  ").best(["image/jpeg"]) == "image/jpeg"


@pytest.mark.parametrize(
    "header",
    [
        'multipart/related; type="application/dicom"; transfer-syntax=*',
        "multipart/related;type=application/dicom;transfer-syntax=*",
        'Multipart/Related ; Type = "Application/DICOM" ; transfer-syntax="*"',
        'text/html;q=0.2, multipart/related; type="application/dicom"; transfer-syntax=*; q=0.9',
    ],
)
def test_parts_are_understood_in_every_spelling(header: str) -> None:
    best = Accepted.parse(header).ranges[0]
    assert (best.multipart, best.content, best.parameters["transfer-syntax"]) == (True, "application/dicom", "*")


def test_the_higher_quality_wins_and_equals_go_by_our_order() -> None:
    accepted = Accepted.parse("image/jpeg;q=0.5, image/png, image/gif")
    assert accepted.best(["image/jpeg", "image/gif", "image/png"]) == "image/gif"


def test_the_more_precise_range_decides_whatever_the_order() -> None:
    accepted = Accepted.parse("*/*;q=0.8, image/*;q=0.3, image/png;q=0")
    assert accepted.best(["image/png", "image/jpeg", "text/plain"]) == "text/plain"
    assert accepted.quality("image/png") == 0


def test_parts_of_another_type_are_not_covered() -> None:
    accepted = Accepted.parse('multipart/related; type="application/dicom+xml"')
    assert accepted.best([PARTS]) is None
    assert Accepted.parse("multipart/related").best([PARTS]) == PARTS
    assert Accepted.parse('multipart/related; type="application/*"').best([PARTS]) == PARTS


def test_the_query_parameter_comes_before_the_header() -> None:
    assert Accepted.parse("image/png", ["image/jpeg"]).best(["image/png", "image/jpeg"]) == "image/jpeg"
    assert Accepted.parse("image/png", [""]).best(["image/png", "image/jpeg"]) == "image/png"


def test_a_range_that_cannot_be_read_is_left_out() -> None:
    accepted = Accepted.parse('nonsense, image/png;q=2, image/jpeg;q=0.5, ;;;, a/b;x="un\\"closed')
    assert [each.type for each in accepted.ranges] == ["image/jpeg"]
    assert Accepted.parse("nonsense").best(["image/png"]) is None


def test_a_comma_within_quotes_ends_no_range() -> None:
    assert media_type('multipart/related; boundary="a,b;c"; type="application/dicom"').parameters == {  # type: ignore[union-attr]
        "boundary": "a,b;c",
        "type": "application/dicom",
    }


@given(st.text(alphabet=st.sampled_from('ab/*;,="\\ q01.-\t\n\0é'), max_size=80))
def test_whatever_is_sent_is_answered(header: str) -> None:
    accepted = Accepted.parse(header)
    assert all(0 <= each.q <= 1 for each in accepted.ranges)
    accepted.best(["image/png", PARTS])
