"""Order messages read and acknowledged: what they say of urgency and of which study, and why one is not taken."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import hl7
import pytest

from daemon.core.hl7 import Message, parse
from daemon.core.orders import Order, urgency_of
from daemon.hl7.orders import order_message
from daemon.hl7.receive import Receive
from daemon.hl7.refusal import Refused
from daemon.sections import Hl7Settings
from daemon.store import migrate
from daemon.store.database import Database
from daemon.store.ledger import Ledger
from tests.support.messages import omi, orm


@pytest.fixture(scope="module")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ledger]:
    database = Database(f"sqlite:///{tmp_path_factory.mktemp('orders') / 'ledger.sqlite'}")
    migrate.upgrade(database.engine)
    yield Ledger(database)
    database.close()


def orders(message: str) -> tuple[Order, ...]:
    return order_message(parse(message), message.encode()).orders


def answered(ledger: Ledger, message: str | bytes, **settings: object) -> Message:
    content = message if isinstance(message, bytes) else message.encode()
    return parse(Receive(Hl7Settings(**settings), ledger, lambda: 2e9)(content).decode())


def refusal(ledger: Ledger, message: str | bytes, **settings: object) -> tuple[str, str, str]:
    """(MSA-1, ERR-3, ERR-2)."""
    answer = answered(ledger, message, **settings)
    error = answer.first("ERR")
    return answer.first("MSA").text(1), error.text(3), error.field(2)


def test_an_omi_says_which_study_and_how_urgent() -> None:
    assert orders(omi(priority="S")) == (Order("P1", "F1", "A1", "1.2.3", "T-1", "STAT", "NW"),)


def test_an_orm_says_the_same_in_other_fields() -> None:
    assert orders(orm({"priority": "A"})) == (Order("P1", "F1", "A1", "1.2.3", "T-1", "HIGH", "NW"),)


def test_an_omg_is_read_like_them() -> None:
    message = omi(f9="OMG^O19^OMG_O19").replace("IPC|A1^RIS|RP1|1.2.3|SPS1\r", "")

    assert orders(message) == (Order("P1", "F1", "F1", "", "T-1", "STAT", "NW"),)


def test_of_several_orders_each_is_read_and_the_study_at_the_end_is_of_all() -> None:
    told = orders(orm({"placer": "P1"}, {"placer": "P2", "accession": "A2", "priority": "R"}))

    assert [(o.placer_number, o.accession_number, o.urgency, o.study_uid) for o in told] == [
        ("P1", "A1", "HIGH", "1.2.3"),
        ("P2", "A2", "LOW", "1.2.3"),
    ]


def test_an_order_of_two_studies_is_two() -> None:
    message = omi() + "IPC|A2^RIS|RP2|1.2.4|SPS2\r"

    assert [(o.accession_number, o.study_uid) for o in orders(message)] == [("A1", "1.2.3"), ("A2", "1.2.4")]


@pytest.mark.parametrize(
    "code, urgency",
    [
        *(("S", "STAT"), ("stat", "STAT"), ("A", "HIGH"), ("P", "HIGH"), ("T", "HIGH"), ("TM30", "HIGH")),
        *(("C", "MEDIUM"), ("R", "LOW"), ("PRN", "LOW"), ("", None), ("whenever", None)),
    ],
)
def test_priorities_are_those_of_table_0485(code: str, urgency: str | None) -> None:
    assert urgency_of([code]) == urgency


def test_of_several_priorities_the_most_urgent_counts() -> None:
    message = omi(priority="R").replace("36643-5^XR Chest 2 Views^LN", "36643-5^XR Chest 2 Views^LN|S")

    assert orders(message)[0].urgency == "STAT"


def test_an_order_that_has_ended_by_its_status_is_cancelled() -> None:
    message = omi(control="SC").replace("F1^RIS\rTQ1", "F1^RIS||CA\rTQ1")

    assert orders(message)[0].control == "CA"


def test_hl7s_null_says_nothing() -> None:
    assert orders(omi(accession='""', priority='""'))[0].urgency is None


@pytest.mark.parametrize(
    "message, code, error, where",
    [
        (omi(f9="ADT^A01"), "AR", "200", "MSH^1^9"),
        (omi(f9="ORM^O02"), "AR", "201", "MSH^1^9"),
        (omi(f12="3.0"), "AR", "203", "MSH^1^12"),
        (omi(f11="T"), "AR", "202", "MSH^1^11"),
        (omi(control_id=""), "AE", "101", "MSH^1^10"),
        (omi(at=""), "AE", "101", "MSH^1^7"),
        (omi(at="yesterday"), "AE", "102", "MSH^1^7"),
        (omi(control=""), "AE", "101", "ORC^1^1"),
        (omi(control="ZZ"), "AE", "103", "ORC^1^1"),
        (omi(placer="", filler="", accession="", study_uid=""), "AE", "101", "ORC^1^2"),
        (omi(study_uid="1.2.x"), "AE", "102", "IPC^1^3"),
        (omi(study_uid="1." * 40 + "1"), "AE", "102", "IPC^1^3"),
        (omi(placer="P" * 200), "AE", "102", "ORC^1^2"),
        (omi(placer="P\\X00\\"), "AE", "102", "ORC^1^2"),
        (omi().replace("ORC|", "NTE|"), "AE", "100", "ORC^1"),
        (omi() + omi(), "AE", "100", "MSH^1"),
        (omi() + "ORC|NW|P2\r" * 100, "AE", "100", "ORC^1"),
        (omi() + "IPC|A2||1.2.4\r" * 100, "AE", "100", "ORC^1"),
        (omi(f18="EBCDIC"), "AE", "103", "MSH^1^18"),
        (omi(f18="UNICODE UTF-8").encode() + b"NTE|1||\xff\r", "AE", "102", "MSH^1^18"),
        ("FHS|^~\\&|RIS\rBHS|^~\\&|RIS\r" + omi(), "AR", "200", "FHS^1"),
        ("BHS|^~\\&|RIS\r" + omi(), "AR", "200", "BHS^1"),
        ("hello", "AE", "100", "MSH^1"),
        ("", "AE", "100", "MSH^1"),
    ],
)
def test_what_cannot_be_taken_is_refused_with_a_code_and_its_place(
    ledger: Ledger, message: str | bytes, code: str, error: str, where: str
) -> None:
    before = ledger.orders.newest(10)

    assert refusal(ledger, message) == (code, error, where)
    assert ledger.orders.newest(10) == before


def test_of_several_orders_one_that_is_wrong_refuses_all(ledger: Ledger) -> None:
    message = orm({"placer": "P8"}, {"placer": "P9", "control": "??"}, control_id="wrong")
    before = ledger.orders.newest(10)

    assert answered(ledger, message).first("MSA").text(1) == "AE" and ledger.orders.newest(10) == before


def test_before_version_2_5_the_error_stands_in_its_first_field(ledger: Ledger) -> None:
    error = answered(ledger, orm({"control": ""})).first("ERR")

    assert error.field(1) == "ORC^1^1^101&Required field missing&HL70357"


def test_a_sender_that_is_not_named_is_refused(ledger: Ledger) -> None:
    assert refusal(ledger, omi(), allowed_senders=("HIS",)) == ("AE", "103", "MSH^1^3")
    assert answered(ledger, omi(), allowed_senders=("HIS", "RIS")).first("MSA").text(1) == "AA"


def test_an_acknowledgement_names_the_message_and_goes_back_where_it_came_from(ledger: Ledger) -> None:
    answer = answered(ledger, omi(control_id="M-77", f5="THORAXD", f6="H2", f18="UNICODE UTF-8"))

    header = answer.header
    assert [header.text(n) for n in (3, 4, 5, 6, 11, 12, 18)] == [
        *("THORAXD", "H2", "RIS", "H", "P", "2.5.1", "UNICODE UTF-8")
    ]
    assert header.repetitions(9)[0] == ["ACK", "O23", "ACK"]
    assert (answer.first("MSA").text(1), answer.first("MSA").text(2)) == ("AA", "M-77")
    assert len(header.text(10)) == 20


@pytest.mark.parametrize(
    "accept, application, code",
    [("", "", "AA"), ("AL", "NE", "CA"), ("AL", "AL", "AA"), ("NE", "AL", "AA"), ("ER", "NE", "CA")],
)
def test_a_sender_that_asks_for_commit_alone_gets_that(
    ledger: Ledger, accept: str, application: str, code: str
) -> None:
    assert answered(ledger, omi(f15=accept, f16=application)).first("MSA").text(1) == code


def test_the_library_reads_every_answer(ledger: Ledger) -> None:
    for message in (omi(), omi(f9="ADT^A01"), "hello", omi(f3="Müller|", f18="8859/1").encode("latin-1")):
        content = message if isinstance(message, bytes) else message.encode()
        answer = hl7.parse(Receive(Hl7Settings(), ledger, lambda: 2e9)(content), encoding="latin-1")
        assert str(answer["MSA.F1"])[0] == "A"


def test_while_the_ledger_does_not_answer_nothing_is_acknowledged(tmp_path: Path) -> None:
    empty = Ledger(Database(f"sqlite:///{tmp_path / 'without-tables.sqlite'}"))

    assert refusal(empty, omi()) == ("AR", "207", "")
    empty.close()


def test_whatever_the_bytes_there_is_an_answer_and_no_error_of_ours(ledger: Ledger) -> None:
    dice = random.Random(7)
    pieces = [b"|", b"^", b"~", b"\\", b"&", b"\r", b"ORC", b"MSH", b"\x00", b"\xff", b"9" * 300, b"", b"TQ1|1"]
    for round_ in range(300):
        content = (omi if round_ % 2 else orm)(control_id=f"fuzz {round_}").encode()
        for _ in range(dice.randint(1, 6)):
            place = dice.randrange(len(content))
            content = content[:place] + dice.choice(pieces) + content[place + dice.randint(0, 9) :]
        answer = answered(ledger, content)
        assert answer.first("MSA").text(1) in ("AA", "AE", "AR")
        assert not any("207" in each for each in answer.first("ERR").fields)


def test_no_message_can_say_what_is_not_understood() -> None:
    with pytest.raises(Refused) as refused:
        orders(omi(control="a patient's name"))

    assert "patient" not in str(refused.value)
