"""A daemon in this process whose archive and catalogue are filled by hand, for DICOMweb without a worker."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterable
from io import BytesIO
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx
from pydicom import Dataset, dcmread

from daemon.app import Daemon
from daemon.core.catalogue import entry_of
from daemon.settings import Settings
from daemon.store.archive import Archive, key_for
from daemon.store.cataloguing import Filed, enter
from tests.support.peers import programs

NOBODY = "redis://127.0.0.1:1/0"  # no worker takes part


class Shelf:
    """From start to close. `client` speaks to /dicom-web."""

    def __init__(self, folder: Path, **web: Any) -> None:
        web = {"port": programs.free_port(), **web}
        scp, archive, broker = {"port": programs.free_port()}, {"reserve_mb": 0}, {"url": NOBODY}
        self.settings = Settings(home=folder / "home", web=web, scp=scp, archive=archive, broker=broker)
        self.daemon = Daemon(self.settings)
        self.archive = Archive(self.settings.archive_url)
        self.client = httpx.Client(base_url=f"http://127.0.0.1:{web['port']}/dicom-web/", timeout=60)

    def __enter__(self) -> Self:
        self.daemon.start()
        deadline = time.monotonic() + 10
        while not programs.listens(self.settings.web.port):
            assert time.monotonic() < deadline, "the web server does not listen"
            time.sleep(0.01)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.client.close()
        self.daemon.stop()

    def put(self, *files: Dataset | bytes, result: bool = False) -> None:
        """Archive and enter objects, each a data set to be written or a PS3.10 file."""
        for content in _files(files):
            header = dcmread(BytesIO(content), stop_before_pixels=True, force=True)
            digest = hashlib.sha256(content).hexdigest()
            key = key_for(header.StudyInstanceUID, header.SOPInstanceUID, digest)
            self.archive.write(key, content)
            filed = Filed(
                header.StudyInstanceUID,
                header.SeriesInstanceUID,
                header.SOPInstanceUID,
                header.SOPClassUID,
                header.file_meta.TransferSyntaxUID,
                key,
                len(content),
                result,
            )
            with self.daemon.ledger.database.write() as session:
                enter(session, filed, entry_of(header))

    def get(self, ds: Dataset, what: str = "", *, accept: str = "*/*", **query: str) -> httpx.Response:
        """GET of an instance, or of a part of it."""
        place = f"studies/{ds.StudyInstanceUID}/series/{ds.SeriesInstanceUID}/instances/{ds.SOPInstanceUID}"
        return self.client.get(f"{place}/{what}", params=query, headers={"Accept": accept})


def _files(files: Iterable[Dataset | bytes]) -> Iterable[bytes]:
    for file in files:
        if isinstance(file, bytes):
            yield file
        else:
            buffer = BytesIO()
            file.save_as(buffer, enforce_file_format=True)
            yield buffer.getvalue()
