"""The use case of receiving, on a real archive and a real ledger."""

from __future__ import annotations

import threading

import pytest

from daemon.core.errors import ArchiveFull, IdentityMismatch, UnreadableDataSet
from daemon.ingest import Ingest, Received
from daemon.store import migrate
from daemon.store.archive import Archive
from daemon.store.database import Database
from daemon.store.ledger import Ledger
from tests.support.builders import make_cxr, write


class House:
    """One archive and ledger in a folder, and a way to hand an instance in as the SCP does."""

    def __init__(self, folder, reserve_bytes=0):
        self.incoming = folder / "incoming"
        self.archive = Archive(str(folder / "archive"))
        database = Database(f"sqlite:///{folder / 'ledger.sqlite'}")
        migrate.upgrade(database.engine)
        self.ledger = Ledger(database)
        self.reserve_bytes = reserve_bytes
        self.ingest = Ingest(self.archive, self.ledger, self.incoming, reserve_bytes, lambda: 100.0)
        self._count = 0

    def take(self, ds, **announced):
        self._count += 1
        path = self.incoming / f"{self._count}.dcm"
        write(ds, path)
        values = {
            "sop_class_uid": str(ds.get("SOPClassUID", "1.2")),
            "sop_uid": str(ds.get("SOPInstanceUID", "1.2")),
            "transfer_syntax_uid": str(ds.file_meta.TransferSyntaxUID),
            "calling_ae": "CR1",
        }
        return self.ingest.take(Received(path, **(values | announced)))

    def kept(self):
        return self.archive.keys(), self.ledger.views.study_uids()


@pytest.fixture
def house(tmp_path):
    house = House(tmp_path)
    yield house
    house.ledger.close()


@pytest.fixture
def film():
    return make_cxr(rows=32, columns=24)


def test_an_instance_is_archived_as_it_came_and_recorded(house, film):
    taken = house.take(film)
    (key,), (study_uid,) = house.kept()
    assert taken.new
    assert study_uid == film.StudyInstanceUID
    assert house.archive.read(key).getvalue()[128:132] == b"DICM"
    assert list(house.incoming.iterdir()) == []


def test_the_same_instance_again_is_accepted_and_changes_nothing(house, film):
    house.take(film)
    before = house.kept()
    assert not house.take(film).new
    assert house.kept() == before


def test_other_bytes_under_the_same_uid_never_replace_the_first(house, film):
    house.take(film)
    before = house.kept()
    content = house.archive.read(before[0][0]).getvalue()
    film.StudyDescription = "another"
    assert not house.take(film).new
    assert house.kept() == before
    assert house.archive.read(before[0][0]).getvalue() == content


def test_of_eight_at_the_same_moment_one_is_new(house, film):
    paths = []
    for number in range(8):
        paths.append(house.incoming / f"p{number}.dcm")
        write(film, paths[-1])
    taken = []

    def take(path):
        uids = str(film.SOPClassUID), str(film.SOPInstanceUID), str(film.file_meta.TransferSyntaxUID)
        taken.append(house.ingest.take(Received(path, *uids, "CR1")).new)

    threads = [threading.Thread(target=take, args=(path,)) for path in paths]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(taken) == [False] * 7 + [True]
    assert len(house.kept()[0]) == 1


@pytest.mark.parametrize("announced", [{"sop_uid": "1.2.3"}, {"sop_class_uid": "1.2.840.10008.5.1.4.1.1.1"}])
def test_an_instance_that_is_not_what_was_announced_is_not_kept(house, film, announced):
    with pytest.raises(IdentityMismatch):
        house.take(film, **announced)
    assert house.kept() == ([], [])


@pytest.mark.parametrize("keyword", ["StudyInstanceUID", "SeriesInstanceUID"])
@pytest.mark.parametrize("value", ["../../etc", "1..2", "a.b", ""])
def test_an_instance_with_a_malformed_uid_is_not_kept(house, film, keyword, value):
    film[keyword].value = value
    with pytest.raises(UnreadableDataSet):
        house.take(film)
    assert house.kept() == ([], [])


def test_the_uid_of_an_instance_of_another_study_is_refused_and_not_dropped_in_silence(house, film):
    house.take(film)
    before = house.kept()
    film.StudyInstanceUID = "1.2.3.4"
    with pytest.raises(IdentityMismatch, match="another study"):
        house.take(film)
    assert house.kept() == before


def test_below_the_reserve_nothing_is_kept(tmp_path, film):
    house = House(tmp_path, reserve_bytes=10**18)
    with pytest.raises(ArchiveFull):
        house.take(film)
    assert house.kept() == ([], [])
    house.ledger.close()


def test_what_is_not_eligible_is_kept_with_its_reason(house):
    house.take(make_cxr(rows=32, columns=24, view="LL"))
    study = house.ledger.views.studies(house.ledger.views.study_uids())[0]
    (instance,) = study["instances"]
    assert instance["state"] == "SET_ASIDE"
    assert instance["reason"]
