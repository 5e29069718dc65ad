"""What a page of the catalogue reads: an index in its order, or a few rows; never every row of a table.

The figures of 100,000 studies are `make scale`'s.
"""

from __future__ import annotations

import pytest
from sqlalchemy import event

from daemon.core.query import Query
from tests.bench.scale_rows import accession, fill, patient, study_uid

STUDIES = 1000

PAGES = [
    Query("STUDY", {}, limit=100),
    Query("STUDY", {}, limit=100, offset=500),
    Query("STUDY", {"StudyDate": "20260101-"}, limit=100),
    Query("STUDY", {"PatientName": f"{patient(40)[0]}*"}, limit=100),
    Query("STUDY", {"PatientName": "*an*"}, limit=100),
    Query("STUDY", {"PatientName": "anna"}, fuzzy=True, limit=100),
    Query("STUDY", {"PatientID": f"{patient(40)[1][:4]}*"}, limit=100),
    Query("STUDY", {"PatientID": "P*"}, limit=100),
    Query("STUDY", {"PatientName": patient(40)[0].replace("^", " ")}, fuzzy=True, limit=100),
    Query("STUDY", {"AccessionNumber": accession(50)}, limit=100),
    Query("STUDY", {"ModalitiesInStudy": "MR"}, limit=100),
    Query("STUDY", {"StudyInstanceUID": study_uid(50)}, limit=100),
    Query("SERIES", {}, limit=100),
    Query("SERIES", {"Modality": "SR"}, limit=100),
    Query("SERIES", {"SeriesInstanceUID": f"{study_uid(50)}.2"}, limit=100),
    Query("IMAGE", {}, limit=100),
    Query("IMAGE", {"StudyInstanceUID": study_uid(50), "SeriesInstanceUID": f"{study_uid(50)}.2"}, limit=100),
    Query("IMAGE", {"SOPInstanceUID": f"{study_uid(50)}.2.1"}, limit=100),
    Query("IMAGE", {"Modality": "SR"}, limit=100),
]


def test_no_page_reads_a_whole_table(ledger):
    fill(ledger.database, STUDIES)
    results = []
    for page in PAGES:
        result, plan = planned(ledger, page)
        results.append(len(result))
        scans = [step for step in plan if step.startswith("SCAN catalogue")]
        assert plan and all("COVERING INDEX ix_catalogue_studies_newest" in step for step in scans), (page, plan)
    assert results[0] == 100 and max(results[-2:-1]) == 1


SELECTIVE = [  # of a thousand studies a few, or none
    Query("STUDY", {"PatientName": patient(40)[0].replace("^", " ")}, fuzzy=True, limit=100),
    Query("STUDY", {"PatientName": f"{patient(40)[0]}*"}, limit=100),
    Query("STUDY", {"AccessionNumber": accession(50)}, limit=100),
    Query("STUDY", {"ModalitiesInStudy": "MR"}, limit=100),
    Query("SERIES", {"Modality": "MR"}, limit=100),
    Query("IMAGE", {"Modality": "MR"}, limit=100),
]


@pytest.mark.parametrize("page", SELECTIVE, ids=lambda page: f"{page.level} {' '.join(page.matches)}")
def test_a_key_that_leaves_few_studies_spares_looking_at_the_others(ledger, page):
    fill(ledger.database, STUDIES)
    _, plan = planned(ledger, page)
    assert not [step for step in plan if step.startswith("SCAN catalogue")], plan


@pytest.mark.parametrize("key", ["PatientID", "AccessionNumber"])
def test_what_most_studies_match_is_not_sorted(ledger, key):
    fill(ledger.database, STUDIES)
    found, plan = planned(ledger, Query("STUDY", {key: "P*" if key == "PatientID" else "A*"}, limit=100))
    assert len(found) == 100 and "SCAN catalogue_studies USING COVERING INDEX ix_catalogue_studies_newest" in plan
    assert plan.count("USE TEMP B-TREE FOR ORDER BY") == 1, plan  # of the page's own rows


def planned(ledger, page):
    """The matches, and the steps of all statements that found them."""
    asked = []

    def ask(*args):
        asked.append(args[2:4])

    event.listen(ledger.database.engine, "before_cursor_execute", ask)
    found = ledger.catalogue.search(page)
    event.remove(ledger.database.engine, "before_cursor_execute", ask)
    with ledger.database.engine.connect() as connection:
        steps = [
            row[-1]
            for statement, values in asked
            if statement.startswith("SELECT")
            for row in connection.exec_driver_sql(f"explain query plan {statement}", values)
        ]
    return found, steps


@pytest.mark.parametrize("level", ["STUDY", "SERIES", "IMAGE"])
def test_a_page_is_ended_early(ledger, level):
    """The page's keys come in the order of an index: nothing is sorted that is not shown."""
    fill(ledger.database, 50)
    _, plan = planned(ledger, Query(level, {}, limit=10))
    whole = [place for place, step in enumerate(plan) if step == "USE TEMP B-TREE FOR ORDER BY"]
    assert whole == [len(plan) - 1], plan  # of the page's own rows, at the end; within one study is another matter
