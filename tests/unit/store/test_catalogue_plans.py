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
    asked = []
    event.listen(ledger.database.engine, "before_cursor_execute", lambda *args: asked.append(args[2:4]))
    results = [len(ledger.catalogue.search(page)) for page in PAGES]
    with ledger.database.engine.connect() as connection:
        plans = [
            [row[-1] for row in connection.exec_driver_sql(f"explain query plan {statement}", values)]
            for statement, values in asked.copy()
            if statement.startswith("SELECT")
        ]
    assert len(plans) == len(PAGES) and results[0] == 100 and max(results[-2:-1]) == 1
    for page, plan in zip(PAGES, plans, strict=True):
        scans = [step for step in plan if step.startswith("SCAN catalogue")]
        assert all("COVERING INDEX ix_catalogue_studies_newest" in step for step in scans), (page, plan)


@pytest.mark.parametrize("level", ["STUDY", "SERIES", "IMAGE"])
def test_a_page_is_ended_early(ledger, level):
    """The page's keys come in the order of an index: nothing is sorted that is not shown."""
    fill(ledger.database, 50)
    asked = []
    event.listen(ledger.database.engine, "before_cursor_execute", lambda *args: asked.append(args[2:4]))
    ledger.catalogue.search(Query(level, {}, limit=10))
    with ledger.database.engine.connect() as connection:
        (found,) = (each for each in asked.copy() if each[0].startswith("SELECT"))
        plan = [row[-1] for row in connection.exec_driver_sql(f"explain query plan {found[0]}", found[1])]
    whole = [place for place, step in enumerate(plan) if step == "USE TEMP B-TREE FOR ORDER BY"]
    assert whole == [len(plan) - 1], plan  # of the page's own rows, at the end; within one study is another matter
