"""The worklist over both protocols: PS3.4 Annex CC by pynetdicom, PS3.18 chapter 11 by httpx, on one work item."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from itertools import cycle

import httpx
import pytest
from pydicom.uid import generate_uid

from daemon.web.ups_keys import IGNORED, NOT_FUZZY
from tests.integration.conftest import NOBODY
from tests.support.peers.ups import PULL, QUERY, WATCH, UpsRs, UpsScu
from tests.support.system import Thoraxd
from tests.support.work_items import change, code, item, new_work_item, performed

LOCK, OTHER = "1.2.3.99", "1.2.3.98"

# What is illegal in each state, and what it is answered with: PS3.4 tables CC.1.1-2 and CC.2.6-1.
CLAIM, COMPLETE, CANCEL, AGAIN = "IN PROGRESS", "COMPLETED", "CANCELED", "SCHEDULED"
ILLEGAL = {
    "SCHEDULED": [
        (CLAIM, "", "C301"),
        (AGAIN, LOCK, "C303"),
        (COMPLETE, LOCK, "C310"),
        (COMPLETE, "", "C301"),
        (CANCEL, LOCK, "C310"),
        (CANCEL, "", "C301"),
        ("set", LOCK, "C310"),
        ("create", "", "0111"),
    ],
    "IN PROGRESS": [
        (CLAIM, LOCK, "C302"),
        (CLAIM, OTHER, "C301"),
        (CLAIM, "", "C301"),
        (AGAIN, LOCK, "C303"),
        (COMPLETE, LOCK, "C304"),
        (COMPLETE, OTHER, "C301"),
        (CANCEL, OTHER, "C301"),
        (CANCEL, "", "C301"),
        ("set", OTHER, "C301"),
        ("set", "", "C301"),
        ("request", "", "C312"),
        ("create", "", "0111"),
    ],
    "COMPLETED": [
        (CLAIM, LOCK, "C300"),
        (CLAIM, OTHER, "C301"),
        (AGAIN, LOCK, "C303"),
        (COMPLETE, LOCK, "B306"),
        (COMPLETE, OTHER, "C301"),
        (CANCEL, LOCK, "C300"),
        (CANCEL, OTHER, "C301"),
        ("set", LOCK, "C300"),
        ("request", "", "C311"),
        ("create", "", "0111"),
    ],
    "CANCELED": [
        (CLAIM, LOCK, "C300"),
        (CLAIM, OTHER, "C301"),
        (AGAIN, LOCK, "C303"),
        (COMPLETE, LOCK, "C300"),
        (COMPLETE, OTHER, "C301"),
        (CANCEL, LOCK, "B304"),
        (CANCEL, OTHER, "C301"),
        ("set", LOCK, "C300"),
        ("request", "", "B304"),
        ("create", "", "0111"),
    ],
    None: [
        (CLAIM, LOCK, "C307"),
        (CLAIM, "", "C307"),
        (AGAIN, LOCK, "C307"),
        (COMPLETE, LOCK, "C307"),
        (CANCEL, LOCK, "C307"),
        ("set", LOCK, "C307"),
        ("request", "", "C307"),
    ],
}
# PS3.18 tables 11.4.3-1, 11.6.3-1, 11.7.3-1 and 11.8.3-1; 11.6.2 for C300.
HTTP = {
    "0111": 409, "B304": (200, 202), "B306": 200, "C300": 400, "C301": 400, "C302": 409, "C303": 400, "C304": 409,
    "C307": 404, "C310": 409, "C311": 409, "C312": 409,
}  # fmt: skip


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Thoraxd]:
    with Thoraxd(tmp_path_factory.mktemp("ups"), workers=0, settings={"broker": {"url": NOBODY}}) as running:
        yield running


@pytest.fixture
def scu(system: Thoraxd) -> Iterator[UpsScu]:
    with UpsScu(system.port) as peer:
        yield peer


@pytest.fixture
def rs(system: Thoraxd) -> Iterator[UpsRs]:
    with UpsRs(system.web_port) as peer:
        yield peer


def new_uid() -> str:
    return str(generate_uid(prefix=None))


def ask(peer: UpsScu | UpsRs, ups_uid: str, what: str, lock: str) -> str:
    if what == "set":
        return peer.update(ups_uid, item(ProcedureStepLabel="renamed"), lock)
    if what == "create":
        return peer.create(ups_uid, new_work_item())
    return peer.cancel(ups_uid) if what == "request" else peer.state(ups_uid, change(what, lock))


def refuses_all_that_is_illegal(scu: UpsScu, rs: UpsRs, ups_uid: str, state: str | None) -> None:
    """In both protocols, and nothing comes of it."""
    before = rs.get(ups_uid)
    assert (before.ProcedureStepState if before else None) == state
    for what, lock, expected in ILLEGAL[state]:
        for peer in (scu, rs):
            assert ask(peer, ups_uid, what, lock) == expected, (state, what, lock, peer)
        known = HTTP[expected]
        assert rs.said.status_code in (known if isinstance(known, tuple) else (known,)), (state, what, lock)
    assert rs.get(ups_uid) == before


@pytest.mark.req("UPS-01")
@pytest.mark.parametrize("scu_first", [True, False])
@pytest.mark.parametrize("end", ["COMPLETED", "CANCELED", "request"])
def test_one_work_item_goes_through_every_legal_and_illegal_transition_in_both_protocols(
    scu: UpsScu, rs: UpsRs, end: str, scu_first: bool
) -> None:
    ups_uid, turns = new_uid(), cycle([scu, rs] if scu_first else [rs, scu])
    refuses_all_that_is_illegal(scu, rs, ups_uid, None)
    assert next(turns).create(ups_uid, new_work_item()) == "ok"
    refuses_all_that_is_illegal(scu, rs, ups_uid, "SCHEDULED")
    assert next(turns).update(ups_uid, item(ProcedureStepLabel="renamed")) == "ok"
    if end == "request":
        assert next(turns).cancel(ups_uid, item(ReasonForCancellation="not needed")) == "ok"
    else:
        assert next(turns).state(ups_uid, change("IN PROGRESS", LOCK)) == "ok"
        refuses_all_that_is_illegal(scu, rs, ups_uid, "IN PROGRESS")
        assert next(turns).update(ups_uid, performed(), LOCK) == "ok"
        assert next(turns).state(ups_uid, change(end, LOCK)) == "ok"
    final = "CANCELED" if end == "request" else end
    if end == "request":  # nobody ever held it: every Transaction UID is the wrong one
        assert (scu.state(ups_uid, change(final, LOCK)), rs.cancel(ups_uid)) == ("C301", "B304")
    else:
        refuses_all_that_is_illegal(scu, rs, ups_uid, final)
    told = rs.get(ups_uid)
    assert told is not None and told == scu.get(ups_uid)
    assert told.ProcedureStepState == final and told.ProcedureStepLabel == "renamed"
    assert "TransactionUID" not in told


def test_of_twenty_that_claim_at_once_one_wins(system: Thoraxd, scu: UpsScu) -> None:
    ups_uid, together = new_uid(), threading.Barrier(20)
    scu.create(ups_uid, new_work_item())
    answers: list[str] = []

    def claim(number: int) -> None:
        with UpsScu(system.port) if number % 2 else UpsRs(system.web_port) as peer:
            together.wait()
            answers.append(peer.state(ups_uid, change("IN PROGRESS", f"1.2.3.{number}")))

    threads = [threading.Thread(target=claim, args=(number,)) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert Counter(answers) == {"ok": 1, "C301": 19}


def test_what_is_created_without_a_uid_gets_one(scu: UpsScu, rs: UpsRs) -> None:
    ups_uid = scu.create_unnamed(new_work_item())
    assert ups_uid.startswith("2.25.") and rs.get(ups_uid) is not None
    assert rs.request("POST", "/workitems", new_work_item()) == "ok"
    assert rs.said.status_code == 201
    assert httpx.get(rs.said.headers["location"]).json()[0]["00741204"]["Value"]


def test_a_uid_in_the_query_may_have_the_name_that_dicomstandard_org_gives_it(rs: UpsRs) -> None:
    ups_uid = new_uid()
    assert rs.request("POST", f"/workitems?AffectedSOPInstanceUID={ups_uid}", new_work_item()) == "ok"
    assert rs.said.headers["location"].endswith(f"/workitems/{ups_uid}")
    assert rs.state(ups_uid, change("IN PROGRESS", LOCK)) == "ok"
    renamed = item(ProcedureStepLabel="renamed")
    assert rs.request("POST", f"/workitems/{ups_uid}?transaction={LOCK}", renamed) == "ok"
    assert rs.request("POST", f"/workitems/{ups_uid}?transaction={new_uid()}", renamed) == "C301"


@pytest.mark.parametrize("protocol", ["scu", "rs"])
def test_creations_that_do_not_hold_are_refused(
    protocol: str, scu: UpsScu, rs: UpsRs, request: pytest.FixtureRequest
) -> None:
    peer = request.getfixturevalue(protocol)
    refused = {
        "0120": new_work_item(ProcedureStepLabel=None),
        "0121": new_work_item(ProcedureStepLabel=""),
        "0106": new_work_item(ScheduledProcedureStepPriority="URGENT"),
        "C309": new_work_item(ProcedureStepState="IN PROGRESS"),
    }
    for expected, ds in refused.items():
        assert peer.create(new_uid(), ds) == expected
    ups_uid = new_uid()
    assert peer.create(ups_uid, new_work_item(EncapsulatedDocument=b"%PDF")) == "B300"
    assert peer.update(ups_uid, item(EncapsulatedDocument=b"%PDF")) == "0001"
    assert peer.update(ups_uid, item(PatientName="Other^Name")) == "0106"


def test_names_in_any_character_set_come_back_as_they_were(scu: UpsScu, rs: UpsRs) -> None:
    ups_uid, name = new_uid(), "Müller^Jürgen=山田^太郎"
    ds = new_work_item(PatientName=name)
    ds.SpecificCharacterSet = "ISO_IR 192"
    assert scu.create(ups_uid, ds) == "ok"
    told = scu.get(ups_uid)
    assert told is not None and told.SpecificCharacterSet == "ISO_IR 192" and str(told.PatientName) == name
    assert str(rs.get(ups_uid).PatientName) == name  # type: ignore[union-attr]
    found = scu.find(item(SOPInstanceUID=ups_uid, PatientName="MULLER^*"))[1]
    assert [str(each.PatientName) for each in found] == [name]


def test_n_get_gives_what_is_asked_for_and_never_the_lock(scu: UpsScu) -> None:
    ups_uid = new_uid()
    scu.create(ups_uid, new_work_item())
    scu.state(ups_uid, change("IN PROGRESS", LOCK))
    told = scu.get(ups_uid, 0x00741000, 0x00081195)
    assert told is not None and [element.keyword for element in told] == ["ProcedureStepState"]
    assert scu.get(new_uid()) is None


@pytest.fixture(scope="module")
def stocked(system: Thoraxd) -> str:
    """A Worklist Label under which three work items stand."""
    with UpsScu(system.port) as scu:
        for number, (priority, day) in enumerate([("LOW", "03"), ("HIGH", "01"), ("MEDIUM", "02")]):
            ds = new_work_item(
                WorklistLabel="search-me",
                ScheduledProcedureStepPriority=priority,
                ScheduledProcedureStepStartDateTime=f"202605{day}120000+0000",
                ExpectedCompletionDateTime=f"202605{day}130000+0000",
                PatientID=f"S-{number}",
                ScheduledStationNameCodeSequence=[code(f"ROOM{number}", "room", "99TEST")],
            )
            assert scu.create(new_uid(), ds) == "ok"
    return "search-me"


SEARCHES = [
    ({}, ["S-1", "S-2", "S-0"]),
    ({"ScheduledProcedureStepPriority": "HIGH"}, ["S-1"]),
    ({"PatientID": "S-?"}, ["S-1", "S-2", "S-0"]),
    ({"PatientID": "S-2"}, ["S-2"]),
    ({"ExpectedCompletionDateTime": "20260502-20260503"}, ["S-2", "S-0"]),
    ({"ScheduledProcedureStepStartDateTime": "-20260501"}, ["S-1"]),
    ({"ScheduledProcedureStepStartDateTime": "20260503120000+0000-"}, ["S-0"]),
    ({"ProcedureStepState": "IN PROGRESS"}, []),
    ({"PatientName": "ups^t*"}, ["S-1", "S-2", "S-0"]),
    ({"ScheduledStationNameCodeSequence.CodeValue": "ROOM2"}, ["S-2"]),
    ({"StudyInstanceUID": "1.2.3.4,1.2.9"}, ["S-1", "S-2", "S-0"]),
]


@pytest.mark.parametrize(("keys", "expected"), SEARCHES)
def test_both_protocols_find_the_same(
    scu: UpsScu, rs: UpsRs, stocked: str, keys: dict[str, str], expected: list[str]
) -> None:
    identifier = item(WorklistLabel=stocked, PatientID="")
    for name, value in keys.items():
        sequence, _, keyword = name.rpartition(".")
        text = value.replace(",", "\\")
        setattr(identifier, sequence or keyword, [item(**{keyword: text})] if sequence else text)
    for sop_class in (PULL, WATCH, QUERY):
        status, found = scu.find(identifier, sop_class)
        assert (status, [ds.PatientID for ds in found]) == ("ok", expected)
    assert [ds.PatientID for ds in rs.search(WorklistLabel=stocked, **keys)] == expected
    assert rs.said.status_code == (200 if expected else 204)


def test_a_search_result_holds_what_was_asked_for_and_in_rs_what_the_standard_always_returns(
    scu: UpsScu, rs: UpsRs, stocked: str
) -> None:
    _, (found, *_) = scu.find(item(WorklistLabel=stocked, SOPInstanceUID="", ContactURI=""))
    assert {element.keyword for element in found} == {"WorklistLabel", "SOPInstanceUID", "ContactURI"}
    (told,) = rs.search(WorklistLabel=stocked, limit="1", offset="1")
    assert rs.said.status_code == 206
    assert {"SOPClassUID", "SOPInstanceUID", "ProcedureStepState", "PatientName"} <= {e.keyword for e in told}
    assert "ExpectedCompletionDateTime" not in told
    assert "ExpectedCompletionDateTime" in rs.search(WorklistLabel=stocked, includefield="00404011")[0]


def test_what_a_search_does_not_know_is_ignored_and_said(scu: UpsScu, rs: UpsRs) -> None:
    ups_uid = new_uid()
    scu.create(ups_uid, new_work_item())
    (found,) = rs.search(SOPInstanceUID=ups_uid, fuzzymatching="true", NoSuchKeyword="Smith", includefield="Nothing")
    assert found.SOPInstanceUID == ups_uid
    assert rs.said.headers.get_list("warning") == [f"299 thoraxd: {text}" for text in (NOT_FUZZY, IGNORED)]
    rs.search(SOPInstanceUID=ups_uid, fuzzymatching="false", accept="application/json")
    assert "warning" not in rs.said.headers


def test_what_is_no_request_of_the_standard_is_refused(scu: UpsScu, rs: UpsRs) -> None:
    ups_uid = new_uid()
    scu.create(ups_uid, new_work_item())
    assert scu.action(ups_uid, 9, item(ReceivingAE="READER")) == "0123"
    assert scu.suspend("READER", ups_uid) == "C314"
    assert scu.subscribe("", ups_uid) == "C308"
    assert scu.find(item(ScheduledProcedureStepStartDateTime="soon"))[0] == "A900"
    text = {"headers": {"Content-Type": "text/plain"}}
    coded = {"headers": {"Content-Type": "application/dicom+json", "Content-Encoding": "gzip"}}
    answers = [
        (rs.request("POST", "/workitems", new_work_item(), **text), 415),
        (rs.request("POST", "/workitems", new_work_item(), **coded), 415),
        (rs.request("POST", "/workitems", headers={"Content-Type": "application/dicom+json"}), 400),
        (rs.request("GET", f"/workitems/{ups_uid}", headers={"Accept": "image/png"}), 406),
        (rs.request("GET", "/workitems?limit=x"), 400),
        (rs.request("POST", f"/workitems/{ups_uid}/subscribers/A?deletionlock=perhaps"), 400),
        (rs.request("PUT", f"/workitems/{ups_uid}/state", change("DONE", LOCK)), "0115"),
        (rs.request("DELETE", f"/workitems/{ups_uid}/subscribers/A"), 404),
    ]
    assert [answer for answer, _ in answers] == [str(expected) for _, expected in answers]


def test_a_refusal_says_in_its_header_what_the_standard_has_it_say(rs: UpsRs) -> None:
    def said(answer: str) -> tuple[str, str]:
        return answer, rs.said.headers.get("warning", "").removeprefix("299 thoraxd: ")

    ups_uid, renamed = new_uid(), item(ProcedureStepLabel="renamed")
    rs.create(ups_uid, new_work_item())
    not_claimed = "The target URI did not reference a claimed Workitem."  # 11.6.3.2
    stale = "The submitted request is inconsistent with the current state of the Workitem."
    conflict = "The submitted request is inconsistent with the state of the UPS Instance."  # 11.7.3.2
    assert said(rs.update(ups_uid, renamed, LOCK)) == ("C310", not_claimed)
    unlocked = item(ProcedureStepState="IN PROGRESS")
    assert said(rs.state(ups_uid, unlocked)) == ("C301", "The Transaction UID is missing.")
    assert rs.state(ups_uid, change("IN PROGRESS", LOCK)) == "ok"
    assert said(rs.state(ups_uid, change("IN PROGRESS", LOCK))) == ("C302", conflict)
    assert said(rs.state(ups_uid, change("COMPLETED", new_uid()))) == ("C301", "The Transaction UID is incorrect.")
    assert said(rs.update(ups_uid, renamed)) == ("C301", not_claimed)
    assert said(rs.cancel(ups_uid)) == ("C312", "The performer cannot be contacted.")  # 11.8.3.2
    assert rs.update(ups_uid, performed(), LOCK) == rs.state(ups_uid, change("COMPLETED", LOCK)) == "ok"
    assert said(rs.cancel(ups_uid)) == ("C311", "The UPS is already COMPLETED.")
    assert said(rs.update(ups_uid, renamed, LOCK)) == ("C300", stale)


def test_no_request_names_a_patient_in_the_log(system: Thoraxd, scu: UpsScu, rs: UpsRs) -> None:
    secret = "Geheim^Gertrud"
    scu.create(new_uid(), new_work_item(PatientName=secret, PatientID="GEHEIM-1"))
    scu.create(new_uid(), new_work_item(PatientName=secret, ScheduledProcedureStepPriority="GEHEIM"))
    rs.create("1.2/" + "GEHEIM", new_work_item(PatientName=secret))
    scu.find(item(PatientName="Geheim*", ScheduledProcedureStepStartDateTime="GEHEIM"))
    assert "geheim" not in system.log.read_text().lower()
