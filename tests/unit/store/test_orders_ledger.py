"""Orders in the ledger: the newest message counts, a repetition changes nothing, and the studies hear of it."""

from __future__ import annotations

import hashlib

import pytest
from sqlalchemy import select

from daemon.core.orders import Order, OrderMessage
from daemon.store.ledger import Ledger
from daemon.store.orders import REMEMBERED_S
from daemon.store.schema import StudyRow
from daemon.store.schema_catalogue import CatalogueStudyRow
from daemon.store.schema_orders import OrderRow
from tests.support.ledgers import instance

NOW = 10_000.0


def order(placer="P1", filler="F1", accession="A1", study="1.2", patient="T-1", urgency="STAT", control="NW"):
    return Order(placer, filler, accession, study, patient, urgency, control)


def tell(ledger: Ledger, *orders: Order, at: float = 100.0, control_id: str = "", now: float = NOW, sender="RIS|H"):
    digest = hashlib.sha256(f"{orders} {at}".encode()).hexdigest()
    message = OrderMessage(sender, control_id or f"M{at}", at, digest, orders)
    return ledger.orders.record(message, now)


def study(ledger: Ledger, uid: str = "1.2", accession: str = "A1", patient: str = "T-1") -> None:
    ledger.intake.record(instance(f"{uid}.1", uid), NOW)
    with ledger.database.write() as session:
        row = session.get_one(CatalogueStudyRow, uid)
        row.accession_number, row.patient_id = accession, patient
        session.get_one(StudyRow, uid).awaits_place = False


def waiting(ledger: Ledger) -> list[str]:
    with ledger.database.read() as session:
        return sorted(session.scalars(select(StudyRow.study_uid).where(StudyRow.awaits_place)))


def rows(ledger: Ledger) -> list[OrderRow]:
    with ledger.database.read() as session:
        return list(session.scalars(select(OrderRow).order_by(OrderRow.id)))


def test_an_order_before_its_study_is_found_when_the_study_comes(ledger):
    assert tell(ledger, order()) == 0
    study(ledger)

    assert ledger.orders.urgency_of("1.2") == "STAT"


def test_an_order_after_its_study_has_its_place_decided_anew(ledger):
    study(ledger)
    study(ledger, "1.3", "A3")

    assert tell(ledger, order()) == 1
    assert waiting(ledger) == ["1.2"] and ledger.orders.urgency_of("1.2") == "STAT"
    assert ledger.orders.urgency_of("1.3") is None


def test_an_order_without_the_studys_uid_is_found_by_its_accession_number(ledger):
    study(ledger)

    assert tell(ledger, order(study="")) == 1
    assert waiting(ledger) == ["1.2"] and ledger.orders.urgency_of("1.2") == "STAT"


def test_an_order_that_names_the_study_counts_before_one_of_its_accession_number(ledger):
    study(ledger)
    tell(ledger, order("P1", study="1.2", urgency="LOW"))
    tell(ledger, order("P2", "F2", study="", urgency="STAT"), at=101.0)

    assert ledger.orders.urgency_of("1.2") == "LOW"


def test_the_same_accession_number_of_another_patient_is_not_used(ledger):
    study(ledger, patient="T-1")
    tell(ledger, order(study="", patient="T-2"))

    assert ledger.orders.urgency_of("1.2") is None


@pytest.mark.parametrize("of_order, of_study", [("", "T-1"), ("T-1", "")])
def test_where_one_names_no_patient_the_accession_number_is_enough(ledger, of_order, of_study):
    study(ledger, patient=of_study)
    tell(ledger, order(study="", patient=of_order))

    assert ledger.orders.urgency_of("1.2") == "STAT"


def test_no_accession_number_links_nothing(ledger):
    study(ledger, accession="")
    tell(ledger, order(accession="", study=""))

    assert ledger.orders.urgency_of("1.2") is None


def test_the_newest_message_counts_whatever_the_order_of_arrival(ledger):
    study(ledger)
    tell(ledger, order(urgency="STAT"), at=200.0)
    tell(ledger, order(urgency="LOW"), at=100.0)
    assert ledger.orders.urgency_of("1.2") == "STAT"

    tell(ledger, order(urgency="MEDIUM", control="XO"), at=200.0, control_id="later")
    assert ledger.orders.urgency_of("1.2") == "MEDIUM" and len(rows(ledger)) == 1


def test_a_repetition_changes_nothing_even_after_a_change_within_the_same_second(ledger):
    study(ledger)
    tell(ledger, order(urgency="STAT"), control_id="M1")
    tell(ledger, order(urgency="LOW", control="XO"), control_id="M2")

    assert tell(ledger, order(urgency="STAT"), control_id="M1") is None
    assert ledger.orders.urgency_of("1.2") == "LOW"


def test_a_sender_that_counts_from_one_again_is_heard(ledger):
    tell(ledger, order("P1", study="1.2"), control_id="1")

    assert tell(ledger, order("P2", "F2", "A2", "1.3"), control_id="1") == 0
    assert len(rows(ledger)) == 2


def test_a_repetition_is_known_for_a_while_and_not_for_ever(ledger):
    tell(ledger, order(), control_id="1")
    tell(ledger, order(), at=101.0, now=NOW + REMEMBERED_S + 1)

    assert tell(ledger, order(), control_id="1", now=NOW + REMEMBERED_S + 2) == 0


def test_a_sender_whose_clock_is_ahead_is_heard_again(ledger):
    study(ledger)
    tell(ledger, order(urgency="STAT"), at=9e9, control_id="1")
    tell(ledger, order(urgency="LOW"), at=NOW + 5, control_id="2", now=NOW + 5)

    assert ledger.orders.urgency_of("1.2") == "LOW"


@pytest.mark.parametrize("control", ["CA", "OC", "DC", "OD", "CR", "DR"])
def test_a_cancelled_order_says_nothing_any_more(ledger, control):
    study(ledger)
    tell(ledger, order())

    assert tell(ledger, order(accession="", study="", urgency=None, control=control), at=101.0) == 1
    assert ledger.orders.urgency_of("1.2") is None and len(rows(ledger)) == 1


def test_an_empty_field_of_a_later_message_changes_nothing(ledger):
    study(ledger)
    tell(ledger, order())
    tell(ledger, order(filler="", accession="", study="", urgency=None, control="SC"), at=101.0)

    (row,) = rows(ledger)
    assert (row.filler_number, row.accession_number, row.study_uid, row.urgency) == ("F1", "A1", "1.2", "STAT")


def test_two_studies_of_one_order_are_kept_apart_and_cancelled_together(ledger):
    tell(ledger, order(accession="A1", study="1.2"), order(accession="A2", study="1.3", urgency="LOW"))
    study(ledger, "1.2", "A1")
    study(ledger, "1.3", "A2")
    assert [ledger.orders.urgency_of(uid) for uid in ("1.2", "1.3")] == ["STAT", "LOW"]

    assert tell(ledger, order(accession="", study="", control="CA"), at=101.0) == 2
    assert [ledger.orders.urgency_of(uid) for uid in ("1.2", "1.3")] == [None, None]


def test_the_placers_number_may_come_after_the_fillers(ledger):
    tell(ledger, order(placer="", urgency="LOW"))
    tell(ledger, order(placer="P1", urgency="STAT", control="SC"), at=101.0)

    (row,) = rows(ledger)
    assert (row.placer_number, row.urgency) == ("P1", "STAT")


def test_two_senders_with_the_same_number_are_two_orders(ledger):
    tell(ledger, order(), sender="RIS|H")
    tell(ledger, order(study="1.3", accession="A3"), sender="HIS|H")

    assert len(rows(ledger)) == 2


def test_the_list_of_orders_names_no_patient_and_no_number_of_an_order(ledger):
    study(ledger)
    tell(ledger, order(placer="PLACER", filler="FILLER", accession="A1", patient="SECRET"))

    (told,) = ledger.orders.newest(10)

    assert told["studies"] == ["1.2"] and (told["urgency"], told["control"], told["stands"]) == ("STAT", "NW", True)
    assert not any(word in str(told) for word in ("PLACER", "FILLER", "SECRET", "A1"))
