"""The parameters of a search, whatever is sent: PS3.18 8.3.4."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.core.catalogue import ATTRIBUTES
from daemon.core.errors import MalformedQuery
from daemon.core.query import searchable
from daemon.web.parameters import MOST_PARAMETERS
from daemon.web.qido_fields import to_read
from daemon.web.qido_json import Encoder, element, returned
from daemon.web.qido_parameters import search_of

NAMES = st.one_of(st.sampled_from(sorted(ATTRIBUTES)), st.from_regex(r"[0-9A-F]{8}", fullmatch=True), st.text())


def asked(*parameters: tuple[str, str], level="STUDY", **fixed: str):
    return search_of(parameters, level, fixed)


def test_keywords_tags_and_dotted_names_are_the_same_attribute():
    assert asked(("00100020", "P1")).matches == asked(("PatientID", "P1")).matches == {"PatientID": "P1"}
    dotted = asked(("00400275.ScheduledProcedureStepID", "S1"), level="SERIES")
    assert dotted.matches == {"RequestAttributesSequence.ScheduledProcedureStepID": "S1"}


def test_fields_come_in_lists_and_one_by_one():
    fields = asked(("includefield", "00081030,PatientAge"), ("includefield", "all"), ("includefield", "00091001"))
    assert fields.included == {"StudyDescription", "PatientAge", "all", ""}


def test_keys_of_a_lower_level_and_unknown_tags_are_set_apart():
    assert asked(("Modality", "DX"), ("KVP", "120"), ("99990010", "x")).ignored == ("Modality", "KVP", "")


def test_the_path_says_which_study():
    with pytest.raises(MalformedQuery):
        asked(("StudyInstanceUID", "1.2"), level="SERIES", StudyInstanceUID="1.3")


def test_parameters_are_counted():
    with pytest.raises(MalformedQuery, match="more than"):
        asked(*[("includefield", "all")] * (MOST_PARAMETERS + 1))


@given(st.lists(st.tuples(NAMES, st.text()), max_size=5), st.sampled_from(["STUDY", "SERIES", "IMAGE"]))
def test_any_parameters_are_a_search_or_refused(parameters, level):
    try:
        search = asked(*parameters, level=level)
    except MalformedQuery:
        return
    assert set(search.matches) <= searchable(level)
    fields = search.included | set(search.matches) | set(search.ignored)
    to_read(level, frozenset(fields))
    assert Encoder(level, returned(level, (), frozenset(fields)), "http://here")


def test_values_are_written_as_the_model_wants_them():
    assert element("PN", "Yamada^Tarou=山田^太郎") == {
        "vr": "PN",
        "Value": [{"Alphabetic": "Yamada^Tarou", "Ideographic": "山田^太郎"}],
    }
    assert element("IS", "-3") == {"vr": "IS", "Value": [-3]} and element("US", 512)["Value"] == [512]
    assert element("CS", ["CR", "DX"])["Value"] == ["CR", "DX"] and element("LO", "") == {"vr": "LO"}
