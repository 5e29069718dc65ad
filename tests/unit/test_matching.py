"""What matching texts mean: PS3.4 C.2.2.2."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.core.catalogue import ATTRIBUTES
from daemon.core.errors import MalformedQuery
from daemon.core.query import MOST_STARS, Between, Like, OneOf, Words, match_of, searchable


@pytest.mark.parametrize(
    ("keyword", "text", "match"),
    [
        ("PatientID", "", None),
        ("PatientID", "*", None),
        ("PatientID", "**", None),
        ("PatientID", "P1", OneOf(("P1",))),
        ("PatientID", "P?1*", Like("P?1*")),
        ("PatientID", '""', OneOf(("",))),
        ("StudyInstanceUID", "1.2\\1.3", OneOf(("1.2", "1.3"))),
        ("ModalitiesInStudy", "CR\\DX", OneOf(("CR", "DX"))),
        ("StudyDate", "20260102", Between("20260102", "20260102")),
        ("StudyDate", "20260102-", Between("20260102", "")),
        ("StudyDate", "-20260102", Between("", "20260102")),
        ("StudyDate", "2026.01.02 - 2026.01.03", Between("20260102", "20260103")),
        ("StudyTime", "10", Between("100000", "105959.999999")),
        ("StudyTime", "1000-1130", Between("100000", "113059.999999")),
        ("PatientName", "Doe^Jane", Like("doe^jane=*")),
        ("PatientName", "DÖE*", Like("doe*")),
        ("PatientName", "山田*", Like("*山田*")),
        ("SeriesNumber", "1", OneOf(("1",))),
    ],
)
def test_a_matching_text_is_understood(keyword, text, match):
    assert match_of(keyword, text) == match


def test_fuzzy_names_are_their_words():
    assert match_of("PatientName", "Jane, DOE-Smith", fuzzy=True) == Words(("jane", "doe", "smith"))
    assert match_of("PatientName", "^,^", fuzzy=True) is None
    assert match_of("PatientID", "P1", fuzzy=True) == OneOf(("P1",))  # names alone


@pytest.mark.parametrize(
    ("keyword", "text"),
    [
        ("StudyDate", "2026"),
        ("StudyDate", "20260230"),
        ("StudyDate", "20260101-20260102-20260103"),
        ("StudyDate", "202601*"),
        ("StudyDate", "-"),
        ("StudyTime", "9"),
        ("StudyTime", "2400"),
        ("StudyInstanceUID", "1.2\\x"),
        ("StudyInstanceUID", "1.*"),
        ("PatientID", "a\0b"),
        ("PatientID", "a" * 5000),
        ("PatientID", "*a" * (MOST_STARS + 1)),
    ],
)
def test_what_cannot_be_understood_is_refused_without_saying_the_value(keyword, text):
    with pytest.raises(MalformedQuery) as refused:
        match_of(keyword, text)
    assert keyword in str(refused.value) and text not in str(refused.value).replace(keyword, "")


def test_keys_are_those_of_the_level_and_above():
    assert "PatientID" in searchable("STUDY") and "Modality" not in searchable("STUDY")
    assert "Modality" in searchable("SERIES") and "SOPInstanceUID" in searchable("IMAGE")
    assert "Rows" not in searchable("IMAGE") and "NumberOfStudyRelatedSeries" not in searchable("IMAGE")


@given(st.sampled_from(sorted(ATTRIBUTES)), st.text(max_size=60), st.booleans())
def test_any_text_is_understood_or_refused(keyword, text, fuzzy):
    try:
        match_of(keyword, text, fuzzy=fuzzy)
    except MalformedQuery as refused:
        assert str(refused).startswith(keyword)
