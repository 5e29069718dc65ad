"""Subscriptions to the worklist, PS3.4 CC.2.3 and CC.2.4: every event once, over DIMSE and over a WebSocket."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from pydicom.uid import generate_uid
from websockets.exceptions import InvalidStatus

from tests.integration.conftest import NOBODY
from tests.support.peers.programs import wait_until
from tests.support.peers.ups import (
    FILTERED,
    GLOBAL,
    Heard,
    Listener,
    SocketListener,
    UpsRs,
    UpsScu,
    socket_listener,
    wait_heard,
)
from tests.support.system import Thoraxd
from tests.support.work_items import change, item, new_work_item, performed

LOCK = "1.2.3.99"
RETRY = {"first_s": 0.3, "factor": 1.5, "longest_s": 1.0}
SETTINGS = {"broker": {"url": NOBODY}, "retry": RETRY}
WHOLE_LIFE = [(1, "SCHEDULED"), (1, "IN PROGRESS"), (3, ""), (1, "COMPLETED")]


@pytest.fixture(scope="module")
def listener() -> Iterator[Listener]:
    peer = Listener("WATCHER")
    peer.start()
    yield peer
    peer.stop()


@pytest.fixture(scope="module")
def down() -> Listener:
    """In the settings, and not listening until a test starts it."""
    return Listener("LATECOMER")


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory, listener: Listener, down: Listener) -> Iterator[Thoraxd]:
    with Thoraxd(
        tmp_path_factory.mktemp("events"), workers=0, modalities=[listener.entry(), down.entry()], settings=SETTINGS
    ) as running:
        yield running


@pytest.fixture
def scu(system: Thoraxd) -> Iterator[UpsScu]:
    with UpsScu(system.port) as peer:
        yield peer


@pytest.fixture
def rs(system: Thoraxd) -> Iterator[UpsRs]:
    with UpsRs(system.web_port) as peer:
        yield peer


def created(peer: UpsScu | UpsRs, **values: object) -> str:
    ups_uid = str(generate_uid(prefix=None))
    assert peer.create(ups_uid, new_work_item(**values)) == "ok"
    return ups_uid


def finish(one: UpsScu | UpsRs, other: UpsScu | UpsRs, ups_uid: str) -> None:
    """From SCHEDULED to COMPLETED, with a report of progress."""
    progress = item(ProcedureStepProgressInformationSequence=[item(ProcedureStepProgress="50")])
    assert one.state(ups_uid, change("IN PROGRESS", LOCK)) == "ok"
    assert other.update(ups_uid, progress, LOCK) == "ok"
    assert one.update(ups_uid, performed(), LOCK) == "ok"
    assert other.state(ups_uid, change("COMPLETED", LOCK)) == "ok"


def pending(system: Thoraxd, receiver: str) -> int:
    return len(system.ledger.ups_events.due(receiver, 1e12, 1000))


@pytest.mark.req("UPS-02")
def test_both_kinds_of_subscriber_hear_each_event_once_and_in_order(
    system: Thoraxd, listener: Listener, scu: UpsScu, rs: UpsRs
) -> None:
    ups_uid = created(scu)
    assert scu.subscribe("WATCHER", ups_uid) == "ok"
    assert rs.subscribe("BROWSER", ups_uid) == "ok"
    assert rs.said.status_code == 201
    assert rs.said.headers["content-location"].endswith("/dicom-web/subscribers/BROWSER")
    with socket_listener(system.web_port, "BROWSER") as browser:
        finish(scu, rs, ups_uid)
        for peer in (listener, browser):
            wait_heard(peer, ups_uid, len(WHOLE_LIFE))
        wait_until(lambda: pending(system, "WATCHER") + pending(system, "BROWSER") == 0, 10, "all told")
        assert listener.of(ups_uid) == browser.of(ups_uid) == WHOLE_LIFE


@pytest.mark.req("UPS-03")
def test_a_daemon_that_is_killed_between_change_and_report_tells_each_event_once_after_its_restart(
    tmp_path: Path,
) -> None:
    late = Listener("LATE")
    heard: list[Heard] = []
    with Thoraxd(tmp_path, workers=0, modalities=[late.entry()], settings=SETTINGS) as system:
        with UpsScu(system.port) as scu, UpsRs(system.web_port) as rs:
            ups_uid = created(scu)
            assert scu.subscribe("LATE", ups_uid) == rs.subscribe("BROWSER", ups_uid) == "ok"
            with socket_listener(system.web_port, "BROWSER", heard) as browser:
                assert scu.state(ups_uid, change("IN PROGRESS", LOCK)) == "ok"
                wait_heard(browser, ups_uid, 2)
            assert rs.update(ups_uid, performed(), LOCK) == rs.state(ups_uid, change("COMPLETED", LOCK)) == "ok"
            system.kill_daemon()
        late.start()
        system.start_daemon()
        with socket_listener(system.web_port, "BROWSER", heard) as browser:
            for peer in (late, browser):
                wait_heard(peer, ups_uid, 3)
                wait_heard(peer, GLOBAL, 1)
            wait_until(lambda: pending(system, "LATE") + pending(system, "BROWSER") == 0, 10, "all told")
    states = [(1, "SCHEDULED"), (1, "IN PROGRESS"), (1, "COMPLETED")]
    assert late.of(ups_uid) == browser.of(ups_uid) == states
    assert late.of(GLOBAL) == browser.of(GLOBAL) == [(4, "RESTARTED")]
    late.stop()


def test_events_wait_for_a_subscriber_that_is_not_there(
    system: Thoraxd, down: Listener, scu: UpsScu, rs: UpsRs
) -> None:
    ups_uid = created(rs)
    assert scu.subscribe("LATECOMER", ups_uid) == "ok"
    wait_until(lambda: system.events("ups.event_untold"), 10, "a failed report")
    finish(rs, scu, ups_uid)
    down.start()
    wait_heard(down, ups_uid, len(WHOLE_LIFE))
    down.stop()
    assert down.of(ups_uid) == WHOLE_LIFE


def test_global_subscribers_hear_of_new_items_until_they_suspend_and_of_all_until_they_unsubscribe(
    system: Thoraxd, scu: UpsScu, rs: UpsRs
) -> None:
    there = created(scu)
    with socket_listener(system.web_port, "ALL") as everything:
        assert rs.subscribe("ALL", GLOBAL, deletionlock="true") == "ok"
        wait_heard(everything, there, 1)  # with a lock: the present state of what exists
        new = created(scu)
        wait_heard(everything, new, 1)
        assert rs.suspend("ALL") == "ok"
        after = created(rs)
        scu.state(new, change("IN PROGRESS", LOCK))
        wait_heard(everything, new, 2)
        assert rs.unsubscribe("ALL", GLOBAL) == "ok"
        scu.update(new, performed(), LOCK)
        scu.state(new, change("COMPLETED", LOCK))
        last = created(scu)
        wait_until(lambda: pending(system, "ALL") == 0, 10, "all told")
        assert everything.of(there) == [(1, "SCHEDULED")]
        assert everything.of(new) == [(1, "SCHEDULED"), (1, "IN PROGRESS")]
        assert everything.of(after) == everything.of(last) == []
        assert rs.unsubscribe("ALL", GLOBAL) == rs.suspend("ALL") == "404"


def test_the_address_that_a_subscriber_is_told_is_one_whatever_its_ae_title(scu: UpsScu, rs: UpsRs) -> None:
    assert rs.subscribe("READING%20ROOM%20%232", created(scu)) == "ok"
    assert rs.said.headers["content-location"].endswith("/dicom-web/subscribers/READING%20ROOM%20%232")


def test_a_filtered_subscriber_hears_of_what_matches(system: Thoraxd, scu: UpsScu, rs: UpsRs) -> None:
    before = created(scu, ScheduledProcedureStepPriority="HIGH")
    keys = item(ScheduledProcedureStepPriority="HIGH", WorklistLabel="ch*")
    assert scu.subscribe("URGENT", FILTERED, keys=keys) == "ok"
    assert rs.subscribe("LABELS", FILTERED, filter="WorklistLabel=other") == "ok"
    assert rs.subscribe("NOBODY", FILTERED) == "0115"
    high, low = created(rs, ScheduledProcedureStepPriority="HIGH"), created(scu)
    other = created(scu, WorklistLabel="other", ScheduledProcedureStepPriority="HIGH")
    scu.state(before, change("IN PROGRESS", LOCK))
    with (
        socket_listener(system.web_port, "URGENT") as urgent,
        socket_listener(system.web_port, "LABELS") as labels,
    ):
        wait_heard(urgent, before, 1)
        wait_heard(labels, other, 1)
        assert [uid for uid, _, _ in urgent.heard] == [high, before]
        assert [uid for uid, _, _ in labels.heard] == [other]
    assert low not in {uid for uid, _, _ in urgent.heard}
    assert scu.unsubscribe("URGENT", GLOBAL) == scu.unsubscribe("LABELS", GLOBAL) == "ok"


def test_one_item_can_be_left_alone_and_a_subscribed_performer_is_asked_to_cancel(
    system: Thoraxd, scu: UpsScu, rs: UpsRs
) -> None:
    ups_uid, unwatched = created(scu), created(scu)
    for uid in (ups_uid, unwatched):
        scu.subscribe("PERFORMER", uid)
    assert scu.unsubscribe("PERFORMER", unwatched) == "ok"
    for uid in (ups_uid, unwatched):
        assert rs.state(uid, change("IN PROGRESS", LOCK)) == "ok"
    assert scu.cancel(ups_uid, item(ReasonForCancellation="moved")) == "ok"
    assert rs.cancel(ups_uid) == "ok" and rs.said.status_code == 202
    assert scu.cancel(unwatched) == "C312"
    with socket_listener(system.web_port, "PERFORMER") as performer:
        wait_heard(performer, ups_uid, 4)
        assert performer.of(ups_uid) == [(1, "SCHEDULED"), (1, "IN PROGRESS"), (2, ""), (2, "")]
        assert performer.of(unwatched) == [(1, "SCHEDULED")]
    assert rs.get(ups_uid).ProcedureStepState == "IN PROGRESS"  # type: ignore[union-attr]


def test_a_receiver_has_one_connection_and_none_where_it_is_told_over_dimse(system: Thoraxd) -> None:
    with socket_listener(system.web_port, "ONE") as first, socket_listener(system.web_port, "ONE") as second:
        wait_until(lambda: not first.connected, 10, "the older one closed")
        assert second.connected
    with pytest.raises(InvalidStatus):
        SocketListener(system.web_port, "WATCHER")
