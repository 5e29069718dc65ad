"""The catalogue as the ledger writes and searches it."""

from __future__ import annotations

import fnmatch

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from daemon.core.catalogue import entry_of
from daemon.core.errors import MalformedQuery
from daemon.core.query import Query
from daemon.store import candidates
from daemon.store.cataloguing import Filed, enter, hide
from daemon.store.schema_catalogue import CatalogueWordRow
from tests.support.catalogue import EXPLICIT, SR, found, header, record, result
from tests.support.ledgers import ATTEMPTS, LEASE_S, PACS, answer, complete, job_ids, report, state


def study_of(ledger, **attributes):
    (row,) = ledger.catalogue.search(Query("STUDY", attributes))
    return row


def with_results(ledger):
    """Study 1.2.1 with one film, its SR and a second object in the same series."""
    record(ledger, header())
    complete(ledger, 103.0)
    answer(ledger, 103.0, answer="{}", probability=0.9, positive=True)
    ledger.settling.close_answered(104.0)
    sr = [header(series=2, instance=n, SOPClassUID=SR, Modality="SR") for n in (1, 2)]
    assert report(ledger, 104.0, *(result(ds) for ds in sr))


def test_counts_and_modalities_follow_what_arrives(ledger):
    record(ledger, header(), header(instance=2), header(series=2, Modality="CR"), header("1.2.2"))
    row = study_of(ledger, StudyInstanceUID="1.2.1")
    assert (row["NumberOfStudyRelatedSeries"], row["NumberOfStudyRelatedInstances"]) == (2, 3)
    assert row["ModalitiesInStudy"] == ["CR", "DX"]
    assert found(ledger, "SERIES", StudyInstanceUID="1.2.1", key="NumberOfSeriesRelatedInstances") == [2, 1]


def test_a_duplicate_counts_once(ledger):
    record(ledger, header())
    with pytest.raises(AssertionError):
        record(ledger, header())
    assert study_of(ledger)["NumberOfStudyRelatedInstances"] == 1


def test_results_are_found_beside_the_images(ledger):
    with_results(ledger)
    row = study_of(ledger)
    assert row["ModalitiesInStudy"] == ["DX", "SR"] and row["NumberOfStudyRelatedInstances"] == 3
    assert [item.result for item in ledger.catalogue.instances("1.2.1")] == [False, True, True]
    assert [item.size for item in ledger.catalogue.instances("1.2.1", "1.2.1.2")] == [500, 500]


def test_withdrawn_results_are_hidden_and_the_note_is_not(ledger):
    with_results(ledger)
    assert ledger.rejections.reject("1.2.1", "quality", "", 200.0) == "" and state(ledger, "1.2.1") == "REJECTED"
    assert found(ledger, "IMAGE") == ["1.2.1.1.1"] and found(ledger, "SERIES") == ["1.2.1.1"]
    row = study_of(ledger)
    assert row["ModalitiesInStudy"] == ["DX"] and row["NumberOfStudyRelatedSeries"] == 1
    assert ledger.catalogue.instances("1.2.1", "1.2.1.2") == []
    (job_id,) = job_ids(ledger, 201.0, "reject")
    job = ledger.jobs.claim(job_id, "w", 201.0, LEASE_S, ATTEMPTS)
    note = result(header(series=3, Modality="KO"), "rejection")
    assert ledger.rejections.finish(job, "w", [note], (PACS,), 202.0)
    assert study_of(ledger)["ModalitiesInStudy"] == ["DX", "KO"]


def test_the_newest_study_comes_first_and_pages_join(ledger):
    for number, day in enumerate(("20260103", "20260101", "", "20260102")):
        record(ledger, header(f"1.2.{number}", StudyDate=day))
    assert found(ledger) == ["1.2.0", "1.2.3", "1.2.1", "1.2.2"]
    pages = [ledger.catalogue.search(Query("STUDY", {}, limit=3, offset=offset)) for offset in (0, 3)]
    assert [row["StudyInstanceUID"] for page in pages for row in page] == found(ledger)


PEOPLE = {
    "1.2.1": "Müller^Jörg",
    "1.2.2": "Yamada^Tarou=山田^太郎=やまだ^たろう",
    "1.2.3": "de la Cruz^Ana-Maria^^Dr.",
    "1.2.4": "MUELLER_50%^Jo",
    "1.2.5": "",
}


SEARCHED = [  # text, fuzzy, who
    ("muller^jorg", False, {"1.2.1"}),
    ("MÜLLER*", False, {"1.2.1"}),
    ("m*", False, {"1.2.1", "1.2.4"}),
    ("müller", False, set()),  # the whole name, but for its empty end
    ("Yamada^Tarou", False, {"1.2.2"}),
    ("山田*", False, {"1.2.2"}),
    ("?amada^*", False, {"1.2.2"}),
    ("*_50%^*", False, {"1.2.4"}),
    ("*cruz*", False, {"1.2.3"}),
    ("[a-z]*", False, set()),
    ("", False, set(PEOPLE)),
    ('""', False, {"1.2.5"}),
    ("cruz ana", True, {"1.2.3"}),
    ("maria cruz", True, {"1.2.3"}),
    ("ruz", True, set()),
    ("jörg, m", True, {"1.2.1"}),
    ("たろう", True, {"1.2.2"}),
]


@pytest.mark.parametrize("most", [0, 2, 500])
def test_people_are_found_by_their_names(ledger, monkeypatch, most):
    """However many studies are few."""
    monkeypatch.setattr(candidates, "FEW", most)
    record(ledger, *(header(uid, PatientName=name) for uid, name in PEOPLE.items()))
    for text, fuzzy, who in SEARCHED:
        rows = ledger.catalogue.search(Query("STUDY", {"PatientName": text}, fuzzy=fuzzy))
        assert {row["StudyInstanceUID"] for row in rows} == who, text


STUDY_KEYS = [  # keys, how many
    ({"StudyDate": "20260102"}, 1),
    ({"StudyDate": "20260102-20260103"}, 2),
    ({"StudyDate": "-20260102"}, 2),
    ({"StudyTime": "1000-1100"}, 2),
    ({"StudyTime": "10"}, 2),
    ({"AccessionNumber": "a1"}, 0),  # in its own case
    ({"AccessionNumber": "A?"}, 3),
    ({"AccessionNumber": "A1\\B22"}, 4),
    ({"AccessionNumber": "?2*"}, 1),
    ({"PatientID": "Q", "AccessionNumber": "A*"}, 0),
    ({"ModalitiesInStudy": "C*\\MR"}, 1),
    ({"PatientID": "P*"}, 3),
    ({"ModalitiesInStudy": "CR\\MR"}, 1),
    ({"ModalitiesInStudy": "D?"}, 2),
    ({"ModalitiesInStudy": "R"}, 0),
    ({"ModalitiesInStudy": '""'}, 1),
    ({"StudyInstanceUID": "1.2.1\\1.2.2\\1.2.9"}, 2),
    ({"StudyDate": "20260101-20260103", "StudyTime": "1100-1030"}, 2),
]


@pytest.mark.parametrize("most", [0, 2, 500])
def test_studies_are_found_by_their_keys(ledger, monkeypatch, most):
    monkeypatch.setattr(candidates, "FEW", most)
    record(
        ledger,
        header("1.2.1", StudyDate="20260101", StudyTime="1200"),
        header("1.2.2", StudyDate="20260102", StudyTime="10", Modality="CR"),
        header("1.2.3", StudyDate="20260103", StudyTime="104000.5"),
        header("1.2.4", PatientID="Q", AccessionNumber="B22", StudyDate="", StudyTime="", Modality=None),
    )
    for matches, count in STUDY_KEYS:
        assert len(ledger.catalogue.search(Query("STUDY", matches, combined=True))) == count, matches


def test_without_combination_a_date_and_a_time_are_two_ranges(ledger):
    record(ledger, header(StudyDate="20260102", StudyTime="0900"))
    moments = {"StudyDate": "20260101-20260103", "StudyTime": "1000-1100"}
    assert [len(ledger.catalogue.search(Query("STUDY", moments, combined=both))) for both in (True, False)] == [1, 0]


LOWER_KEYS = [  # level, keys, unique keys
    ("SERIES", {"Modality": "CR"}, ["1.2.2.1"]),
    ("SERIES", {"Modality": '""'}, []),
    ("SERIES", {"PatientID": "P2"}, ["1.2.2.1"]),
    ("SERIES", {"SeriesInstanceUID": "1.2.1.2"}, ["1.2.1.2"]),
    ("SERIES", {"RequestAttributesSequence.RequestedProcedureID": "RP1"}, ["1.2.2.1"]),
    ("IMAGE", {"SOPInstanceUID": "1.2.1.1.2"}, ["1.2.1.1.2"]),
    ("IMAGE", {"SeriesInstanceUID": "1.2.1.1", "InstanceNumber": "2"}, ["1.2.1.1.2"]),
    ("IMAGE", {"Modality": "CR", "PatientName": "roe*"}, ["1.2.2.1.1"]),
    ("IMAGE", {"StudyInstanceUID": "1.2.1", "SOPClassUID": SR}, ["1.2.1.2.1"]),
    ("IMAGE", {"SOPInstanceUID": "1.2.1.1.2", "StudyInstanceUID": "1.2.2"}, []),
]


def test_series_and_instances_are_found_by_keys_of_all_levels(ledger):
    other = header("1.2.2", PatientID="P2", PatientName="Roe^R", Modality="CR", RequestAttributesSequence=[header()])
    other.RequestAttributesSequence[0].RequestedProcedureID = "RP1"
    record(ledger, header(), header(instance=2), header(series=2, SOPClassUID=SR, Modality="SR"), other)
    for level, matches, uids in LOWER_KEYS:
        assert found(ledger, level, **matches) == uids, matches


def test_a_key_of_a_lower_level_is_refused(ledger):
    with pytest.raises(MalformedQuery, match="Modality"):
        ledger.catalogue.search(Query("STUDY", {"Modality": "DX"}))


IDS = ["A1", "a1", "A_1", "A%1", "A[1]", "AB12", "A*?"]


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(pattern=st.text("Aa1_%[]?*B", max_size=6))
def test_wildcards_mean_the_same_on_every_database(ledger, pattern):
    if not found(ledger):
        record(ledger, *(header(f"1.2.{n}", StudyID=name) for n, name in enumerate(IDS)))
    meant = pattern.replace("[", "[[]")
    expected = {f"1.2.{n}" for n, name in enumerate(IDS) if fnmatch.fnmatchcase(name, meant)}
    if pattern.strip("*") and pattern.count("*") <= 5:
        assert set(found(ledger, StudyID=pattern)) == expected


def test_what_the_catalogue_lacks_can_be_entered_later(ledger):
    with_results(ledger)
    with ledger.database.write() as session:
        for table in ("catalogue_instances", "catalogue_series", "catalogue_studies"):
            session.connection().exec_driver_sql(f"delete from {table}")
    ledger.rejections.reject("1.2.1", "quality", "", 200.0)
    assert ledger.catalogue.missing_count() == 3
    missing = ledger.catalogue.missing("", 2)
    assert [item.sop_uid for item in missing] == ["1.2.1.1.1", "1.2.1.2.1"]
    missing += ledger.catalogue.missing(missing[-1].sop_uid, 2)
    for item in missing:
        assert ledger.catalogue.enter(item, "1.2.840.10008.1.2.1", 9, result(header()).entry)
    assert ledger.catalogue.missing_count() == 0 and found(ledger, "IMAGE") == ["1.2.1.1.1"]


def test_a_name_is_searched_as_long_as_its_study_is_there(ledger):
    with_results(ledger)
    results_only = header("1.2.9", PatientName="Doe^Jane", SOPClassUID=SR, Modality="SR")
    filed = Filed("1.2.9", "1.2.9.1", "1.2.9.1.1", SR, EXPLICIT, "1.2.9.1.1.dcm", 9, result=True)
    with ledger.database.write() as session:
        assert enter(session, filed, entry_of(results_only))
    asked = Query("STUDY", {"PatientName": "jan do"}, fuzzy=True)
    assert len(ledger.catalogue.search(asked)) == 2
    with ledger.database.write() as session:
        hide(session, "1.2.9", ["1.2.9.1.1"])
        words = session.execute(select(CatalogueWordRow.word, CatalogueWordRow.study_uid)).all()
    assert sorted(map(tuple, words)) == [("doe", "1.2.1"), ("jane", "1.2.1")]
    assert [row["StudyInstanceUID"] for row in ledger.catalogue.search(asked)] == ["1.2.1"]


def test_a_series_has_the_modality_of_its_first_instance(ledger):
    """Also in what its study is found by."""
    record(ledger, header(), header(instance=2, Modality="CR"))
    assert study_of(ledger)["ModalitiesInStudy"] == ["DX"]
    assert found(ledger, "SERIES", Modality="CR") == found(ledger, ModalitiesInStudy="CR") == []
