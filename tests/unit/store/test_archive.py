from __future__ import annotations

import pytest

from daemon.core.errors import StoreUnavailable
from daemon.store.archive import Archive, digest_of, key_for


@pytest.fixture(params=["folder", "memory"])
def archive(request, tmp_path):
    return Archive(str(tmp_path / "archive") if request.param == "folder" else f"memory://{tmp_path.name}")


def test_an_adopted_file_is_read_back_and_gone_from_where_it_came(archive, tmp_path):
    incoming = tmp_path / "incoming.dcm"
    incoming.write_bytes(b"film")
    key = key_for("1.2", "1.2.3", digest_of(incoming))
    archive.adopt(incoming, key)
    assert archive.read(key).read() == b"film"
    assert not incoming.exists()
    assert archive.keys() == [key]


def test_the_same_bytes_may_be_written_twice(archive):
    archive.write("1.2/1.2.3.aa.dcm", b"report")
    archive.write("1.2/1.2.3.aa.dcm", b"report")
    assert archive.read("1.2/1.2.3.aa.dcm").read() == b"report"
    assert len(archive.keys()) == 1


def test_what_is_not_there_is_an_error_of_the_store(archive):
    with pytest.raises(StoreUnavailable):
        archive.read("1.2/9.9.aa.dcm")


def test_what_cannot_be_written_is_an_error_of_the_store(tmp_path):
    archive = Archive(str(tmp_path / "archive"))
    (tmp_path / "archive" / "1.2").write_bytes(b"a file where a folder is wanted")
    with pytest.raises(StoreUnavailable, match="cannot be written"):
        archive.write("1.2/1.2.3.aa.dcm", b"report")


def test_deleting_twice_is_deleting(archive):
    archive.write("1.2/1.2.3.aa.dcm", b"x")
    archive.delete("1.2/1.2.3.aa.dcm")
    archive.delete("1.2/1.2.3.aa.dcm")
    assert archive.keys() == []


@pytest.mark.parametrize("uid", ["..", "../1.2", "1.2/3", "", "1..2", "1.2\n", "1" * 65, "1.a"])
def test_no_key_can_leave_the_archive(uid):
    with pytest.raises(ValueError):
        key_for(uid, "1.2", "0" * 64)
    with pytest.raises(ValueError):
        key_for("1.2", uid, "0" * 64)


def test_a_url_of_an_unknown_kind_is_named(tmp_path):
    with pytest.raises(StoreUnavailable, match=r"archive\.url"):
        Archive("gopher://host/archive")
