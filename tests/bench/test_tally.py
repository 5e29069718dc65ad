"""The acceptance run's own judgement: what it must call a miss, it does."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from tests.bench.acceptance import quantile
from tests.bench.load import Film
from tests.bench.phi import found
from tests.bench.tally import GSPS_CLASS, tally
from tests.support.peers.orthanc import Held

SR_CLASS = "1.2.840.10008.5.1.4.1.1.88.34"
CHEST = Film("chest.dcm", "2.25.1", "2.25.10", True, ("ZZNAME",))
HAND = Film("hand.dcm", "2.25.2", "2.25.20", False, ())


def study(film: Film, state: str, instance_state: str, reason: str) -> dict[str, Any]:
    instance = {"sop_uid": film.sop_uid, "state": instance_state, "reason": reason}
    return {"study_uid": film.study_uid, "state": state, "reason": reason, "instances": [instance]}


def held(kind: str, number: int, film: Film = CHEST) -> Held:
    return Held(str(number), kind, f"2.25.{number}", film.study_uid, frozenset({film.sop_uid}))


STUDIES = {"chest": study(CHEST, "DELIVERED", "DONE", ""), "hand": study(HAND, "SET_ASIDE", "SET_ASIDE", "a hand")}
HELD = (held(SR_CLASS, 100), held(GSPS_CLASS, 101))


def misses(studies: Mapping[str, dict[str, Any]], objects: tuple[Held, ...]) -> list[str]:
    return tally([CHEST, HAND], studies.values(), objects).misses


def test_a_run_as_it_must_be_has_no_miss() -> None:
    result = tally([CHEST, HAND], STUDIES.values(), HELD)
    assert result.misses == []
    assert result.counts["SR in Orthanc"] == result.counts["GSPS in Orthanc"] == 1
    assert result.reasons == {"SET_ASIDE: a hand": 1}


@pytest.mark.parametrize(
    ("objects", "word"),
    [
        (HELD[:1], "1 SR and 0 GSPS"),
        (HELD[1:], "0 SR and 1 GSPS"),
        ((*HELD, held(SR_CLASS, 102)), "2 SR and 1 GSPS"),
        ((*HELD, held(GSPS_CLASS, 101)), "more than once"),
        ((*HELD, held(SR_CLASS, 103, HAND)), "yet 1 SR"),
        ((*HELD, held("1.2.3", 104)), "neither SR nor GSPS"),
        ((*HELD, held(SR_CLASS, 105, Film("?", "2.25.3", "2.25.30", True, ()))), "not sent"),
    ],
)
def test_a_result_too_few_or_too_many_is_a_miss(objects: tuple[Held, ...], word: str) -> None:
    assert any(word in miss for miss in misses(STUDIES, objects))


@pytest.mark.parametrize(
    ("change", "word"),
    [
        (lambda: {"chest": STUDIES["chest"]}, "not in `thoraxd studies`"),
        (lambda: STUDIES | {"hand": study(HAND, "SET_ASIDE", "SET_ASIDE", "")}, "without a reason"),
        (lambda: STUDIES | {"hand": study(HAND, "DELIVERED", "DONE", "")}, "not a frontal human chest"),
        (lambda: STUDIES | {"chest": study(CHEST, "SET_ASIDE", "SET_ASIDE", "a hand")}, "is a frontal human chest"),
        (lambda: STUDIES | {"chest": study(CHEST, "FAILED", "DONE", "pacs: no answer")}, "pacs: no answer"),
    ],
)
def test_a_film_that_is_lost_or_wrongly_judged_is_a_miss(
    change: Callable[[], dict[str, dict[str, Any]]], word: str
) -> None:
    assert any(word in miss for miss in misses(change(), HELD))


def test_a_film_that_could_not_be_read_must_have_an_sr_that_says_so() -> None:
    unread = STUDIES | {"hand": study(HAND, "FAILED", "FAILED", "no pixels")}
    assert misses(unread, (*HELD, held(SR_CLASS, 106, HAND))) == []
    assert any("0 SR and 0 GSPS in Orthanc, due are 1 and 0" in miss for miss in misses(unread, HELD))


def test_the_search_for_identifiers_finds_names_and_dates_but_not_parts_of_uids() -> None:
    identifiers = {"ZZNAME", "19401231", "ZZ.D+1"}
    assert found("stored zzname", identifiers) == ["ZZNAME"]
    assert found('"instance": "2.25.5194012317"', identifiers) == []
    assert found("born 19401231.", identifiers | {"x"}) == []
    assert found('"19401231", ZZ.D+1', identifiers) == ["19401231", "ZZ.D+1"]


def test_quantiles_are_values_that_were_measured() -> None:
    assert quantile([3.0, 1.0, 2.0, 4.0], 0.5) == 2.0
    assert quantile([float(n) for n in range(1, 21)], 0.95) == 19.0
    assert quantile([7.0], 0.95) == 7.0
