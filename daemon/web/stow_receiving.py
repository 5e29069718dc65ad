"""The instances of one STOW-RS request, from its body's first byte to what became of each: PS3.18 10.5.

Each part is written to the incoming folder as it comes and given to the use case of C-STORE as soon as it is whole, so
a request of any size costs the memory of one chunk. What a break leaves half received is removed; what was taken before
it stays, was never acknowledged, and is accepted again when it is sent again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import IO

import structlog

from daemon.core.errors import (
    ArchiveFull,
    SOPClassNotTaken,
    ThoraxdError,
    TransferSyntaxNotTaken,
    UnreadableDataSet,
)
from daemon.core.header import read_meta
from daemon.core.log import where
from daemon.core.statuses import PROCESSING_FAILURE, status_of
from daemon.core.storage import STORAGE_SCP, TRANSFER_SYNTAXES_SCP
from daemon.core.uids import is_uid
from daemon.ingest import Ingest, Received
from daemon.web.media_types import DICOM, media_type
from daemon.web.stow_parts import PartBegins, PartContent, PartEnds, Parts
from daemon.web.stow_preamble import complete

log = structlog.get_logger()

SENDER = "STOW-RS"  # stands where an association has its calling AE title
MAX_PARTS = 20_000
_SOP_CLASSES = frozenset(str(named.uid) for named in STORAGE_SCP)
_TRANSFER_SYNTAXES = frozenset(str(named.uid) for named in TRANSFER_SYNTAXES_SCP)
_AS_IT_IS = frozenset({"", "binary", "8bit", "7bit"})  # RFC 2045 6: encodings that change no byte


class TooLarge(ValueError):  # noqa: N818
    """The request, one of its parts or their number is beyond the limits."""


@dataclass(frozen=True, slots=True)
class Stored:
    """An instance that is durably kept."""

    sop_class_uid: str
    study_uid: str
    series_uid: str
    sop_uid: str


@dataclass(frozen=True, slots=True)
class Failed:
    """A part that was not: reason as in PS3.18 table I.2-2; UIDs "" where it does not even say which instance it is."""

    reason: int
    sop_class_uid: str = ""
    sop_uid: str = ""


@dataclass(frozen=True, slots=True)
class Limits:
    """Bytes."""

    instance: int
    request: int


class Receiving:
    """One request; its methods block.

    parts: None where the body is one instance by itself. study_uid: the only one that is taken, "" for any.
    touched: is told the study of each instance that was taken. sender: stands where an association has its AE title.
    """

    def __init__(
        self,
        parts: Parts | None,
        study_uid: str,
        ingest: Ingest,
        incoming: Path,
        limits: Limits,
        touched: Callable[[str], None],
        sender: str = SENDER,
    ) -> None:
        self.stored: list[Stored] = []
        self.failed: list[Failed] = []
        self.received = 0  # bytes
        self._parts, self._study_uid, self._ingest, self._touched = parts, study_uid, ingest, touched
        self._incoming, self._limits, self._sender = incoming, limits, sender
        self._file: IO[bytes] | None = None
        self._refused: int | None = None  # why the part under way is not kept
        self._size = 0
        if parts is None:
            self._begin({})

    def feed(self, chunk: bytes) -> None:
        """The next bytes of the body. Raises TooLarge, MalformedBody."""
        self.received += len(chunk)
        if self.received > self._limits.request:
            raise TooLarge(f"the request is larger than {self._limits.request // 1_000_000} MB")
        if self._parts is None:
            self._write(chunk)
            return
        for event in self._parts.feed(chunk):
            match event:
                case PartBegins():
                    self._begin(event.headers)
                case PartContent():
                    self._write(event.content)
                case PartEnds():
                    self._end_part()

    def end(self) -> None:
        """The body is whole. Raises MalformedBody where it is not."""
        if self._parts is None:
            self._end_part()
        else:
            self._parts.end()
        nameless = sum(not item.sop_uid for item in self.failed)
        if nameless:
            log.warning("store.no_instances", parts=nameless)

    def discard(self) -> None:
        """Remove what is half received."""
        file, self._file = self._file, None
        if file is not None:
            try:
                file.close()
            except OSError:
                pass  # on a full disk it cannot be flushed, but it is closed
            Path(file.name).unlink(missing_ok=True)

    def _begin(self, headers: Mapping[str, str]) -> None:
        if len(self.stored) + len(self.failed) >= MAX_PARTS:
            raise TooLarge(f"the request has more than {MAX_PARTS} parts")
        self._size, self._refused = 0, None
        said = media_type(headers.get("content-type", DICOM))
        encoding = headers.get("content-transfer-encoding", "").lower()
        if said is None or said.type != DICOM or encoding not in _AS_IT_IS:
            self._refused = status_of(UnreadableDataSet())
            return
        try:
            self._file = NamedTemporaryFile(dir=self._incoming, prefix="stow-", delete=False)  # noqa: SIM115
        except OSError:
            self._refused = status_of(ArchiveFull())

    def _write(self, content: bytes) -> None:
        self._size += len(content)
        if self._size > self._limits.instance:
            raise TooLarge(f"an instance is larger than {self._limits.instance // 1_000_000} MB")
        if self._file is not None:
            try:
                self._file.write(content)
            except OSError:
                self._refuse_for_space()

    def _refuse_for_space(self) -> None:
        self.discard()
        self._refused = status_of(ArchiveFull())

    def _end_part(self) -> None:
        if self._file is not None:
            try:
                self._file.close()
            except OSError:
                self._refuse_for_space()
        if self._file is None:
            self.failed.append(Failed(self._refused or PROCESSING_FAILURE))
            return
        try:
            self._take(Path(self._file.name))
        finally:
            self.discard()

    def _take(self, path: Path) -> None:
        uids = ("", "")
        try:
            _completed(path)
            received = self._announced(path)
            uids = (received.sop_class_uid, received.sop_uid)
            _check_taken(received)
            taken = self._ingest.take(received)
        except ThoraxdError as error:
            code = status_of(error)
            if uids[1]:  # else it is counted when all is received: a request may have thousands of such parts
                log.warning("instance.refused", instance=uids[1], status=f"{code:04X}", why=str(error))
            self.failed.append(Failed(code, *uids))
        except Exception as error:  # noqa: BLE001  a request must survive any one instance
            log.error("instance.error", instance=uids[1], kind=type(error).__name__, at=where(error))
            self.failed.append(Failed(PROCESSING_FAILURE, *uids))
        else:
            self._touched(taken.study_uid)
            self.stored.append(Stored(uids[0], taken.study_uid, taken.series_uid, taken.sop_uid))

    def _announced(self, path: Path) -> Received:
        """What the part's file meta information says it is; the use case compares that with the data set."""
        with path.open("rb") as file:
            meta = read_meta(file)
        received = Received(
            path=path,
            sop_class_uid=str(meta.get("MediaStorageSOPClassUID", "")),
            sop_uid=str(meta.get("MediaStorageSOPInstanceUID", "")),
            transfer_syntax_uid=str(meta.get("TransferSyntaxUID", "")),
            calling_ae=self._sender,
            study_uid=self._study_uid,
        )
        if not all(map(is_uid, (received.sop_class_uid, received.sop_uid, received.transfer_syntax_uid))):
            raise UnreadableDataSet("a UID of the file meta information is missing or malformed (PS3.10 7.1)")
        return received


def _completed(path: Path) -> None:
    try:
        complete(path)
    except OSError as error:
        raise ArchiveFull("a part cannot be written") from error


def _check_taken(received: Received) -> None:
    """What an association would have negotiated: the same tables as the Storage SCP's."""
    if received.sop_class_uid not in _SOP_CLASSES:
        raise SOPClassNotTaken("SOP class not supported")
    if received.transfer_syntax_uid not in _TRANSFER_SYNTAXES:
        raise TransferSyntaxNotTaken("transfer syntax not supported")
