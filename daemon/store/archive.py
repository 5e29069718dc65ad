"""The archive: every received instance and every result object, one file each, never changed once written.

A key is made of UIDs and a digest of the content, so two different data sets can never overwrite each other and the
same one may be written twice. On a file system a write is temporary name, fsync, rename, fsync of the folder; on any
other fsspec store (s3://…) it is one atomic upload.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import IO, Any, cast

import fsspec
from fsspec.implementations.local import LocalFileSystem

from daemon.core.errors import NotArchived, StoreUnavailable
from daemon.core.uids import is_uid


def key_for(study_uid: str, sop_uid: str, digest: str, kind: str = "dcm") -> str:
    """STUDY/SOP.DIGEST.dcm; both UIDs must have the form of UIDs, so that a key cannot leave the archive.

    kind: "hl7" for a message.
    """
    if not (is_uid(study_uid) and is_uid(sop_uid)):
        raise ValueError("an archive key needs well-formed UIDs")
    return f"{study_uid}/{sop_uid}.{digest[:16]}.{kind}"


def digest_of(path: Path) -> str:
    """SHA-256 of a file, hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _fsync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


class Archive:
    """Files under one fsspec url."""

    def __init__(self, url: str) -> None:
        try:
            self._fs, root = fsspec.core.url_to_fs(url)
        except (ValueError, ImportError) as error:
            raise StoreUnavailable(f"archive.url: {error}") from error
        self._root = str(root).rstrip("/")
        self._local = Path(self._root) if isinstance(self._fs, LocalFileSystem) else None
        if self._local is not None:
            self._local.mkdir(parents=True, exist_ok=True)

    def adopt(self, path: Path, key: str) -> None:
        """Take the file at `path` into the archive; when this returns, it is durable and `path` is gone."""
        if self._local is None:
            self._fs.put_file(str(path), f"{self._root}/{key}")
            path.unlink()
            return
        target = self._local / key
        new_folder = not target.parent.exists()
        target.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        try:
            path.rename(target)
        except OSError:  # another file system: copy beside the target, then rename there
            beside = target.with_name(f".{target.name}.{os.getpid()}")
            shutil.copyfile(path, beside)
            with beside.open("rb") as file:
                os.fsync(file.fileno())
            beside.rename(target)
            path.unlink()
        _fsync_folder(target.parent)
        if new_folder:
            _fsync_folder(target.parent.parent)

    def write(self, key: str, content: bytes) -> None:
        """Put `content` under `key`, durably. Raises StoreUnavailable when it cannot be written now."""
        try:
            self._write(key, content)
        except OSError as error:
            raise StoreUnavailable(f"archive: {key} cannot be written ({type(error).__name__})") from error

    def _write(self, key: str, content: bytes) -> None:
        if self._local is None:
            self._fs.pipe_file(f"{self._root}/{key}", content)
            return
        target = self._local / key
        target.parent.mkdir(parents=True, exist_ok=True)
        beside = target.with_name(f".{target.name}.{os.getpid()}")
        with beside.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        beside.rename(target)
        _fsync_folder(target.parent)

    def open(self, key: str) -> IO[bytes]:
        """The stored bytes, for reading. Raises StoreUnavailable when they are not there."""
        try:
            if self._local is not None:
                return (self._local / key).open("rb")
            return cast(IO[bytes], self._fs.open(f"{self._root}/{key}", "rb"))
        except FileNotFoundError as error:
            raise NotArchived(f"archive: {key} is not there") from error
        except OSError as error:
            raise StoreUnavailable(f"archive: {key} cannot be read ({type(error).__name__})") from error

    def read(self, key: str) -> BytesIO:
        """All stored bytes of `key`."""
        with self.open(key) as file:
            try:
                return BytesIO(file.read())
            except OSError as error:
                raise StoreUnavailable(f"archive: {key} cannot be read ({type(error).__name__})") from error

    @contextmanager
    def local(self, key: str) -> Iterator[Path]:
        """`key` as a file of this machine, while the block lasts. Raises StoreUnavailable."""
        if self._local is not None:
            path = self._local / key
            if not path.is_file():
                raise NotArchived(f"archive: {key} is not there")
            yield path
            return
        with NamedTemporaryFile(suffix=".dcm") as copy, self.open(key) as file:
            shutil.copyfileobj(file, copy)
            copy.flush()
            yield Path(copy.name)

    def path(self, key: str) -> str:
        """Where a person finds `key`: a path, or a URL."""
        return (
            str(self._local / key)
            if self._local is not None
            else cast(str, self._fs.unstrip_protocol(f"{self._root}/{key}"))
        )

    def delete(self, key: str) -> None:
        """Remove `key` if it is there."""
        if self._local is not None:
            (self._local / key).unlink(missing_ok=True)
        elif self._fs.exists(f"{self._root}/{key}"):
            self._fs.rm_file(f"{self._root}/{key}")

    def free_bytes(self) -> int | None:
        """Free space; None where the store has no such bound."""
        return shutil.disk_usage(self._local).free if self._local is not None else None

    def keys(self) -> list[str]:
        """Every key, sorted."""
        found: Any = self._fs.find(self._root)
        return sorted(str(name)[len(self._root) + 1 :] for name in found)
