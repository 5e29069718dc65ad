"""docs/hl7.md says what the code's tables say."""

from __future__ import annotations

import re
from pathlib import Path

from daemon.core.hl7 import CHARSETS
from daemon.core.orders import urgency_of
from daemon.hl7.answers import ANSWERS
from daemon.hl7.refusal import MEANINGS, Refused
from tests.support.conform import BOX, film
from tests.support.messages import oru, read
from tests.support.reports import make_request

DOCUMENT = (Path(__file__).parents[3] / "docs" / "hl7.md").read_text(encoding="utf-8")


def rows(table: str) -> list[tuple[str, ...]]:
    body = re.search(rf"<!-- table: {table} -->\n\|.*\n\|[-|]+\n((?:\|.*\n)+)", DOCUMENT)
    assert body, f"docs/hl7.md has no table {table}"
    return [tuple(cell.strip() for cell in line.strip("|\n").split("|")) for line in body[1].splitlines()]


def test_it_lists_every_observation_of_a_result() -> None:
    two = make_request(film(BOX, study_uid="1.2.3"), film(study_uid="1.2.3"))
    made = dict.fromkeys(
        (f"{obx.text(3)}^{obx.text(3, 3)}", obx.text(3, 2), obx.field(2)) for obx in read(oru(two)).named("OBX")
    )

    assert {row[:3] for row in rows("observations")} == set(made)


def test_it_lists_every_acknowledgement_that_we_understand() -> None:
    assert [row[0] for row in rows("answers")] == list(ANSWERS)


def test_it_lists_every_error_that_we_answer() -> None:
    assert [row[:2] for row in rows("errors")] == [(error, Refused(error).code) for error in MEANINGS]


def test_it_lists_every_character_set() -> None:
    assert [row[0] for row in rows("charsets")] == list(CHARSETS)


def test_it_says_what_each_priority_means() -> None:
    for codes, urgency in rows("urgencies"):
        for code in codes.split(", "):
            assert urgency_of([code.replace("T and a unit and a number", "TM30")]) == urgency
