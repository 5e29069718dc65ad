"""docs/conformance.md says what the code's tables say."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from daemon.core.commitment import OUR_FAILURE_REASONS
from daemon.dimse import commitment, contexts, status

DOCUMENT = (Path(__file__).parents[2] / "docs" / "conformance.md").read_text(encoding="utf-8")


def rows(table: str) -> list[tuple[str, ...]]:
    body = re.search(rf"<!-- table: {table} -->\n\|.*\n\|[-|]+\n((?:\|.*\n)+)", DOCUMENT)
    assert body, f"docs/conformance.md has no table {table}"
    return [tuple(cell.strip() for cell in line.strip("|\n").split("|")) for line in body[1].splitlines()]


@pytest.mark.parametrize(
    "table, code",
    [
        ("storage-scp", contexts.STORAGE_SCP),
        ("transfer-syntaxes-scp", contexts.TRANSFER_SYNTAXES_SCP),
        ("storage-scu", contexts.STORAGE_SCU),
        ("transfer-syntaxes-scu", contexts.TRANSFER_SYNTAXES_SCU),
        ("commitment-transfer-syntaxes", contexts.TRANSFER_SYNTAXES_SCU),
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
    "table, codes",
    [
        ("commitment-result-statuses", commitment.RESULT_STATUSES),
        ("commitment-request-statuses", commitment.REQUEST_STATUSES),
        ("failure-reasons", OUR_FAILURE_REASONS),
    ],
)
def test_the_document_lists_every_word_of_ours_on_storage_commitment(table, codes):
    assert {row[0] for row in rows(table)} == {f"{code:04X}" for code in codes}
