"""docs/conformance.md and docs/query-retrieve.md say what the code's tables say."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from daemon.core.catalogue import ATTRIBUTES, LEVELS
from daemon.core.commitment import OUR_FAILURE_REASONS
from daemon.core.query import searchable
from daemon.dimse import commitment, contexts, query_scp, retrieve_responses, status
from daemon.dimse.identifier import PATIENT_KEYS
from tests.support.conform import drawn
from tests.support.reports import make_image, make_request
from worker.encode import WRITERS, encode
from worker.encode.profiles import PROFILES

DOCS = Path(__file__).parents[2] / "docs"
DOCUMENT = "".join((DOCS / name).read_text(encoding="utf-8") for name in ("conformance.md", "query-retrieve.md"))


def rows(table: str) -> list[tuple[str, ...]]:
    body = re.search(rf"<!-- table: {table} -->\n\|.*\n\|[-|]+\n((?:\|.*\n)+)", DOCUMENT)
    assert body, f"there is no table {table}"
    return [tuple(cell.strip() for cell in line.strip("|\n").split("|")) for line in body[1].splitlines()]


@pytest.mark.parametrize(
    "table, code",
    [
        ("storage-scp", contexts.STORAGE_SCP),
        ("transfer-syntaxes-scp", contexts.TRANSFER_SYNTAXES_SCP),
        ("storage-scu", contexts.STORAGE_SCU),
        ("transfer-syntaxes-scu", contexts.TRANSFER_SYNTAXES_SCU),
        ("commitment-transfer-syntaxes", contexts.TRANSFER_SYNTAXES_SCU),
        ("query-retrieve-scp", contexts.QUERY_RETRIEVE_SCP),
        ("query-retrieve-scu", contexts.QUERY_RETRIEVE_SCU),
    ],
)
def test_the_document_lists_exactly_what_the_code_negotiates(table, code):
    assert [row[:2] for row in rows(table)] == [(item.name, str(item.uid)) for item in code]


def test_the_document_lists_every_status_that_we_answer():
    answered = {status.SUCCESS, status.PROCESSING_FAILURE, *status.STATUS.values()}
    assert {row[0] for row in rows("statuses")} == {f"{code:04X}" for code in answered}


def test_the_document_names_the_storage_commitment_sop_class():
    assert f"{contexts.STORAGE_COMMITMENT.name} SOP Class {contexts.STORAGE_COMMITMENT.uid}" in DOCUMENT


@pytest.mark.parametrize(
    "table, codes", [("find-statuses", query_scp.STATUSES), ("retrieve-statuses", retrieve_responses.STATUSES)]
)
def test_the_document_lists_every_word_of_ours_on_query_and_retrieve(table, codes):
    assert {row[0] for row in rows(table)} == {f"{code:04X}" for code in codes}


def test_the_document_lists_every_key_of_a_query():
    told = {level: (matched.split(", "), returned) for level, matched, returned in rows("query-keys")}
    assert set(told["PATIENT"][0]) == PATIENT_KEYS
    for level in LEVELS:
        own = [name for name, attribute in ATTRIBUTES.items() if attribute.level == level]
        matched = [name for name in own if name in searchable(level)]
        only_returned = ", ".join(name for name in own if name not in matched) or "-"
        assert told[level] == (matched, only_returned)


@pytest.mark.parametrize(
    "table, codes",
    [
        ("commitment-result-statuses", commitment.RESULT_STATUSES),
        ("commitment-request-statuses", commitment.REQUEST_STATUSES),
        ("failure-reasons", OUR_FAILURE_REASONS),
    ],
)
def test_the_document_lists_every_word_of_ours_on_storage_commitment(table, codes):
    assert {row[0] for row in rows(table)} == {f"{code:04X}" for code in codes}


def test_the_document_lists_every_form_with_its_sop_class():
    image = drawn(make_image((50.25, 60.5, 120.75, 140.125)))
    made = {}
    for kind in WRITERS:
        for profile in PROFILES if kind == "sr" else ("",):
            (object_,) = encode(make_request(image), kind, profile or "air")
            made[f"`{kind}`", f"`{profile}`" if profile else ""] = object_.dataset.SOPClassUID

    assert {row[:2]: (row[2], row[3]) for row in rows("outputs")} == {
        form: (uid.name, str(uid)) for form, uid in made.items()
    }
