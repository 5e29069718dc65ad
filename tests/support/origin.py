"""A DICOMweb origin server for tests: the daemon's own roles in this process, without workers and without Redis."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from email.message import Message
from email.parser import HeaderParser
from io import BytesIO
from pathlib import Path
from typing import Any

import httpx
from pydicom import Dataset

from daemon.app import Daemon
from daemon.settings import Settings
from tests.support.peers.programs import free_port, listens, wait_until

BOUNDARY = "4d1f-boundary"
PARTS = f'multipart/related; type="application/dicom"; boundary={BOUNDARY}'


class Origin:
    """A running server; `client` speaks to it."""

    def __init__(self, daemon: Daemon, settings: Settings) -> None:
        self.daemon, self.settings, self.ledger = daemon, settings, daemon.ledger
        self.root = f"http://127.0.0.1:{settings.web.port}"
        self.url = f"{self.root}/dicom-web"
        self.client = httpx.Client(base_url=self.url, timeout=60, trust_env=False)

    def store(self, *instances: Dataset | bytes, study: str = "", **options: Any) -> httpx.Response:
        """One Store transaction of these instances."""
        content = in_parts(*(each if isinstance(each, bytes) else encoded(each) for each in instances))
        headers = {"Content-Type": PARTS, **options.pop("headers", {})}
        return self.client.post(
            f"/studies/{study}" if study else "/studies", content=content, headers=headers, **options
        )

    def incoming(self) -> list[Path]:
        """What lies in the incoming folder."""
        return list(self.settings.incoming.iterdir())


@contextmanager
def origin(folder: Path, **settings: Mapping[str, Any]) -> Iterator[Origin]:
    """A server with its home in `folder`; settings: sections over those of a test."""
    sections: dict[str, Any] = {
        "scp": {"port": free_port()},
        "web": {"port": free_port()},
        "archive": {"reserve_mb": 0},
    }
    for name, values in settings.items():
        sections[name] = {**sections.get(name, {}), **values}
    made = Settings(home=folder, **sections)
    daemon = Daemon(made)
    daemon.start()
    try:
        wait_until(lambda: listens(made.web.port), 20, "the web server")
        served = Origin(daemon, made)
        with served.client:
            yield served
    finally:
        daemon.stop()


def encoded(ds: Dataset) -> bytes:
    """A data set as a PS3.10 file."""
    file = BytesIO()
    ds.save_as(file, enforce_file_format=True)
    return file.getvalue()


def in_parts(*contents: bytes, headers: bytes = b"Content-Type: application/dicom\r\n") -> bytes:
    """A body of parts."""
    head = b"--" + BOUNDARY.encode() + b"\r\n" + headers + b"\r\n"
    return b"".join(head + content + b"\r\n" for content in contents) + b"--" + BOUNDARY.encode() + b"--\r\n"


def parts_of(response: httpx.Response) -> Sequence[tuple[dict[str, str], bytes]]:
    """The headers, names in lower case, and the content of each part of an answer."""
    kind = Message()
    kind["Content-Type"] = response.headers["content-type"]
    boundary = b"--" + str(kind.get_boundary()).encode()
    found = []
    for part in response.content.split(boundary)[1:-1]:
        head, _, content = part.removesuffix(b"\r\n").partition(b"\r\n\r\n")
        headers = HeaderParser().parsestr(head.strip().decode())
        found.append(({name.lower(): value for name, value in headers.items()}, content))
        assert int(headers["Content-Length"]) == len(content)
    return found
